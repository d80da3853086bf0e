//! Equal bits on every instruction set and any number of threads.

use adder_kernels::Isa;
use adder_nn::loss::{CrossEntropy, cross_entropy_with};
use adder_nn::ops::relu;
use adder_nn::{
    AvgPool2d, BatchNorm, Conv2d, Conv2dConfig, Dropout, LayerNorm, Linear, MaxPool2d, Module, ModuleT,
};
use candle_core::{Device, Result, Tensor};

use crate::checks::{Memory, differentiate, numbers};

/// A layer of some inputs on an instruction set.
type Layer = Box<dyn Fn(&[Tensor], Isa) -> Result<Tensor> + Sync>;

/// Large enough that every layer has work for several tasks.
fn layers() -> Vec<(&'static str, Vec<Tensor>, Layer)> {
    let images = || numbers(1, &[20, 7, 19, 23]);
    let rows = || numbers(2, &[300, 130]);
    let vector = |seed, len| numbers(seed, &[len]);
    let norm = |inputs: &[Tensor], isa| {
        let channels = inputs[0].dim(1)?;
        let [mean, var] = [0f64, 1.0].map(|value| Tensor::full(value as f32, channels, &Device::Cpu));
        let [weight, bias] = [&inputs[1], &inputs[2]].map(Tensor::clone);
        Ok::<_, candle_core::Error>(BatchNorm::new(channels, mean?, var?, weight, bias, 1e-5)?.with_isa(isa))
    };
    let labels = Tensor::from_iter((0..300u32).map(|row| row * 7 % 130), &Device::Cpu).unwrap();
    vec![
        ("max pool", vec![images()], Box::new(|x, _| MaxPool2d::new(3).with_stride(2).forward(&x[0]))),
        ("average pool", vec![images()], Box::new(|x, _| AvgPool2d::new((2, 3)).forward(&x[0]))),
        ("relu", vec![images()], Box::new(|x, _| relu(&x[0]))),
        ("dropout", vec![images()], Box::new(|x, _| Dropout::new(0.3).with_seed(1).forward(&x[0], true))),
        (
            "batch norm of images",
            vec![images(), vector(3, 7), vector(4, 7)],
            Box::new(move |x, isa| norm(x, isa)?.forward_t(&x[0], true)),
        ),
        (
            "batch norm of images in evaluation",
            vec![images(), vector(3, 7), vector(4, 7)],
            Box::new(move |x, isa| norm(x, isa)?.forward_relu(&x[0], false)),
        ),
        (
            "residual batch norm of images",
            vec![images(), vector(3, 7), vector(4, 7), numbers(5, &[20, 7, 19, 23])],
            Box::new(move |x, isa| norm(x, isa)?.forward_add_relu(&x[0], &x[3], true)),
        ),
        (
            "residual batch norm of rows",
            vec![rows(), vector(6, 130), vector(7, 130), numbers(8, &[300, 130])],
            Box::new(move |x, isa| norm(x, isa)?.forward_add_relu(&x[0], &x[3], true)),
        ),
        (
            "layer norm",
            vec![rows(), vector(6, 130), vector(7, 130)],
            Box::new(|x, isa| LayerNorm::new(x[1].clone(), x[2].clone(), 1e-5).with_isa(isa).forward(&x[0])),
        ),
        (
            "cross-entropy",
            vec![rows()],
            Box::new(move |x, isa| {
                let options = CrossEntropy::default().with_label_smoothing(0.1).with_isa(isa);
                cross_entropy_with(&x[0], &labels, options)
            }),
        ),
    ]
}

/// Convolutions and linear layers: batches smaller than the number of threads, of no whole chunk, and of several.
fn weighted_layers() -> Vec<(String, Vec<Tensor>, Layer)> {
    let mut layers: Vec<(String, Vec<Tensor>, Layer)> = Vec::new();
    for batch in [1, 2, 7, 19] {
        for (channels, kernel, stride, padding) in [
            ([1, 20], 5, 1, 2),
            ([3, 9], 3, 2, 1),
            ([17, 33], 3, 1, 0),
            ([8, 16], 4, 2, 5),
            ([24, 2], 1, 1, 0),
        ] {
            let config = Conv2dConfig { stride, padding, ..Default::default() };
            let [inputs, outputs] = channels;
            let tensors = vec![
                numbers(1, &[batch, inputs, 9, 11]),
                numbers(2, &[outputs, inputs, kernel, kernel]),
                numbers(3, &[outputs]),
            ];
            let layer = move |x: &[Tensor], isa| {
                Conv2d::new(x[1].clone(), Some(x[2].clone()), config).with_isa(isa).forward(&x[0])
            };
            let name = format!("convolution of {batch} by {kernel}, stride {stride}, {channels:?} channels");
            layers.push((name, tensors, Box::new(layer)));
        }
    }
    for [rows, inputs, outputs] in [[1, 40, 70], [2, 17, 3], [300, 33, 20], [5, 130, 40]] {
        let tensors =
            vec![numbers(1, &[rows, inputs]), numbers(2, &[outputs, inputs]), numbers(3, &[outputs])];
        let layer =
            |x: &[Tensor], isa| Linear::new(x[1].clone(), Some(x[2].clone())).with_isa(isa).forward(&x[0]);
        layers.push((format!("linear layer of {rows} rows"), tensors, Box::new(layer)));
    }
    layers
}

fn bits(inputs: &[Tensor], layer: &Layer, isa: Isa) -> Vec<Vec<u32>> {
    let scalar = layer(inputs, isa).unwrap().rank() == 0;
    let upstream = (!scalar).then(|| numbers(9, layer(inputs, isa).unwrap().dims()));
    let function = |inputs: &[Tensor]| layer(inputs, isa);
    let (output, gradients) = differentiate(inputs, upstream.as_ref(), Memory::Contiguous, function).unwrap();
    let all = [output].into_iter().chain(gradients);
    let bits = |tensor: Tensor| {
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f32::to_bits).collect()
    };
    all.map(bits).collect()
}

#[test]
fn every_instruction_set_and_number_of_threads_gives_the_same_bits() {
    let pools =
        [1, 2, 3].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let layers = layers().into_iter().map(|(name, inputs, layer)| (name.to_owned(), inputs, layer));
    for (name, inputs, layer) in layers.chain(weighted_layers()) {
        let expected = pools[0].install(|| bits(&inputs, &layer, Isa::SCALAR));
        for isa in Isa::available() {
            for pool in &pools {
                let found = pool.install(|| bits(&inputs, &layer, isa));
                assert!(found == expected, "{name}: {isa}, {} threads", pool.current_num_threads());
            }
        }
    }
}
