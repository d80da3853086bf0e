//! Recurrent layers, norms of batches and optimizers.

use candle_core::{DType, Result, Tensor};
use candle_nn::rnn::{Direction, RNN};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, VarBuilder, VarMap};

use crate::check::{CPU, fault, right, variable};

/// Values that golden/candle.py has too.
fn ramp(shape: &[usize], scale: f64, offset: f64) -> Result<Tensor> {
    let count = shape.iter().product::<usize>();
    let values = (0..count).map(|i| (((i * 37 + 11) % 29) as f64 / 29. * scale + offset) as f32);
    Tensor::from_iter(values, CPU)?.reshape(shape)
}

/// The parameters of a layer of three units over two inputs.
fn parameters(gates: usize, suffix: &str) -> Result<VarBuilder<'static>> {
    let units = gates * 3;
    let shapes: [(&str, &[usize]); 4] = [
        ("weight_ih_l0", &[units, 2]),
        ("weight_hh_l0", &[units, 3]),
        ("bias_ih_l0", &[units]),
        ("bias_hh_l0", &[units]),
    ];
    let of = |(k, (name, shape)): (usize, (&str, &[usize]))| {
        Ok((format!("{name}{suffix}"), ramp(shape, 1., -0.5 + 0.05 * k as f64)?))
    };
    let tensors = shapes.into_iter().enumerate().map(of).collect::<Result<_>>()?;
    Ok(VarBuilder::from_tensors(tensors, DType::F32, CPU))
}

#[test]
fn gru_states_to_tensor() -> Result<()> {
    let gru = candle_nn::gru(2, 3, Default::default(), parameters(3, "")?)?;
    let states = gru.seq(&ramp(&[2, 3, 2], 2., -1.)?)?;
    let shape = |x: &Tensor| Tensor::from_iter(x.dims().iter().map(|&n| n as f64), CPU);
    // Batch, steps and units are three axes in PyTorch, and of the LSTM.
    fault(&shape(&gru.states_to_tensor(&states)?)?, &[2., 9.], &[2., 3., 3.]);
    let instead = Tensor::stack(&states.iter().map(|state| state.h.clone()).collect::<Vec<_>>(), 1)?;
    right(&shape(&instead)?, &[2., 3., 3.]);
    right(&(instead.get(1)?.get(2)? * 1e4)?.round()?, &[-4076., 627., 1655.]);
    Ok(())
}

#[test]
fn lstm_direction_backward() -> Result<()> {
    // Only the parameters' names change: the sequence is read from its first step on.
    let config = candle_nn::LSTMConfig { direction: Direction::Backward, ..Default::default() };
    let lstm = candle_nn::lstm(2, 3, config, parameters(4, "_reverse")?)?;
    let x = ramp(&[2, 3, 2], 2., -1.)?;
    let first = |states: &Tensor| (states.get(0)?.get(0)? * 1e4)?.round();
    fault(&first(&lstm.states_to_tensor(&lstm.seq(&x)?)?)?, &[-1976., -123., 881.], &[-2693., -261., 3072.]);
    let reversed = lstm.states_to_tensor(&lstm.seq(&x.flip(&[1])?)?)?;
    right(&first(&reversed.flip(&[1])?)?, &[-2693., -261., 3072.]);
    Ok(())
}

#[test]
fn batch_norm_of_one_value() -> Result<()> {
    // The unbiased variance of one value divides by zero; PyTorch refuses such a batch.
    let (zero, one) = (Tensor::zeros(1, DType::F32, CPU)?, Tensor::ones(1, DType::F32, CPU)?);
    let norm = candle_nn::BatchNorm::new_no_bias(1, zero, one, 1e-5)?;
    norm.forward_train(&Tensor::new(&[[3f32]], CPU)?)?;
    fault(norm.running_var(), &[f64::NAN], &[1.]);
    let (zero, one) = (Tensor::zeros(1, DType::F32, CPU)?, Tensor::ones(1, DType::F32, CPU)?);
    let norm = adder_nn::BatchNorm2d::new_no_bias(1, zero, one, 1e-5)?;
    let error = norm.forward_train(&Tensor::new(&[[3f32]], CPU)?).expect_err("one value").to_string();
    assert!(error.contains("more than one value a channel"), "{error}");
    right(norm.running_var(), &[1.]);
    Ok(())
}

#[test]
fn load_before_the_layers() -> Result<()> {
    // A map is loaded into the parameters that are there: before the layers are made, there are none.
    let path = std::env::temp_dir().join(format!("candle-{}.safetensors", std::process::id()));
    let saved = VarMap::new();
    let layer = |map: &VarMap| candle_nn::linear(1, 1, VarBuilder::from_varmap(map, DType::F32, CPU));
    layer(&saved)?;
    let mut map = VarMap::new();
    saved.data().lock().expect("no panic under the lock")["weight"].set(&Tensor::new(&[[7f32]], CPU)?)?;
    saved.save(&path)?;
    map.load(&path)?;
    let unloaded = layer(&map)?.weight().eq(7f32)?;
    fault(&unloaded, &[0.], &[1.]);
    map.load(&path)?;
    right(layer(&map)?.weight(), &[7.]);
    std::fs::remove_file(path)?;
    Ok(())
}

#[test]
fn adamw_of_a_late_parameter() -> Result<()> {
    // The steps are counted for all parameters together: one whose first gradient comes in the tenth step is
    // corrected as if it had had nine before. Its first step ought to be the learning rate.
    fn late<O: Optimizer<Config = ParamsAdamW>>(params: &ParamsAdamW) -> Result<Tensor> {
        let (late, early) = (variable(&[1.], &[1])?, variable(&[1.], &[1])?);
        let mut optimizer = O::new(vec![late.clone(), early.clone()], params.clone())?;
        for _ in 0..9 {
            optimizer.backward_step(&early.sqr()?.sum_all()?)?;
        }
        optimizer.backward_step(&late.sqr()?.sum_all()?)?;
        Ok(late.as_tensor().clone())
    }
    let params = ParamsAdamW { lr: 0.1, weight_decay: 0., ..Default::default() };
    fault(&late::<AdamW>(&params)?, &[0.951_557_34], &[0.9]);
    // By choice: adder-nn's optimizer gives the numbers of candle's.
    fault(&late::<adder_nn::AdamW>(&params)?, &[0.951_557_34], &[0.9]);
    let late = variable(&[1.], &[1])?;
    AdamW::new(vec![late.clone()], params)?.backward_step(&late.sqr()?.sum_all()?)?;
    right(&late, &[0.9]);
    Ok(())
}
