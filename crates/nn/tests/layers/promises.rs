//! Single promises: errors, NaNs, empty batches, seeds, variables and 16-bit numbers.

use adder_nn::loss::{CrossEntropy, binary_cross_entropy_with_logit, cross_entropy, cross_entropy_with, nll};
use adder_nn::ops::{
    avg_pool2d, avg_pool2d_with_stride, max_pool2d, max_pool2d_with_stride, relu, softmax_last_dim,
};
use adder_nn::{
    AvgPool2d, BatchNorm2d, BatchNormConfig, BlockConfig, Blocks, Dropout, LayerNorm, MaxPool2d, Module,
    ModuleT, RmsNorm, VarBuilder, VarMap, batch_norm, block, layer_norm, layer_norm_no_bias, rms_norm,
};
use candle_core::{DType, Device, Tensor, Var};

use crate::checks::{assert_close, flat, numbers};

const CPU: Device = Device::Cpu;

fn message<T: std::fmt::Debug>(result: candle_core::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn windows_that_cannot_be_are_errors() {
    let x = numbers(1, &[1, 2, 5, 5]);
    assert!(message(max_pool2d(&x, 6)).contains("room for one window"));
    assert!(message(avg_pool2d(&x, 0)).contains("at least 1"));
    assert!(message(max_pool2d_with_stride(&x, 2, 0)).contains("at least 1"));
    assert!(message(MaxPool2d::new(3).with_padding(2).forward(&x)).contains("half of the kernel"));
    assert!(max_pool2d(&x.get(0).unwrap(), 2).is_err());
    // More padding than any number can count with.
    assert!(MaxPool2d::new(usize::MAX).with_padding(usize::MAX / 2).forward(&x).is_err());
}

#[test]
fn an_empty_batch_has_empty_outputs_and_gradients() {
    let x = Var::zeros((0, 3, 6, 6), DType::F32, &CPU).unwrap();
    let mut outputs = vec![
        max_pool2d(&x, 2).unwrap(),
        max_pool2d_with_stride(&x, 3, 1).unwrap(),
        avg_pool2d_with_stride(&x, 2, 3).unwrap(),
        relu(&x).unwrap(),
        Dropout::new(0.5).forward(&x, true).unwrap(),
    ];
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
    let norm = batch_norm(3, 1e-5, vb.pp("batch")).unwrap();
    outputs.push(norm.forward_t(&x, true).unwrap());
    outputs.push(layer_norm(6, 1e-5, vb.pp("layer")).unwrap().forward(&x).unwrap());
    for output in outputs {
        assert_eq!(output.dims()[..2], [0, 3]);
        let grads = output.sum_all().unwrap().backward().unwrap();
        assert_eq!(grads.get(&x).unwrap().dims(), [0, 3, 6, 6]);
    }
    assert_eq!(flat(norm.running_mean()), [0.0; 3], "an empty batch moves nothing");
    assert_eq!(flat(norm.running_var()), [1.0; 3], "an empty batch moves nothing");
    let (logits, labels) = (Tensor::zeros((0, 3), DType::F32, &CPU), Tensor::zeros(0, DType::U32, &CPU));
    assert!(cross_entropy(&logits.unwrap(), &labels.unwrap()).unwrap().to_scalar::<f32>().unwrap().is_nan());
}

#[test]
fn labels_that_are_no_classes_are_named() {
    let logits = numbers(1, &[3, 10]);
    let of = |labels: &[i64]| Tensor::new(labels, &CPU).unwrap();
    for wrong in [10, -1, 1 << 32] {
        let labels = of(&[0, 1, wrong]);
        let expected = format!("label {wrong} of row 2 is none of 10 classes");
        assert!(message(cross_entropy(&logits, &labels)).contains(&expected));
        assert!(message(nll(&logits, &labels)).contains(&expected));
        let wide = logits.to_dtype(DType::F64).unwrap();
        assert!(message(cross_entropy(&wide, &labels)).contains(&expected));
    }
    assert!(message(cross_entropy(&logits, &of(&[1, 2]))).contains("none of 3 rows"));
    let bytes = of(&[1, 2, 3]).to_dtype(DType::U8).unwrap();
    assert_eq!(
        cross_entropy(&logits, &bytes).unwrap().to_scalar::<f32>().unwrap(),
        cross_entropy(&logits, &of(&[1, 2, 3])).unwrap().to_scalar::<f32>().unwrap()
    );
    let smoothed = CrossEntropy::default().with_label_smoothing(1.0);
    assert!(message(cross_entropy_with(&logits, &bytes, smoothed)).contains("label_smoothing"));
    let options = CrossEntropy::default();
    assert!(
        message(cross_entropy_with(&logits, &numbers(1, &[3, 9]), options)).contains("not distributions")
    );
}

/// A class that is ruled out by an infinite logit costs nothing as long as it is not the label.
#[test]
fn infinite_logits_rule_classes_out() {
    for dtype in [DType::F32, DType::F64] {
        let logits = Tensor::new(&[[0f32, f32::NEG_INFINITY, 0.0]], &CPU).unwrap().to_dtype(dtype).unwrap();
        let loss = cross_entropy(&logits, &Tensor::new(&[2u32], &CPU).unwrap()).unwrap();
        assert!((flat(&loss)[0] - 2f64.ln()).abs() < 1e-6);
    }
}

#[test]
fn nans_are_not_hidden() {
    let mut values = vec![0.5f32; 48];
    values[17] = f32::NAN;
    let x = Tensor::from_vec(values, (1, 3, 4, 4), &CPU).unwrap();
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
    let norm = batch_norm(3, 1e-5, vb.pp("batch")).unwrap();
    let outputs = [
        max_pool2d(&x, 2).unwrap(),
        max_pool2d(&x, 4).unwrap(),
        avg_pool2d(&x, 2).unwrap(),
        relu(&x).unwrap(),
        Dropout::new(0.9).forward(&x, true).unwrap(),
        norm.forward_relu(&x, true).unwrap(),
        norm.forward_add_relu(&x, &x, true).unwrap(),
        layer_norm(4, 1e-5, vb.pp("layer")).unwrap().forward(&x).unwrap(),
        softmax_last_dim(&x).unwrap(),
        binary_cross_entropy_with_logit(&x, &x.zeros_like().unwrap()).unwrap(),
        cross_entropy(&x.flatten_from(1).unwrap(), &Tensor::new(&[3u32], &CPU).unwrap()).unwrap(),
    ];
    for (index, output) in outputs.iter().enumerate() {
        assert!(flat(output).iter().any(|value| value.is_nan()), "output {index}");
    }
}

#[test]
fn a_channel_of_one_value_does_not_train_unless_allowed() {
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
    let x = numbers(1, &[1, 3]);
    for (norm, x) in [
        (batch_norm(3, 1e-5, vb.pp("a")).unwrap(), x.clone()),
        (batch_norm(3, 1e-5, vb.pp("b")).unwrap().without_kernels(), x),
    ] {
        assert!(message(norm.forward_t(&x, true)).contains("more than one value"));
        assert!(norm.forward_t(&x, false).is_ok());
        let norm = norm.allow_single_values();
        assert_eq!(flat(&norm.forward_t(&x, true).unwrap()), [0.0; 3]);
        assert_close("the variance is 0", norm.running_var(), &Tensor::full(0.9f32, 3, &CPU).unwrap(), 1e-7);
    }
}

#[test]
fn running_statistics_are_variables_of_the_map() {
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &CPU);
    let norm = batch_norm(3, BatchNormConfig::default(), vb.pp("norm")).unwrap();
    norm.forward_t(&numbers(1, &[4, 3, 2, 2]), true).unwrap();
    let held = variables.data().lock().unwrap();
    let mut names: Vec<&String> = held.keys().collect();
    names.sort();
    assert_eq!(names, ["norm.bias", "norm.running_mean", "norm.running_var", "norm.weight"]);
    assert_ne!(flat(held["norm.running_mean"].as_tensor()), [0.0; 3]);
    assert_eq!(flat(held["norm.running_mean"].as_tensor()), flat(norm.running_mean()));
}

