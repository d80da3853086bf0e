//! Layers that stand alone in the list of cases: their inputs, the kernels' step, their naive loops and their bounds.

use adder_network::EPSILON;
use adder_network::naive::{loss, norm};
use adder_random::Stream;

use crate::Isa;
use crate::activation::{relu, relu_backward};
use crate::loss::{ClassTargets, cross_entropy};
use crate::norm::{
    After, BatchNorm, BatchNormGradients, BatchNormPass, LayerNorm, LayerNormGradients, Statistics,
    batch_statistics,
};
use crate::pool::{
    Windows, avg_pool2d, avg_pool2d_backward, max_pool2d_windows, max_pool2d_windows_backward,
};

/// A layer with its sizes.
#[derive(Clone, Debug)]
pub enum LayerOperation {
    /// [`max_pool2d_windows`] and its gradient.
    MaxPool(Windows),
    /// [`avg_pool2d`] and its gradient.
    AvgPool(Windows),
    /// [`relu`] of so many values and its gradient.
    Relu(usize),
    /// [`BatchNorm`] over `[batch, channels, pixels]`, its statistics and its gradients.
    BatchNorm([usize; 3], BatchNormKind),
    /// [`LayerNorm`] of `[rows, width]`, with a bias and without its mean or the other way round.
    LayerNorm([usize; 2], bool),
    /// [`cross_entropy`] of `[rows, classes]` with this smoothing, for labels or for probabilities.
    CrossEntropy([usize; 2], f32, bool),
}

/// What a batch norm is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchNormKind {
    /// Training.
    Train,
    /// Training, with a ReLU.
    TrainRelu,
    /// Training, with a residual and a ReLU.
    TrainAddRelu,
    /// Evaluation, with a residual and a ReLU.
    EvaluateAddRelu,
}

impl BatchNormKind {
    fn trains(self) -> bool {
        self != Self::EvaluateAddRelu
    }

    fn adds(self) -> bool {
        matches!(self, Self::TrainAddRelu | Self::EvaluateAddRelu)
    }

    fn rectifies(self) -> bool {
        self != Self::Train
    }
}

const FITS: &str = "the arguments of a case fit";

/// All layers, the smallest of each first.
pub(super) fn layers() -> Vec<LayerOperation> {
    use BatchNormKind::*;
    let windows = |[batch, channels, height, width]: [usize; 4], kernel, stride, padding| Windows {
        batch,
        channels,
        size: [height, width],
        kernel,
        stride,
        padding,
    };
    let pools = [
        windows([1, 1, 1, 1], [1, 1], [1, 1], [0, 0]),
        windows([2, 3, 7, 7], [2, 2], [2, 2], [0, 0]),
        windows([1, 2, 28, 28], [3, 3], [3, 3], [0, 0]),
        windows([2, 2, 9, 8], [3, 2], [2, 3], [1, 1]),
        windows([1, 3, 6, 5], [5, 3], [1, 1], [2, 1]),
        windows([3, 2, 4, 6], [4, 6], [4, 6], [0, 0]),
        windows([2, 1, 7, 8], [3, 2], [3, 2], [1, 1]),
        windows([4, 9, 40, 23], [3, 3], [2, 2], [1, 1]),
    ];
    let mut all: Vec<LayerOperation> = pools
        .into_iter()
        .flat_map(|windows| [LayerOperation::MaxPool(windows), LayerOperation::AvgPool(windows)])
        .collect();
    all.extend([1, 77, 40_000].map(LayerOperation::Relu));
    let norms = [
        ([2, 1, 1], Train),
        ([5, 3, 1], TrainAddRelu),
        ([600, 41, 1], TrainRelu),
        ([3, 4, 2], TrainRelu),
        ([2, 3, 15], EvaluateAddRelu),
        ([3, 2, 16], TrainAddRelu),
        ([2, 5, 33], Train),
        ([6, 7, 1100], TrainAddRelu),
        ([7, 6, 1], EvaluateAddRelu),
    ];
    all.extend(norms.map(|(shape, kind)| LayerOperation::BatchNorm(shape, kind)));
    let rows = [[1, 1], [4, 2], [3, 16], [5, 33], [130, 300]];
    all.extend(
        rows.into_iter().flat_map(|shape| [true, false].map(|mean| LayerOperation::LayerNorm(shape, mean))),
    );
    all.extend([
        LayerOperation::CrossEntropy([1, 1], 0.0, false),
        LayerOperation::CrossEntropy([3, 17], 0.1, true),
        LayerOperation::CrossEntropy([20, 1000], 0.1, false),
        LayerOperation::CrossEntropy([33, 300], 0.0, true),
    ]);
    all
}

