//! What convolutions and linear layers keep between passes must not show: plans, packed weights, scratch memory.

use adder_nn::{Conv2d, Conv2dConfig, Linear, Module, VarBuilder, VarMap, conv2d, conv2d_no_bias, linear};
use adder_nn::{linear_b, linear_no_bias};
use candle_core::{DType, Device, Tensor, Var};

use crate::checks::{assert_close, flat, numbers};

const CPU: Device = Device::Cpu;

fn padded(padding: usize, stride: usize) -> Conv2dConfig {
    Conv2dConfig { padding, stride, ..Default::default() }
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

/// More sizes than there are plans for at a time, one after the other and then again.
#[test]
fn a_convolution_meets_many_sizes() {
    let (weight, bias) = (numbers(1, &[9, 4, 3, 3]), numbers(2, &[9]));
    for config in [padded(1, 1), padded(2, 2)] {
        let layer = Conv2d::new(weight.clone(), Some(bias.clone()), config);
        for size in (3..12).chain(3..12) {
            for batch in [2, 1, 3] {
                let x = numbers(size as u64, &[batch, 4, size, 14 - size]);
                let fresh = Conv2d::new(weight.clone(), Some(bias.clone()), config);
                assert_eq!(bits(&layer.forward(&x).unwrap()), bits(&fresh.forward(&x).unwrap()));
            }
        }
    }
}

/// Packed weights are kept by value: a change of a single bit, in any place, is seen by every clone and every size.
#[test]
fn changed_weights_are_never_stale() {
    let weight = Var::from_tensor(&numbers(1, &[17, 9, 3, 3])).unwrap();
    let layer = Conv2d::new(weight.as_tensor().clone(), None, padded(1, 1));
    let clone = layer.clone();
    let images = [numbers(2, &[1, 9, 5, 6]), numbers(3, &[2, 9, 4, 4])];
    let mut values = weight.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for place in [0, 1, 255, 256, 257, 600, 17 * 81 - 1] {
        values[place] = f32::from_bits(values[place].to_bits() ^ 0x8000_0000);
        let changed = Tensor::from_slice(&values, (17, 9, 3, 3), &CPU).unwrap();
        weight.set(&changed).unwrap();
        let fresh = Conv2d::new(changed, None, padded(1, 1));
        for x in &images {
            let expected = bits(&fresh.forward(x).unwrap());
            for layer in [&layer, &clone] {
                assert_eq!(bits(&layer.forward(x).unwrap()), expected, "after a change at {place}");
            }
        }
    }
}

/// As candle's own layers: the gradient at the input is by the weight as it is when it is asked for.
#[test]
fn weights_that_change_before_the_backward_pass_are_candles() {
    let gradients = |kernels: bool| {
        let weight = Var::from_tensor(&numbers(1, &[5, 3, 3, 3])).unwrap();
        let matrix = Var::from_tensor(&numbers(2, &[4, 6])).unwrap();
        let x = Var::from_tensor(&numbers(3, &[2, 3, 5, 6])).unwrap();
        let conv = Conv2d::new(weight.as_tensor().clone(), None, padded(1, 1));
        let dense = Linear::new(matrix.as_tensor().clone(), None);
        let (conv, dense) =
            if kernels { (conv, dense) } else { (conv.without_kernels(), dense.without_kernels()) };
        let loss = dense.forward(&conv.forward(&x).unwrap()).unwrap().sqr().unwrap().sum_all().unwrap();
        weight.set(&numbers(4, &[5, 3, 3, 3])).unwrap();
        matrix.set(&numbers(5, &[4, 6])).unwrap();
        let grads = loss.backward().unwrap();
        [&x, &weight, &matrix].map(|var| grads.get(var).unwrap().clone())
    };
    for (index, (ours, theirs)) in gradients(true).iter().zip(&gradients(false)).enumerate() {
        assert_close(&format!("gradient {index}"), ours, theirs, 1e-5);
    }
}

/// A graph can be asked twice, and what other passes do in between does not matter.
#[test]
fn a_second_backward_pass_gives_the_same_gradients() {
    let weight = Var::from_tensor(&numbers(1, &[5, 3, 3, 3])).unwrap();
    let conv = Conv2d::new(weight.as_tensor().clone(), None, padded(0, 2));
    let x = Var::from_tensor(&numbers(2, &[9, 3, 7, 6])).unwrap();
    let loss = conv.forward(&x).unwrap().sqr().unwrap().sum_all().unwrap();
    let gradients = || {
        let grads = loss.backward().unwrap();
        [&x, &weight].map(|var| bits(grads.get(var).unwrap()))
    };
    let first = gradients();
    conv.forward(&numbers(3, &[9, 3, 7, 6])).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(gradients(), first);
}

#[test]
fn clones_work_on_several_threads_at_once() {
    let weights = [1, 2].map(|seed| numbers(seed, &[9, 3, 3, 3]));
    let weight = Var::from_tensor(&weights[0]).unwrap();
    let conv = Conv2d::new(weight.as_tensor().clone(), None, padded(1, 1));
    let dense = Linear::new(numbers(3, &[5, 7]), None);
    let run = |conv: &Conv2d, dense: &Linear, size: usize| {
        let x = Var::from_tensor(&numbers(size as u64, &[2, 3, size, 7])).unwrap();
        let y = dense.forward(&conv.forward(&x).unwrap()).unwrap();
        let grads = y.sum_all().unwrap().backward().unwrap();
        [bits(&y), bits(grads.get(&x).unwrap())]
    };
    let sizes = 2..9;
    let expected = weights.clone().map(|weight| {
        let fresh = Conv2d::new(weight, None, padded(1, 1));
        sizes.clone().map(|size| run(&fresh, &dense, size)).collect::<Vec<_>>()
    });
    for round in 0..6 {
        weight.set(&weights[round % 2]).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (conv, dense, expected) = (conv.clone(), dense.clone(), &expected[round % 2]);
                let sizes = sizes.clone();
                scope.spawn(move || {
                    for turn in 0..expected.len() {
                        let index = (turn * (thread + 1)) % expected.len();
                        let size = sizes.start + index;
                        assert!(run(&conv, &dense, size) == expected[index], "size {size}, thread {thread}");
                    }
                });
            }
        });
    }
}