#[test]
fn a_norm_without_parameters_and_one_that_keeps_the_mean() {
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
    let x = numbers(1, &[4, 3, 2, 2]);
    let config = BatchNormConfig { affine: false, ..Default::default() };
    let norm = batch_norm(3, config, vb.pp("plain")).unwrap();
    assert!(norm.weight_and_bias().is_none());
    let expected = norm.clone().without_kernels().forward_t(&x, true).unwrap();
    assert_close("no parameters", &norm.forward_t(&x, true).unwrap(), &expected, 1e-6);
    let config = BatchNormConfig { remove_mean: false, ..Default::default() };
    let norm = batch_norm(3, config, vb.pp("mean")).unwrap();
    let ours = norm.forward_t(&x, true).unwrap();
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
    let theirs = candle_nn::batch_norm(3, config, vb).unwrap();
    assert_close("with its mean", &ours, &theirs.forward_t(&x, true).unwrap(), 1e-6);
    assert_eq!(flat(norm.running_mean()), [0.0; 3]);
    assert_close("variance", norm.running_var(), theirs.running_var(), 1e-6);
}

#[test]
fn norms_refuse_what_does_not_fit() {
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
    let norm = batch_norm(3, 1e-5, vb.pp("batch")).unwrap();
    assert!(message(norm.forward_t(&numbers(1, &[2, 4, 2, 2]), true)).contains("[b, 3, ...]"));
    assert!(
        message(norm.forward_add_relu(&numbers(1, &[2, 3]), &numbers(1, &[2, 1]), true)).contains("residual")
    );
    assert!(message(batch_norm(3, -1.0, vb.pp("negative"))).contains("eps"));
    let of = |len: usize| numbers(1, &[len]);
    assert!(message(BatchNorm2d::new(3, of(3), of(3), of(4), of(3), 1e-5)).contains("weight"));
    let momentum = BatchNorm2d::new_no_bias_with_momentum(3, of(3), of(3), 1e-5, 1.5);
    assert!(message(momentum).contains("momentum"));
    let norm = layer_norm(4, 1e-5, vb.pp("layer")).unwrap();
    assert!(message(norm.forward(&numbers(1, &[2, 3]))).contains("[..., 4]"));
}