impl LayerOperation {
    /// The operation and its sizes in words.
    pub(super) fn name(&self) -> String {
        match self {
            Self::MaxPool(windows) => format!("max pool {}", words(windows)),
            Self::AvgPool(windows) => format!("average pool {}", words(windows)),
            Self::Relu(len) => format!("relu {len}"),
            Self::BatchNorm([b, c, pixels], kind) => format!("batch norm {b}x{c}x{pixels} {kind:?}"),
            Self::LayerNorm([rows, width], true) => format!("layer norm {rows}x{width}"),
            Self::LayerNorm([rows, width], false) => format!("rms norm {rows}x{width}"),
            Self::CrossEntropy([rows, classes], smoothing, soft) => {
                let targets = if *soft { "probabilities" } else { "labels" };
                format!("cross_entropy of classes {rows}x{classes} {targets} smoothed {smoothing}")
            }
        }
    }

    /// The tensors that it reads and has gradients of.
    pub(super) fn inputs(&self, stream: &mut Stream) -> Vec<Vec<f32>> {
        let mut floats = |len: usize| -> Vec<f32> { (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect() };
        match self {
            Self::MaxPool(windows) => {
                // Multiples of 1/64 in random order: all differ, so that small steps move no maximum.
                let mut input: Vec<f32> = (0..input_len(windows)).map(|value| value as f32 / 64.0).collect();
                stream.shuffle(&mut input);
                vec![input]
            }
            Self::AvgPool(windows) => vec![floats(input_len(windows))],
            Self::Relu(len) => vec![floats(*len)],
            Self::BatchNorm(shape @ [_, channels, _], kind) => {
                let len = shape.iter().product();
                let mut inputs = vec![floats(len), floats(*channels), floats(*channels)];
                inputs.extend(kind.adds().then(|| floats(len)));
                inputs
            }
            Self::LayerNorm([rows, width], mean) => {
                let mut inputs = vec![floats(rows * width), floats(*width)];
                inputs.extend(mean.then(|| floats(*width)));
                inputs
            }
            Self::CrossEntropy([rows, classes], ..) => vec![floats(rows * classes)],
        }
    }

    /// The values of each output; the gradients are those of the first.
    pub(super) fn output_lens(&self) -> Vec<usize> {
        match self {
            Self::MaxPool(windows) | Self::AvgPool(windows) => {
                let [height, width] = windows.output_size();
                vec![windows.batch * windows.channels * height * width]
            }
            Self::Relu(len) => vec![*len],
            Self::BatchNorm(shape @ [_, channels, _], kind) => {
                let mut lens = vec![shape.iter().product()];
                lens.extend(if kind.trains() { vec![*channels; 2] } else { vec![] });
                lens
            }
            Self::LayerNorm([rows, width], _) => vec![rows * width],
            Self::CrossEntropy(..) => vec![1],
        }
    }

    /// The kernels' outputs and gradients. A loss is taken as it is: its upstream gradient stands for 1.
    pub(super) fn run(
        &self,
        isa: Isa,
        inputs: &[Vec<f32>],
        upstream: &[f32],
        [outputs, grads]: [&mut [Vec<f32>]; 2],
    ) {
        let x = &inputs[0];
        match self {
            Self::MaxPool(windows) => {
                max_pool2d_windows(isa, windows, x, &mut outputs[0]).expect(FITS);
                max_pool2d_windows_backward(isa, windows, x, upstream, &mut grads[0]).expect(FITS);
            }
            Self::AvgPool(windows) => {
                avg_pool2d(windows, x, &mut outputs[0]).expect(FITS);
                avg_pool2d_backward(windows, upstream, &mut grads[0]).expect(FITS);
            }
            Self::Relu(_) => {
                relu(x, &mut outputs[0]).expect(FITS);
                relu_backward(x, upstream, &mut grads[0]).expect(FITS);
            }
            &Self::BatchNorm(shape, kind) => {
                let statistics = if kind.trains() {
                    batch_statistics(isa, x, shape).expect(FITS)
                } else {
                    fixed_statistics(shape[1])
                };
                let norm = BatchNorm {
                    shape,
                    statistics: &statistics,
                    gamma: &inputs[1],
                    beta: &inputs[2],
                    epsilon: EPSILON,
                };
                let after = match inputs.get(3) {
                    Some(residual) => After::AddRelu(residual),
                    None if kind.rectifies() => After::Relu,
                    None => After::Nothing,
                };
                norm.forward(isa, x, after, &mut outputs[0]).expect(FITS);
                if let [output_mean, output_variance] = &mut outputs[1..] {
                    write(&statistics.mean, output_mean);
                    write(&statistics.variance, output_variance);
                }
                let rectified = kind.rectifies().then_some(&outputs[0][..]);
                let pass = BatchNormPass { x, rectified, grad_output: upstream, of_batch: kind.trains() };
                let [grad_x, gamma, beta, residual @ ..] = grads else { unreachable!("three at least") };
                let residual = residual.first_mut().map(Vec::as_mut_slice);
                norm.backward(isa, &pass, BatchNormGradients { x: Some(grad_x), residual, gamma, beta })
                    .expect(FITS);
            }
            &Self::LayerNorm([_, width], remove_mean) => {
                let beta = inputs.get(2).map(Vec::as_slice);
                let norm = LayerNorm { width, gamma: &inputs[1], beta, epsilon: EPSILON, remove_mean };
                norm.forward(isa, x, &mut outputs[0]).expect(FITS);
                let mut unasked = vec![0.0; width];
                let [grad_x, gamma, beta @ ..] = grads else { unreachable!("two at least") };
                let beta = beta.first_mut().unwrap_or(&mut unasked);
                norm.backward(isa, x, upstream, LayerNormGradients { x: grad_x, gamma, beta }).expect(FITS);
            }
            &Self::CrossEntropy(shape, smoothing, soft) => {
                let (labels, probabilities) = targets(shape);
                let targets = if soft {
                    ClassTargets::Probabilities(&probabilities)
                } else {
                    ClassTargets::Labels(&labels)
                };
                let total = cross_entropy(isa, x, shape, targets, smoothing, &mut grads[0]).expect(FITS);
                outputs[0][0] = total as f32;
            }
        }
    }

    /// The outputs that the naive loops give.
    pub(crate) fn oracle_outputs(&self, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let x = &inputs[0];
        match self {
            Self::MaxPool(windows) => {
                vec![places(windows).iter().map(|window| x[winner(x, window)]).collect()]
            }
            Self::AvgPool(windows) => {
                let mean = |window: &Vec<usize>| window.iter().map(|&at| x[at]).sum::<f64>() / area(windows);
                vec![places(windows).iter().map(mean).collect()]
            }
            Self::Relu(_) => vec![x.iter().map(|x| x.max(0.0)).collect()],
            &Self::BatchNorm(shape, kind) => {
                let (gamma, beta) = (&inputs[1], &inputs[2]);
                let mut outputs = if kind.trains() {
                    let found = norm::batch_norm(x, shape, gamma, beta);
                    vec![found.output, found.mean, found.variance]
                } else {
                    let Statistics { mean, variance } = fixed_statistics(shape[1]);
                    vec![norm::batch_norm_with(x, shape, [gamma, beta, &mean, &variance])]
                };
                if let Some(residual) = inputs.get(3) {
                    outputs[0].iter_mut().zip(residual).for_each(|(output, residual)| *output += residual);
                }
                if kind.rectifies() {
                    outputs[0].iter_mut().for_each(|output| *output = output.max(0.0));
                }
                outputs
            }
            &Self::LayerNorm([_, width], remove_mean) => {
                let row = |x: &[f64]| -> Vec<f64> {
                    let (standard, _) = standardized(x, remove_mean);
                    let bias = |at: usize| inputs.get(2).map_or(0.0, |beta| beta[at]);
                    (0..width).map(|at| standard[at] * inputs[1][at] + bias(at)).collect()
                };
                vec![x.chunks_exact(width).flat_map(row).collect()]
            }
            &Self::CrossEntropy(shape, smoothing, soft) => {
                let distributions = distributions(shape, smoothing, soft);
                vec![vec![loss::cross_entropy(x, shape[1], &distributions).iter().sum()]]
            }
        }
    }

    /// The gradients that the naive loops give.
    pub(crate) fn oracle_grads(&self, inputs: &[Vec<f64>], upstream: &[f64]) -> Vec<Vec<f64>> {
        let x = &inputs[0];
        match self {
            Self::MaxPool(windows) => {
                let mut grad = vec![0.0; x.len()];
                for (window, upstream) in places(windows).iter().zip(upstream) {
                    grad[winner(x, window)] += upstream;
                }
                vec![grad]
            }
            Self::AvgPool(windows) => {
                let mut grad = vec![0.0; x.len()];
                for (window, upstream) in places(windows).iter().zip(upstream) {
                    window.iter().for_each(|&at| grad[at] += upstream / area(windows));
                }
                vec![grad]
            }
            Self::Relu(_) => {
                let of = |(&x, &upstream): (&f64, &f64)| if x > 0.0 { upstream } else { 0.0 };
                vec![x.iter().zip(upstream).map(of).collect()]
            }
            &Self::BatchNorm(shape, kind) => {
                let output = &self.oracle_outputs(inputs)[0];
                let of = |(&upstream, &output): (&f64, &f64)| {
                    if kind.rectifies() && output <= 0.0 { 0.0 } else { upstream }
                };
                let upstream: Vec<f64> = upstream.iter().zip(output).map(of).collect();
                let mut grads = if kind.trains() {
                    let grads = norm::batch_norm_backward(x, shape, &inputs[1], &upstream);
                    vec![grads.input, grads.gamma, grads.beta]
                } else {
                    fixed_backward(x, shape, &inputs[1], &upstream)
                };
                grads.extend(kind.adds().then_some(upstream));
                grads
            }
            &Self::LayerNorm([_, width], remove_mean) => {
                let mut grads: Vec<Vec<f64>> = inputs.iter().map(|input| vec![0.0; input.len()]).collect();
                for (row, (x, upstream)) in
                    x.chunks_exact(width).zip(upstream.chunks_exact(width)).enumerate()
                {
                    let (standard, deviation) = standardized(x, remove_mean);
                    let scaled: Vec<f64> =
                        upstream.iter().zip(&inputs[1]).map(|(up, gamma)| up * gamma).collect();
                    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / width as f64;
                    let mean_product = mean(&mut scaled.iter().zip(&standard).map(|(grad, x)| grad * x));
                    let mean_grad = if remove_mean { mean(&mut scaled.iter().copied()) } else { 0.0 };
                    for at in 0..width {
                        let centred = scaled[at] - mean_grad - standard[at] * mean_product;
                        grads[0][row * width + at] = centred / deviation;
                        grads[1][at] += upstream[at] * standard[at];
                        if let Some(beta) = grads.get_mut(2) {
                            beta[at] += upstream[at];
                        }
                    }
                }
                grads
            }
            &Self::CrossEntropy(shape, smoothing, soft) => {
                vec![loss::cross_entropy_backward(x, shape[1], &distributions(shape, smoothing, soft))]
            }
        }
    }

    /// The most that a value may be off in an output or a gradient whose largest value is `largest`.
    pub(super) fn bound(&self, largest: f64) -> f64 {
        match self {
            Self::MaxPool(_) | Self::AvgPool(_) => 3e-7 * largest.max(1.0),
            Self::Relu(_) => 0.0,
            Self::BatchNorm([batch, _, pixels], _) if batch * pixels < 5 => 2e-5 * largest.max(1.0),
            // Over few and nearly equal values a norm's gradients are the small rest of large terms.
            Self::LayerNorm([_, width], _) if *width < 5 => 2e-5 * largest.max(1.0),
            Self::BatchNorm(..) | Self::LayerNorm(..) => 2e-6 * largest.max(1.0),
            Self::CrossEntropy(..) => 1e-6 * largest.max(0.1),
        }
    }
}

fn words(windows: &Windows) -> String {
    let Windows { batch, channels, size: [h, w], kernel, stride, padding } = windows;
    format!("{batch}x{channels}x{h}x{w} kernel {kernel:?} stride {stride:?} pad {padding:?}")
}

fn write(values: &[f64], output: &mut [f32]) {
    output.iter_mut().zip(values).for_each(|(output, &value)| *output = value as f32);
}

fn input_len(windows: &Windows) -> usize {
    windows.batch * windows.channels * windows.size[0] * windows.size[1]
}

/// The values of a window, padding included.
fn area(windows: &Windows) -> f64 {
    (windows.kernel[0] * windows.kernel[1]) as f64
}

/// The indices of each window's values in row-major order, without the padding, window after window in the order of the output.
pub(crate) fn places(windows: &Windows) -> Vec<Vec<usize>> {
    let ([height, width], [rows, columns]) = (windows.size, windows.output_size());
    let mut all = vec![];
    for plane in 0..windows.batch * windows.channels {
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            let mut window = vec![];
            for (row, column) in
                (0..windows.kernel[0]).flat_map(|r| (0..windows.kernel[1]).map(move |c| (r, c)))
            {
                let row = (y * windows.stride[0] + row).wrapping_sub(windows.padding[0]);
                let column = (x * windows.stride[1] + column).wrapping_sub(windows.padding[1]);
                if row < height && column < width {
                    window.push((plane * height + row) * width + column);
                }
            }
            all.push(window);
        }
    }
    all
}

