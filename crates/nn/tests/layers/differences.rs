//! Gradients against central differences of the same layer, in f64 and so on candle's operations, and for f32, whose kernels the
//! gradients are, against those.

use adder_nn::loss::{
    CrossEntropy, binary_cross_entropy_with_logit, cross_entropy, cross_entropy_with, mse, nll,
};
use adder_nn::ops::{leaky_relu, log_softmax, relu, softmax};
use adder_nn::{
    AvgPool2d, BatchNorm, Conv2d, Conv2dConfig, Dropout, LayerNorm, Linear, MaxPool2d, Module, ModuleT,
    RmsNorm,
};
use candle_core::{DType, Device, Result, Tensor};

use crate::checks::{Memory, assert_close, differentiate, flat, numbers};

/// Holds the gradients of `layer` to central differences along two random directions in each input.
fn check(name: &str, inputs: &[Tensor], layer: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let wide: Vec<Tensor> = inputs.iter().map(|input| input.to_dtype(DType::F64).unwrap()).collect();
    let output = layer(&wide).unwrap();
    let upstream = (output.rank() > 0).then(|| numbers(99, output.dims()));
    let wide_upstream = upstream.as_ref().map(|upstream| upstream.to_dtype(DType::F64).unwrap());
    let objective = |inputs: &[Tensor]| -> f64 {
        let output = layer(inputs).unwrap();
        match &wide_upstream {
            Some(upstream) => (output * upstream).unwrap().sum_all().unwrap().to_scalar().unwrap(),
            None => output.to_scalar().unwrap(),
        }
    };
    let gradients = |inputs: &[Tensor], upstream: Option<&Tensor>| {
        differentiate(inputs, upstream, Memory::Contiguous, &layer).unwrap().1
    };
    let found = [gradients(inputs, upstream.as_ref()), gradients(&wide, wide_upstream.as_ref())];
    for at in 0..inputs.len() {
        for seed in [101, 102] {
            let direction = numbers(seed, inputs[at].dims()).to_dtype(DType::F64).unwrap();
            let moved = |step: f64| {
                let mut moved = wide.clone();
                moved[at] = (&wide[at] + (&direction * step).unwrap()).unwrap();
                objective(&moved)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let size: f64 = flat(&direction).iter().map(|value| value.abs()).sum();
            for (gradients, bound) in found.iter().zip([2e-5, 1e-6]) {
                let products = flat(&gradients[at]).into_iter().zip(flat(&direction)).map(|(g, d)| g * d);
                let along: f64 = products.sum();
                let is_near = (along - difference).abs() <= bound * size.max(1.0);
                assert!(is_near, "{name}, input {at}: {along}, and by differences {difference}");
            }
        }
    }
}

#[test]
fn pools_and_activations() {
    let images = || vec![numbers(1, &[2, 3, 7, 8])];
    for (kernel, stride, padding) in [(2, 2, 0), (3, 3, 0), (3, 2, 1), (3, 3, 1), (2, 3, 0), (5, 1, 2)] {
        let name = format!("kernel {kernel} stride {stride} padding {padding}");
        let max = MaxPool2d::new(kernel).with_stride(stride).with_padding(padding);
        check(&format!("max pool, {name}"), &images(), |inputs| max.forward(&inputs[0]));
        let average = AvgPool2d::new(kernel).with_stride(stride).with_padding(padding);
        check(&format!("average pool, {name}"), &images(), |inputs| average.forward(&inputs[0]));
    }
    check("relu", &images(), |inputs| relu(&inputs[0]));
    check("leaky relu", &images(), |inputs| leaky_relu(&inputs[0], 0.1));
    check("softmax", &images(), |inputs| softmax(&inputs[0], 1));
    check("log-softmax", &images(), |inputs| log_softmax(&inputs[0], 2));
    let dropout = Dropout::new(0.4).with_seed(5);
    check("dropout", &images(), |inputs| {
        dropout.set_step(3);
        dropout.forward(&inputs[0], true)
    });
}

/// What the kernels take and what they don't: groups, dilation, strides above 2 and kernels that are not square, where windows
/// leave other rests below than beside them.
#[test]
fn convolutions() {
    for (groups, dilation, stride, padding, kernel) in [
        (1, 1, 2, 0, [2, 2]),
        (1, 1, 2, 1, [3, 3]),
        (2, 1, 2, 0, [2, 2]),
        (2, 1, 2, 1, [3, 3]),
        (1, 2, 2, 2, [3, 3]),
        (1, 1, 3, 1, [2, 2]),
        (1, 1, 4, 2, [1, 1]),
        (1, 1, 2, 1, [3, 2]),
    ] {
        let config = Conv2dConfig { groups, dilation, stride, padding, ..Default::default() };
        let weight = numbers(2, &[4, 4 / groups, kernel[0], kernel[1]]);
        let inputs = [numbers(1, &[2, 4, 7, 6]), weight, numbers(3, &[4])];
        let layer = |inputs: &[Tensor]| Conv2d::new(inputs[1].clone(), Some(inputs[2].clone()), config);
        let name = format!("{kernel:?}, {config:?}");
        check(&name, &inputs, |inputs| layer(inputs).forward(&inputs[0]));
        check(&name, &inputs, |inputs| layer(inputs).without_kernels().forward(&inputs[0]));
    }
}

#[test]
fn norms() {
    for shape in [&[6, 3][..], &[2, 3, 4, 5], &[3, 2, 7], &[2, 2, 17, 2]] {
        let channels = shape[1];
        let inputs =
            vec![numbers(1, shape), numbers(2, &[channels]), numbers(3, &[channels]), numbers(4, shape)];
        for train in [true, false] {
            let norm = |inputs: &[Tensor]| {
                let [mean, var] = [0.1f32, 0.7]
                    .map(|value| Tensor::full(value, channels, &Device::Cpu)?.to_dtype(inputs[0].dtype()));
                BatchNorm::new(channels, mean?, var?, inputs[1].clone(), inputs[2].clone(), 1e-3)
            };
            let name = format!("batch norm of {shape:?}, training {train}");
            check(&name, &inputs[..3], |inputs| norm(inputs)?.forward_t(&inputs[0], train));
            check(&name, &inputs[..3], |inputs| norm(inputs)?.forward_relu(&inputs[0], train));
            check(&name, &inputs, |inputs| norm(inputs)?.forward_add_relu(&inputs[0], &inputs[3], train));
        }
    }
    for shape in [&[5, 4][..], &[2, 3, 33]] {
        let size = *shape.last().unwrap();
        let inputs = [numbers(1, shape), numbers(2, &[size]), numbers(3, &[size])];
        check("layer norm", &inputs, |inputs| {
            LayerNorm::new(inputs[1].clone(), inputs[2].clone(), 1e-3).forward(&inputs[0])
        });
        check("layer norm without bias", &inputs[..2], |inputs| {
            LayerNorm::new_no_bias(inputs[1].clone(), 1e-3).forward(&inputs[0])
        });
        check("RMS norm", &inputs[..2], |inputs| RmsNorm::new(inputs[1].clone(), 1e-3).forward(&inputs[0]));
    }
}

#[test]
fn losses() {
    let inputs = [numbers(1, &[5, 7]), numbers(2, &[5, 7])];
    let labels = Tensor::new(&[0u32, 6, 3, 3, 1], &Device::Cpu).unwrap();
    let smoothed = CrossEntropy::default().with_label_smoothing(0.2);
    check("cross-entropy", &inputs[..1], |inputs| cross_entropy(&inputs[0], &labels));
    check("smoothed", &inputs[..1], |inputs| cross_entropy_with(&inputs[0], &labels, smoothed));
    check("distributions", &inputs, |inputs| cross_entropy_with(&inputs[0], &inputs[1], smoothed));
    let targets = inputs[1].clone();
    check("constant distributions", &inputs[..1], |inputs| {
        cross_entropy_with(&inputs[0], &targets, CrossEntropy::default())
    });
    check("nll", &inputs[..1], |inputs| nll(&inputs[0], &labels));
    check("mse", &inputs, |inputs| mse(&inputs[0], &inputs[1]));
    check("bce", &inputs, |inputs| binary_cross_entropy_with_logit(&inputs[0], &inputs[1]));
}

#[test]
fn convolutions_and_linear_layers() {
    for (batch, [inputs, outputs], kernel, [height, width], stride, padding, groups) in [
        (2, [3, 5], 3, [6, 7], 1, 1, 1),
        (1, [1, 9], 5, [7, 6], 2, 2, 1),
        (2, [4, 2], 2, [6, 7], 2, 0, 1),
        (1, [17, 3], 1, [3, 4], 1, 2, 1),
        (2, [2, 4], 3, [8, 7], 3, 4, 1),
        (2, [4, 6], 3, [5, 6], 2, 1, 2),
    ] {
        let config = Conv2dConfig { stride, padding, groups, ..Default::default() };
        let tensors = [
            numbers(1, &[batch, inputs, height, width]),
            numbers(2, &[outputs, inputs / groups, kernel, kernel]),
            numbers(3, &[outputs]),
        ];
        let name = format!("convolution by {kernel}, stride {stride}, padding {padding}, {groups} groups");
        check(&name, &tensors, |inputs| {
            Conv2d::new(inputs[1].clone(), Some(inputs[2].clone()), config).forward(&inputs[0])
        });
        check(&name, &tensors[..2], |inputs| {
            Conv2d::new(inputs[1].clone(), None, config).forward(&inputs[0])
        });
    }
    for shape in [&[4][..], &[1, 3], &[9, 17], &[2, 3, 5], &[2, 2, 3, 8]] {
        let inputs = *shape.last().unwrap();
        let tensors = [numbers(1, shape), numbers(2, &[7, inputs]), numbers(3, &[7])];
        let name = format!("linear layer of {shape:?}");
        check(&name, &tensors, |inputs| {
            Linear::new(inputs[1].clone(), Some(inputs[2].clone())).forward(&inputs[0])
        });
        check(&name, &tensors[..2], |inputs| Linear::new(inputs[1].clone(), None).forward(&inputs[0]));
    }
}

/// Random sizes, in every memory layout: the kernels against the same layer in f64, on candle's operations.
#[test]
fn random_convolutions_and_linear_layers_are_near_f64() {
    let mut stream = adder_random::Stream::new(5, adder_random::Purpose::Test, 0, 0);
    let mut below = |bound: usize| stream.uniform(0.0, bound as f32).floor() as usize;
    for case in 0..150u64 {
        let (kernel, stride, padding) = (1 + below(6), 1 + below(3), below(6));
        let smallest = kernel.saturating_sub(2 * padding).max(1);
        let [height, width] = [(); 2].map(|()| smallest + below(9));
        let [inputs, outputs, batch] = [1 + below(20), 1 + below(36), 1 + below(10)];
        let rank = 1 + below(4);
        let mut shape: Vec<usize> = (1..rank).map(|_| 1 + below(6)).collect();
        shape.push(inputs);
        let config = Conv2dConfig { stride, padding, ..Default::default() };
        let convolution = [
            numbers(case, &[batch, inputs, height, width]),
            numbers(case + 1000, &[outputs, inputs, kernel, kernel]),
            numbers(case + 2000, &[outputs]),
        ];
        let linear = [
            numbers(case, &shape),
            numbers(case + 1000, &[outputs, inputs]),
            numbers(case + 2000, &[outputs]),
        ];
        let of = Memory::ALL[case as usize % 3];
        near_f64(&format!("{config:?}, {:?}, {of:?}", convolution[1].dims()), &convolution, of, |inputs| {
            Conv2d::new(inputs[1].clone(), Some(inputs[2].clone()), config).forward(&inputs[0])
        });
        near_f64(&format!("linear layer of {shape:?} to {outputs}, {of:?}"), &linear, of, |inputs| {
            Linear::new(inputs[1].clone(), Some(inputs[2].clone())).forward(&inputs[0])
        });
    }
}

/// Holds a layer in f32 to the same in f64.
fn near_f64(name: &str, inputs: &[Tensor], memory: Memory, layer: impl Fn(&[Tensor]) -> Result<Tensor>) {
    let run = |dtype: DType| {
        let inputs: Vec<Tensor> = inputs.iter().map(|input| input.to_dtype(dtype).unwrap()).collect();
        let upstream = numbers(99, layer(&inputs).unwrap().dims()).to_dtype(dtype).unwrap();
        let (output, gradients) = differentiate(&inputs, Some(&upstream), memory, &layer).unwrap();
        [output].into_iter().chain(gradients).collect::<Vec<_>>()
    };
    let (found, expected) = (run(DType::F32), run(DType::F64));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_close(&format!("{name}: output or gradient {index}"), found, expected, 2e-6);
    }
}