/// Gradients exist for the variables among input, weight and bias, and are the same whichever of them are variables.
#[test]
fn frozen_tensors_have_no_gradients() {
    let all = [numbers(1, &[3, 4, 5, 6]), numbers(2, &[7, 4, 3, 3]), numbers(3, &[7])];
    let flattened = [numbers(4, &[3, 6]), numbers(5, &[7, 6]), numbers(6, &[7])];
    let mut whole = [const { None }; 2];
    for variables in (0..8u8).rev() {
        for (kind, tensors) in [&all, &flattened].into_iter().enumerate() {
            let is_variable = |index: usize| variables >> index & 1 == 1;
            let vars = [0, 1, 2].map(|index| Var::from_tensor(&tensors[index]).unwrap());
            let of = |index: usize| match is_variable(index) {
                true => vars[index].as_tensor().clone(),
                false => vars[index].as_detached_tensor(),
            };
            let [x, weight, bias] = [of(0), of(1), of(2)];
            let y = match kind {
                0 => Conv2d::new(weight, Some(bias), padded(1, 2)).forward(&x).unwrap(),
                _ => Linear::new(weight, Some(bias)).forward(&x).unwrap(),
            };
            assert_eq!(y.track_op(), variables != 0);
            let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            let found = [0, 1, 2].map(|index| grads.get(&vars[index]).map(bits));
            let expected = whole[kind].get_or_insert_with(|| found.clone());
            for index in 0..3 {
                let expected = expected[index].as_ref().filter(|_| is_variable(index));
                assert_eq!(
                    found[index].as_ref(),
                    expected,
                    "layer {kind}, tensor {index} of {variables:03b}"
                );
            }
        }
    }
}

/// The names and shapes of a map's variables.
fn listed(variables: &VarMap) -> Vec<(String, Vec<usize>)> {
    let held = variables.data().lock().unwrap();
    let mut all: Vec<_> = held.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect();
    all.sort();
    all
}