/// The index of a window's maximum: the first of equals; a NaN beats every number, and the last NaN wins.
pub(crate) fn winner(input: &[f64], window: &[usize]) -> usize {
    let beats = |at: usize, best: usize| input[at] > input[best] || input[at].is_nan();
    window.iter().fold(window[0], |best, &at| if beats(at, best) { at } else { best })
}

/// Statistics that have nothing to do with the input.
fn fixed_statistics(channels: usize) -> Statistics {
    let mean = (0..channels).map(|channel| channel as f64 / 8.0 - 0.25).collect();
    Statistics { mean, variance: (0..channels).map(|channel| 0.5 + channel as f64 / 4.0).collect() }
}

/// The gradients of a norm with [`fixed_statistics`].
fn fixed_backward(
    x: &[f64],
    [_, channels, pixels]: [usize; 3],
    gamma: &[f64],
    upstream: &[f64],
) -> Vec<Vec<f64>> {
    let Statistics { mean, variance } = fixed_statistics(channels);
    let mut grads = vec![vec![0.0; x.len()], vec![0.0; channels], vec![0.0; channels]];
    for (at, (x, upstream)) in x.iter().zip(upstream).enumerate() {
        let channel = at / pixels % channels;
        let deviation = (variance[channel] + EPSILON).sqrt();
        grads[0][at] = upstream * gamma[channel] / deviation;
        grads[1][channel] += upstream * (x - mean[channel]) / deviation;
        grads[2][channel] += upstream;
    }
    grads
}

