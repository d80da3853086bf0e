//! Fused hidden layers and heads against the layers that they are made of.

use adder_kernels::Isa;
use adder_kernels::dense::{DenseSpec, OneHotInput};
use adder_nn::fused::{DenseTargets, FusedDense, flat as flatten};
use adder_nn::loss::{CrossEntropy, cross_entropy_with};
use adder_nn::ops::relu;
use adder_nn::{BatchNorm, Linear, Module, ModuleT};
use candle_core::{DType, Device, Result, Tensor, Var};

use crate::checks::{assert_close, flat, numbers};

const CPU: Device = Device::Cpu;
const ROWS: usize = 7;
const SMOOTHING: f32 = 0.1;

fn spec() -> DenseSpec {
    let one_hot = Some(OneHotInput { layer: 1, classes: 4 });
    DenseSpec { inputs: 6, layers: vec![9, 5], one_hot, heads: vec![10, 3] }
}

/// Weight, gamma and beta of both layers and the weights of both heads.
fn parameters() -> Vec<Var> {
    let shapes = [&[9, 6][..], &[9], &[9], &[5, 13], &[5], &[5], &[10, 5], &[3, 5]];
    let vars = (10..).zip(shapes).map(|(seed, shape)| Var::from_tensor(&numbers(seed, shape)).unwrap());
    vars.collect()
}

fn targets(rows: usize) -> Vec<DenseTargets> {
    let labels = |classes: u8| (0..rows as u8).map(|row| row * 5 % classes).collect();
    let plain = DenseTargets { labels: labels(10), label_smoothing: SMOOTHING, soft: None };
    vec![plain, DenseTargets { labels: labels(3), label_smoothing: 0.0, soft: None }]
}

fn one_hot(rows: usize) -> Vec<u8> {
    (0..rows as u8).map(|row| row * 3 % 4).collect()
}

/// Loss and the mean and variance of each norm, layer by layer.
fn composed(x: &Tensor, params: &[Var]) -> Result<(Tensor, Vec<Tensor>)> {
    let tensor = |index: usize| params[index].as_tensor().clone();
    let rows = x.dim(0)?;
    let mut running = Vec::new();
    let mut hidden = |x: &Tensor, first: usize| {
        let channels = params[first].dim(0)?;
        let [mean, var] = [0f32, 1.0].map(|value| Tensor::full(value, channels, &CPU));
        let (gamma, beta) = (tensor(first + 1), tensor(first + 2));
        let norm = BatchNorm::new_with_momentum(channels, mean?, var?, gamma, beta, 1e-5, 1.0)?;
        let y = relu(&norm.forward_t(&Linear::new(tensor(first), None).forward(x)?, true)?)?;
        running.push(norm.running_mean().clone());
        running.push((norm.running_var() * ((rows - 1) as f64 / rows as f64))?);
        Ok::<_, candle_core::Error>(y)
    };
    let first = hidden(x, 0)?;
    let classes: Vec<f32> = one_hot(rows)
        .iter()
        .flat_map(|&class| (0..4).map(move |other| f32::from(u8::from(other == class))))
        .collect();
    let joined = Tensor::cat(&[&first, &Tensor::from_vec(classes, (rows, 4), &CPU)?], 1)?;
    let last = hidden(&joined, 3)?;
    let mut losses = Vec::new();
    for (head, targets) in targets(rows).iter().enumerate() {
        let logits = Linear::new(tensor(6 + head), None).forward(&last)?;
        let labels = Tensor::from_slice(&targets.labels, rows, &CPU)?;
        let options = CrossEntropy::default().with_label_smoothing(targets.label_smoothing);
        losses.push(cross_entropy_with(&logits, &labels, options)?);
    }
    Ok(((&losses[0] + &losses[1])?, running))
}

#[test]
fn dense_layers_train_as_linear_layers_and_norms_do() -> Result<()> {
    let x = Var::from_tensor(&numbers(1, &[ROWS, 6]))?;
    let params = parameters();
    let (loss, running) = composed(&x, &params)?;
    let expected = (loss.affine(3.0, 0.0)?).backward()?;
    for isa in Isa::available() {
        let fused = FusedDense::new(spec(), isa)?;
        // The second pass works in the buffers of the first.
        for _ in 0..2 {
            let flat_params = flatten(params.iter().map(Var::as_tensor))?;
            let done = fused.loss(&x, Some(one_hot(ROWS)), &flat_params, targets(ROWS))?;
            assert_close("loss", &done.loss, &loss, 1e-6);
            let statistics: Vec<_> =
                done.statistics.iter().flat_map(|found| [&found.mean, &found.variance]).collect();
            for (found, expected) in statistics.into_iter().zip(&running) {
                assert_close("statistics", found, expected, 1e-6);
            }
            let losses: f64 = done.tally.heads.iter().map(|head| head.loss).sum();
            assert!((losses / ROWS as f64 - flat(&loss)[0]).abs() < 1e-5);
            let objective = done.loss.affine(3.0, 0.0)?;
            let found = objective.backward()?;
            for (index, var) in [&x].into_iter().chain(&params).enumerate() {
                let (found, expected) = (found.get(var).unwrap(), expected.get(var).unwrap());
                assert_close(&format!("gradient {index}, {isa}"), found, expected, 1e-5);
            }
            assert!(objective.backward().unwrap_err().to_string().contains("only once"));
        }
    }
    Ok(())
}

#[test]
fn dense_layers_refuse_what_does_not_fit() -> Result<()> {
    let fused = FusedDense::new(spec(), Isa::best())?;
    let x = numbers(1, &[ROWS, 6]);
    let params = flatten(parameters().iter().map(Var::as_tensor))?;
    let refused = |x: &Tensor, one_hot: Option<Vec<u8>>, params: &Tensor, targets: Vec<DenseTargets>| {
        fused.loss(x, one_hot, params, targets).unwrap_err().to_string()
    };
    let classes = || Some(one_hot(ROWS));
    // As many values, other axes.
    for shape in [&[6, ROWS][..], &[42], &[1, 7, 6], &[14, 3]] {
        let message = refused(&x.reshape(shape)?, classes(), &params, targets(ROWS));
        assert!(message.contains(&format!("{shape:?}")), "{message}");
    }
    assert!(refused(&x, None, &params, targets(ROWS)).contains("one_hot"));
    assert!(refused(&x, Some(vec![4; ROWS]), &params, targets(ROWS)).contains("below 4"));
    assert!(refused(&x, classes(), &params.narrow(0, 0, 50)?, targets(ROWS)).contains("params"));
    assert!(refused(&x, classes(), &params, targets(ROWS - 1)).contains("labels"));
    assert!(refused(&x, classes(), &params, Vec::new()).contains("targets"));
    assert!(refused(&x.to_dtype(DType::F64)?, classes(), &params, targets(ROWS)).contains("F64"));
    Ok(())
}
