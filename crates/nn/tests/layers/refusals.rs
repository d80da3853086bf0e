//! Convolutions and linear layers of other element types, and what they refuse: in words, never by a panic.

use adder_nn::{Conv2d, Conv2dConfig, Linear, Module, VarBuilder, VarMap, conv2d, conv2d_no_bias};
use candle_core::{DType, Device, Result, Tensor, Var};

use crate::checks::{Memory, assert_close, differentiate, flat, numbers};

const CPU: Device = Device::Cpu;

fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

fn conv(inputs: &[Tensor], config: Conv2dConfig) -> Result<Tensor> {
    Conv2d::new(inputs[1].clone(), inputs.get(2).cloned(), config).forward(&inputs[0])
}

fn dense(inputs: &[Tensor], _: Conv2dConfig) -> Result<Tensor> {
    Linear::new(inputs[1].clone(), inputs.get(2).cloned()).forward(&inputs[0])
}

/// The same layer in 16 bits, values and gradients.
#[test]
fn half_precision_is_near_single_with_gradients() {
    let images = [numbers(1, &[2, 3, 7, 6]), numbers(2, &[5, 3, 3, 3]), numbers(3, &[5])];
    let rows = [numbers(4, &[2, 3, 6]), numbers(5, &[5, 6]), numbers(6, &[5])];
    let config = |stride| Conv2dConfig { padding: 1, stride, ..Default::default() };
    type Layer = fn(&[Tensor], Conv2dConfig) -> Result<Tensor>;
    let layers: [(&[Tensor], Layer, usize); 4] =
        [(&images, conv, 1), (&images, conv, 2), (&images, conv, 3), (&rows, dense, 1)];
    for (inputs, layer, stride) in layers {
        for (dtype, bound) in [(DType::F16, 4e-3), (DType::BF16, 3e-2)] {
            let half: Vec<Tensor> = inputs.iter().map(|input| input.to_dtype(dtype).unwrap()).collect();
            let wide: Vec<Tensor> = half.iter().map(|input| input.to_dtype(DType::F32).unwrap()).collect();
            let run = |inputs: &[Tensor]| {
                let layer = |inputs: &[Tensor]| layer(inputs, config(stride));
                let upstream = layer(inputs).unwrap().ones_like().unwrap();
                differentiate(inputs, Some(&upstream), Memory::Contiguous, layer).unwrap()
            };
            let ((output, gradients), (expected, expected_gradients)) = (run(&half), run(&wide));
            assert_eq!(output.dtype(), dtype);
            assert_close(&format!("{dtype:?}, stride {stride}"), &output, &expected, bound);
            for (index, (found, expected)) in gradients.iter().zip(&expected_gradients).enumerate() {
                assert_eq!(found.dtype(), dtype);
                assert_close(
                    &format!("gradient {index}, {dtype:?}, stride {stride}"),
                    found,
                    expected,
                    bound,
                );
            }
        }
    }
}

#[test]
fn mixed_element_types_are_errors_that_name_both() {
    let of = |tensor: Tensor, dtype| tensor.to_dtype(dtype).unwrap();
    for (dtypes, names) in [
        ([DType::F64, DType::F32, DType::F32], ["F64", "F32"]),
        ([DType::F32, DType::F64, DType::F64], ["F32", "F64"]),
        ([DType::F32, DType::F32, DType::F64], ["F32", "F64"]),
        ([DType::F16, DType::F32, DType::F32], ["F16", "F32"]),
        ([DType::BF16, DType::BF16, DType::F32], ["BF16", "F32"]),
    ] {
        let images = [numbers(1, &[1, 2, 4, 4]), numbers(2, &[3, 2, 3, 3]), numbers(3, &[3])];
        let rows = [numbers(1, &[4, 2]), numbers(2, &[3, 2]), numbers(3, &[3])];
        for (tensors, layer) in [(images, conv as fn(&_, _) -> _), (rows, dense)] {
            let mut dtypes = dtypes.into_iter();
            let inputs = tensors.map(|tensor| of(tensor, dtypes.next().unwrap()));
            let message = message(layer(&inputs[..], Conv2dConfig::default()));
            assert!(names.iter().all(|name| message.contains(name)), "{message}");
        }
    }
}