/// That candle computes shows in the last digits of sums.
#[test]
fn layers_without_kernels_are_candles() {
    let (x, weight) = (numbers(1, &[20, 301]), numbers(2, &[301]));
    let layer = LayerNorm::new_no_bias(weight.clone(), 1e-5);
    let rms = RmsNorm::new(weight, 1e-5);
    for (kernels, candle) in [
        (layer.forward(&x), layer.clone().without_kernels().forward(&x)),
        (rms.forward(&x), rms.clone().without_kernels().forward(&x)),
    ] {
        let (kernels, candle) = (kernels.unwrap(), candle.unwrap());
        assert_close("norm", &candle, &kernels, 1e-6);
        assert_ne!(flat(&candle), flat(&kernels));
    }
    let of_scalar = rms.clone().with_isa(adder_kernels::Isa::SCALAR).forward(&x).unwrap();
    assert_eq!(flat(&of_scalar), flat(&rms.forward(&x).unwrap()));
    let x = numbers(1, &[2, 3, 7, 6]);
    let (max, average) = (MaxPool2d::new(3).with_padding(1), AvgPool2d::new(2));
    assert_eq!(flat(&max.without_kernels().forward(&x).unwrap()), flat(&max.forward(&x).unwrap()));
    let expected = average.forward(&x).unwrap();
    assert_close("average", &average.without_kernels().forward(&x).unwrap(), &expected, 1e-6);
    assert_ne!(max, max.without_kernels());
    assert_ne!(average, average.without_kernels());
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
    let blocks =
        [block(3, 4, BlockConfig::default(), vb.pp("a")), block(4, 2, BlockConfig::default(), vb.pp("b"))];
    let blocks = Blocks::new(blocks.into_iter().collect::<candle_core::Result<_>>().unwrap());
    let expected = blocks.forward_t(&x, true).unwrap();
    let by_layers = blocks.clone().without_kernels().forward_t(&x, true).unwrap();
    assert_close("blocks", &by_layers, &expected, 1e-5);
    let scalar = blocks.with_isa(adder_kernels::Isa::SCALAR).forward_t(&x, true).unwrap();
    assert_eq!(flat(&scalar), flat(&expected));
}