/// A network of candle-nn's layers and one of ours have the same variables, read each other's files and say the same; and the one
/// is made of the other layer by layer.
#[test]
fn networks_of_candle_move_with_their_files() {
    let grouped = Conv2dConfig { groups: 2, dilation: 2, stride: 2, padding: 3, ..Default::default() };
    let (ours, mut theirs) = (VarMap::new(), VarMap::new());
    let vb = VarBuilder::from_varmap(&ours, DType::F32, &CPU);
    let convs = [
        conv2d(3, 8, 5, padded(2, 2), vb.pp("a")).unwrap(),
        conv2d_no_bias(8, 6, 3, padded(1, 1), vb.pp("b")).unwrap(),
        conv2d(6, 4, 3, grouped, vb.pp("c")).unwrap(),
    ];
    let linears = [
        linear(6, 5, vb.pp("d")).unwrap(),
        linear_no_bias(5, 7, vb.pp("e")).unwrap(),
        linear_b(7, 3, true, vb.pp("f")).unwrap(),
        linear_b(3, 2, false, vb.pp("g")).unwrap(),
    ];
    let vb = VarBuilder::from_varmap(&theirs, DType::F32, &CPU);
    let their_convs = [
        candle_nn::conv2d(3, 8, 5, padded(2, 2), vb.pp("a")).unwrap(),
        candle_nn::conv2d_no_bias(8, 6, 3, padded(1, 1), vb.pp("b")).unwrap(),
        candle_nn::conv2d(6, 4, 3, grouped, vb.pp("c")).unwrap(),
    ];
    let their_linears = [
        candle_nn::linear(6, 5, vb.pp("d")).unwrap(),
        candle_nn::linear_no_bias(5, 7, vb.pp("e")).unwrap(),
        candle_nn::linear_b(7, 3, true, vb.pp("f")).unwrap(),
        candle_nn::linear_b(3, 2, false, vb.pp("g")).unwrap(),
    ];
    assert_eq!(listed(&ours), listed(&theirs));
    let file = std::env::temp_dir().join(format!("adder-nn-states-{}.safetensors", std::process::id()));
    ours.save(&file).unwrap();
    theirs.load(&file).unwrap();
    std::fs::remove_file(&file).unwrap();

    let mut x = numbers(1, &[2, 3, 11, 12]);
    for (ours, theirs) in convs.into_iter().zip(their_convs) {
        let (y, expected) = (ours.forward(&x).unwrap(), theirs.forward(&x).unwrap());
        assert_close("a convolution", &y, &expected, 1e-5);
        let moved = Conv2d::from(theirs);
        assert_eq!(moved.config(), ours.config());
        assert_eq!(bits(&moved.forward(&x).unwrap()), bits(&y));
        x = y;
    }
    let mut x = numbers(2, &[4, 6]);
    for (ours, theirs) in linears.into_iter().zip(their_linears) {
        let (y, expected) = (ours.forward(&x).unwrap(), theirs.forward(&x).unwrap());
        assert_close("a linear layer", &y, &expected, 1e-5);
        assert_eq!(bits(&Linear::from(theirs).forward(&x).unwrap()), bits(&y));
        x = y;
    }
}

/// A step of an optimizer on variables of a map moves the layers that were made of it.
#[test]
fn layers_follow_the_variables_of_their_map() {
    let mut variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &CPU);
    let conv = conv2d(2, 3, 3, padded(1, 1), vb.pp("conv")).unwrap();
    let x = numbers(1, &[1, 2, 4, 4]);
    conv.forward(&x).unwrap();
    variables.set_one("conv.weight", Tensor::zeros((3, 2, 3, 3), DType::F32, &CPU).unwrap()).unwrap();
    variables.set_one("conv.bias", Tensor::new(&[1f32, 2.0, 3.0], &CPU).unwrap()).unwrap();
    let sums = conv.forward(&x).unwrap().sum((0, 2, 3)).unwrap();
    assert_eq!(flat(&sums), [16.0, 32.0, 48.0]);
}
