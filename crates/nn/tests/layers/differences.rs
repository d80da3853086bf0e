//! Gradients against central differences of the same layer, in f64 and so on candle's operations, and for f32, whose kernels the
//! gradients are, against those.

use adder_nn::loss::{
    CrossEntropy, binary_cross_entropy_with_logit, cross_entropy, cross_entropy_with, mse, nll,
};
use adder_nn::ops::{leaky_relu, log_softmax, relu, softmax};
use adder_nn::{AvgPool2d, BatchNorm, Dropout, LayerNorm, MaxPool2d, Module, ModuleT, RmsNorm};
use candle_core::{DType, Device, Result, Tensor};

use crate::checks::{Memory, differentiate, flat, numbers};

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