/// A row over its deviation, with or without its mean, and the deviation.
fn standardized(x: &[f64], remove_mean: bool) -> (Vec<f64>, f64) {
    let count = x.len() as f64;
    let mean = if remove_mean { x.iter().sum::<f64>() / count } else { 0.0 };
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
    let deviation = (variance + EPSILON).sqrt();
    (x.iter().map(|x| (x - mean) / deviation).collect(), deviation)
}

/// A label for each row, and probabilities that do not sum to 1.
fn targets([rows, classes]: [usize; 2]) -> (Vec<u32>, Vec<f32>) {
    let labels = (0..rows).map(|row| (row * 7 % classes) as u32).collect();
    let probabilities = (0..rows * classes).map(|at| (at % 11) as f32 / (4.0 * classes as f32)).collect();
    (labels, probabilities)
}

/// The smoothed distributions, `[rows, classes]`.
fn distributions([rows, classes]: [usize; 2], smoothing: f32, soft: bool) -> Vec<f64> {
    let (labels, probabilities) = targets([rows, classes]);
    let smoothing = f64::from(smoothing);
    let target = |at: usize| match soft {
        true => f64::from(probabilities[at]),
        false => f64::from(u8::from(labels[at / classes] as usize == at % classes)),
    };
    (0..rows * classes).map(|at| (1.0 - smoothing) * target(at) + smoothing / classes as f64).collect()
}