/// What is no convolution, for the kernels, for candle's operations on f32 and on f64.
#[test]
fn convolutions_that_cannot_be_are_errors() {
    let refused = |x: &[usize], weight: &[usize], bias: usize, config: Conv2dConfig, words: &[&str]| {
        let [x, weight, bias] = [numbers(1, x), numbers(2, weight), numbers(3, &[bias])];
        let layer = Conv2d::new(weight.clone(), Some(bias.clone()), config);
        let wide = [&x, &weight, &bias].map(|tensor| tensor.to_dtype(DType::F64).unwrap());
        let [wide_x, weight, bias] = wide;
        let messages = [
            message(layer.forward(&x)),
            message(layer.without_kernels().forward(&x)),
            message(Conv2d::new(weight, Some(bias), config).forward(&wide_x)),
        ];
        for message in messages {
            assert!(words.iter().all(|word| message.contains(word)), "{message}: no {words:?}");
        }
    };
    let plain = Conv2dConfig::default();
    let (x, weight) = (&[2, 4, 5, 6][..], &[6, 4, 3, 3][..]);
    refused(&[4, 5, 6], weight, 6, plain, &["4", "3"]);
    refused(x, &[6, 4, 3], 6, plain, &["4", "3"]);
    refused(&[2, 3, 5, 6], weight, 6, plain, &["4 channels", "[2, 3, 5, 6]"]);
    refused(x, weight, 5, plain, &["bias of [6]", "[5]"]);
    refused(x, &[6, 4, 6, 6], 6, plain, &["6x6", "5x6"]);
    refused(x, &[6, 4, 3, 3], 6, Conv2dConfig { dilation: 3, ..plain }, &["5x6", "dilation of 3"]);
    refused(x, &[6, 4, 0, 0], 6, plain, &["0x0"]);
    refused(x, &[0, 4, 3, 3], 0, plain, &["output channels", "at least 1"]);
    refused(&[2, 4, 0, 6], weight, 6, Conv2dConfig { padding: 2, ..plain }, &["0x6"]);
    refused(&[2, 0, 5, 6], weight, 6, plain, &["[2, 0, 5, 6]"]);
    refused(x, weight, 6, Conv2dConfig { stride: 0, ..plain }, &["stride", "at least 1"]);
    refused(x, weight, 6, Conv2dConfig { dilation: 0, ..plain }, &["dilation", "at least 1"]);
    refused(x, weight, 6, Conv2dConfig { groups: 0, ..plain }, &["groups", "at least 1"]);
    refused(
        x,
        &[6, 1, 3, 3],
        6,
        Conv2dConfig { groups: 4, ..plain },
        &["divide 4 input and 6 output", "found 4"],
    );
    refused(x, weight, 6, Conv2dConfig { groups: 2, ..plain }, &["2 groups"]);
    for padding in [usize::MAX, usize::MAX / 2, usize::MAX / 8, 1 << 40] {
        for stride in [1, 2, 3] {
            let config = Conv2dConfig { padding, stride, ..plain };
            let [x, weight] = [numbers(1, x), numbers(2, weight)];
            assert!(Conv2d::new(weight.clone(), None, config).forward(&x).is_err());
            let [x, weight] = [x, weight].map(|tensor| tensor.to_dtype(DType::F64).unwrap());
            assert!(Conv2d::new(weight, None, config).forward(&x).is_err());
        }
    }
    let dilated = Conv2dConfig { dilation: usize::MAX, ..plain };
    refused(x, weight, 6, dilated, &["room for a kernel"]);

    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &CPU);
    for groups in [0, 3] {
        let config = Conv2dConfig { groups, ..plain };
        assert!(message(conv2d(4, 6, 3, config, vb.pp("a"))).contains("groups that divide 4"));
        assert!(message(conv2d_no_bias(6, 4, 3, config, vb.pp("b"))).contains("output channels"));
    }
}

#[test]
fn linear_layers_refuse_what_does_not_fit() {
    let layer = Linear::new(numbers(1, &[3, 4]), None);
    for layer in [layer.clone(), layer.without_kernels()] {
        for shape in [&[][..], &[3], &[4, 3], &[2, 4, 0], &[0]] {
            let message = message(layer.forward(&numbers(2, shape)));
            assert!(
                message.contains("last dimension of 4") && message.contains(&format!("{shape:?}")),
                "{message}"
            );
        }
    }
    for bias in [2, 4] {
        let layer = Linear::new(numbers(1, &[3, 4]), Some(numbers(2, &[bias])));
        for layer in [layer.clone(), layer.without_kernels()] {
            assert!(layer.forward(&numbers(3, &[2, 4])).is_err(), "a bias of {bias}");
        }
    }
    assert!(Linear::new(numbers(1, &[4]), None).forward(&numbers(2, &[2, 4])).is_err());
}

/// Empty batches on kernels and on candle's operations, whose gradients are zeros or, where candle leaves an empty tensor out of its
/// graph, none.
#[test]
fn empty_batches_have_empty_outputs_and_gradients_of_zeros() {
    type Make = fn(Tensor, Tensor, bool) -> Box<dyn Module>;
    fn conv<const STRIDE: usize>(weight: Tensor, bias: Tensor, kernels: bool) -> Box<dyn Module> {
        let config = Conv2dConfig { stride: STRIDE, padding: 1, ..Default::default() };
        let layer = Conv2d::new(weight, Some(bias), config);
        Box::new(if kernels { layer } else { layer.without_kernels() })
    }
    fn dense(weight: Tensor, bias: Tensor, kernels: bool) -> Box<dyn Module> {
        let layer = Linear::new(weight, Some(bias));
        Box::new(if kernels { layer } else { layer.without_kernels() })
    }
    let weight = &[4, 3, 3, 3][..];
    type Case = (Make, &'static [usize], &'static [usize], &'static [usize], bool);
    let cases: [Case; 5] = [
        (conv::<1>, &[0, 3, 6, 7], weight, &[0, 4, 6, 7], true),
        (conv::<2>, &[0, 3, 6, 7], weight, &[0, 4, 3, 4], true),
        (conv::<3>, &[0, 3, 6, 7], weight, &[0, 4, 2, 3], false),
        (dense, &[0, 3], &[4, 3], &[0, 4], true),
        (dense, &[2, 0, 3], &[4, 3], &[2, 0, 4], true),
    ];
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for (make, x, weight, output, has_kernels) in cases {
            for kernels in [true, false] {
                let of = |shape| Var::from_tensor(&numbers(1, shape).to_dtype(dtype).unwrap()).unwrap();
                let [x, weight, bias] = [x, weight, &[4]].map(of);
                let layer = make(weight.as_tensor().clone(), bias.as_tensor().clone(), kernels);
                let y = layer.forward(&x).unwrap();
                assert_eq!((y.dims(), y.dtype()), (output, dtype));
                let grads = y.sum_all().unwrap().backward().unwrap();
                for var in [&x, &weight, &bias] {
                    match grads.get(var) {
                        Some(gradient) => assert!(flat(gradient).iter().all(|&value| value == 0.0)),
                        None => assert!(!(kernels && has_kernels && dtype == DType::F32)),
                    }
                }
            }
        }
    }
}