#[test]
fn layer_norms_take_the_names_of_old_files() {
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &CPU);
    for name in ["gamma", "beta"] {
        vb.get_with_hints(3, name, candle_nn::Init::Const(0.25)).unwrap();
    }
    let old = layer_norm(3, 1e-5, vb.clone()).unwrap();
    assert_eq!(flat(old.weight()), [0.25; 3]);
    assert_eq!(flat(old.bias().unwrap()), [0.25; 3]);
    assert!(layer_norm_no_bias(3, 1e-5, vb.pp("a")).unwrap().bias().is_none());
    assert_eq!(flat(rms_norm(3, 1e-5, vb.pp("b")).unwrap().weight()), [1.0; 3]);
}

#[test]
fn dropout_is_a_function_of_seed_and_step() {
    let x = Tensor::ones((8, 5, 4, 3), DType::F32, &CPU).unwrap();
    let mask = |dropout: &Dropout| flat(&dropout.forward(&x, true).unwrap());
    let [first, second] = [1, 1].map(|seed| Dropout::new(0.5).with_seed(seed));
    let masks = [mask(&first), mask(&first)];
    assert_ne!(masks[0], masks[1], "every step has its own");
    assert_eq!(masks[0], mask(&second));
    second.set_step(1);
    // A clone counts with the layer it was made of.
    assert_eq!(masks[1], mask(&second.clone()));
    assert_eq!(second.step(), 2);
    assert_ne!(masks[0], mask(&Dropout::new(0.5).with_seed(2)));
    let [one, other] = [(); 2].map(|()| Dropout::new(0.5));
    assert_ne!(one.seed(), other.seed());
    let dropped = masks[0].iter().filter(|&&value| value == 0.0).count();
    assert!((160..320).contains(&dropped), "{dropped} of 480");
    let wide = second.forward(&x.to_dtype(DType::F64).unwrap(), true).unwrap();
    second.set_step(2);
    assert_eq!(flat(&wide), mask(&second), "other types have the same masks");
}

#[test]
fn dropout_does_nothing_in_evaluation_and_refuses_what_is_no_probability() {
    let x = numbers(1, &[3, 4]);
    for probability in [0.0, 0.7, 1.0] {
        assert_eq!(flat(&Dropout::new(probability).forward(&x, false).unwrap()), flat(&x));
    }
    assert_eq!(flat(&Dropout::new(0.0).forward(&x, true).unwrap()), flat(&x));
    for probability in [1.0, -0.1, f32::NAN] {
        assert!(message(Dropout::new(probability).forward_t(&x, true)).contains("probability"));
    }
}

/// Numbers of 16 bits go through candle's operations and stay what they are.
#[test]
fn half_precision_is_near_single() {
    let labels = Tensor::new(&[1u32, 5], &CPU).unwrap();
    let all = |x: &Tensor| {
        let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
        let norm = batch_norm(3, 1e-5, vb.pp("batch")).unwrap();
        let layer = layer_norm(6, 1e-5, vb.pp("layer")).unwrap();
        [
            max_pool2d(x, 2).unwrap(),
            MaxPool2d::new(3).with_padding(1).forward(x).unwrap(),
            avg_pool2d(x, 3).unwrap(),
            relu(x).unwrap(),
            norm.forward_relu(x, true).unwrap(),
            norm.forward_add_relu(x, x, false).unwrap(),
            layer.forward(x).unwrap(),
            cross_entropy(&x.flatten_from(1).unwrap(), &labels).unwrap(),
        ]
    };
    let x = numbers(1, &[2, 3, 6, 6]);
    for (dtype, bound) in [(DType::F16, 4e-3), (DType::BF16, 3e-2)] {
        let half = Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap();
        let wide = all(&half.to_dtype(DType::F32).unwrap());
        for (index, (found, expected)) in all(&half).iter().zip(&wide).enumerate() {
            assert_eq!(found.dtype(), dtype);
            assert_close(&format!("output {index}"), found, expected, bound);
            assert!(found.sum_all().unwrap().backward().unwrap().get(&half).is_some(), "output {index}");
        }
    }
}
