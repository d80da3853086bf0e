//! One list of cases for the operations of this crate: inputs and parameters are given once, and values, gradients, equal
//! bits and speed are read from it.
//!
//! A case knows its operation, seeded inputs, the kernel's results and those of the naive loops in `f64`. A test holds
//! values and gradients to the loops and to finite differences of them, and bits to one another on all instruction sets
//! and numbers of threads; a bench times the same steps. A new operation is a new arm of [`Operation`] and of the
//! functions that match on it; a new case is one line of [`cases`].

use adder_random::{Purpose, Stream};

use super::layers::{LayerOperation, layers as layers_alone};
use crate::Isa;
use crate::conv::{Algorithm, ConvShape};
use crate::dense::{DenseSpec, OneHotInput};
use crate::dropout::DropoutKey;
use crate::loss::softmax;
use crate::trunk::{BlockSpec, Output, Trunk, TrunkSpec};

/// An operation and its sizes.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A [`Conv2d`](crate::conv::Conv2d) of this many images with a bias, and its gradients.
    Conv2d(ConvShape, usize, Algorithm),
    /// A [`Linear`](crate::linear::Linear) layer with a bias: rows, inputs and outputs.
    Linear([usize; 3]),
    /// A layer that stands alone.
    Layer(LayerOperation),
    /// [`max_pool2d`](crate::pool::max_pool2d) of this shape and its gradient.
    MaxPool2d([usize; 4]),
    /// A training step of [`Dense`](crate::dense::Dense) layers with this many rows.
    Dense(DenseSpec, usize, TargetKind),
    /// [`softmax_cross_entropy`](crate::loss::softmax_cross_entropy) of heads of so many classes, with this many rows.
    CrossEntropy(Vec<usize>, usize, TargetKind),
    /// A training step of a [`Trunk`] with this many images.
    Trunk(TrunkSpec, usize, Option<DropoutKey>),
    /// [`orthogonalize`](crate::orthogonal::orthogonalize) of a matrix of this shape.
    Orthogonalize([usize; 2]),
    /// Prediction by a [`Predictor`](crate::predict::Predictor) of this many images, with one class each.
    Predict(TrunkSpec, DenseSpec, usize),
}

/// The smoothing of the labels, and the weight of soft targets where there are any.
#[derive(Clone, Copy, Debug, Default)]
pub struct TargetKind {
    /// See [`Targets::label_smoothing`](crate::loss::Targets::label_smoothing).
    pub label_smoothing: f32,
    /// See [`SoftTargets::weight`](crate::loss::SoftTargets::weight).
    pub soft: Option<f32>,
}

/// An operation with all that it is given.
#[derive(Clone, Debug)]
pub struct Case {
    /// The operation.
    pub operation: Operation,
    /// The tensors that it reads: first the input or inputs, then parameters.
    pub(crate) inputs: Vec<Vec<f32>>,
    /// The gradient of the objective at the output, for operations without a loss.
    pub(super) upstream: Vec<f32>,
    /// The class of each row, for a one-hot input.
    pub(crate) one_hot: Vec<u8>,
    pub(crate) labels: Vec<Vec<u8>>,
    pub(crate) soft: Vec<Vec<f32>>,
}

/// The results of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Results<T> {
    /// The outputs; the last is the loss where there is one.
    pub outputs: Vec<Vec<T>>,
    /// The gradients of the objective with respect to the inputs; none for operations without gradients.
    pub grads: Vec<Vec<T>>,
}

/// All cases, the smallest of each operation first.
pub fn cases() -> Vec<Case> {
    let strided = |batch,
                   [in_channels, out_channels]: [usize; 2],
                   [height, width]: [usize; 2],
                   kernel,
                   stride,
                   padding| {
        let shape = ConvShape { in_channels, out_channels, height, width, kernel, stride, padding };
        Operation::Conv2d(shape, batch, Algorithm::Direct)
    };
    let conv = |batch, channels, size, kernel, padding| strided(batch, channels, size, kernel, 1, padding);
    let smoothed = TargetKind { label_smoothing: 0.1, soft: None };
    let soft = |label_smoothing, weight| TargetKind { label_smoothing, soft: Some(weight) };
    let plain = TargetKind::default();
    let winograd = |batch, channels, size, padding| match conv(batch, channels, size, 3, padding) {
        Operation::Conv2d(shape, batch, _) => Operation::Conv2d(shape, batch, Algorithm::Winograd),
        other => other,
    };
    let mut operations = vec![
        conv(1, [1, 1], [1, 1], 1, 0),
        conv(2, [17, 9], [5, 7], 1, 0),
        conv(1, [1, 8], [28, 28], 3, 1),
        conv(2, [3, 18], [13, 9], 3, 0),
        conv(2, [8, 16], [7, 7], 3, 2),
        conv(17, [16, 16], [7, 7], 3, 1),
        conv(2, [40, 33], [6, 5], 3, 1),
        conv(37, [8, 16], [9, 9], 3, 1),
        conv(2, [1, 32], [28, 28], 5, 0),
        conv(2, [3, 7], [11, 12], 5, 4),
        conv(1, [5, 24], [9, 8], 7, 3),
        conv(3, [32, 64], [12, 12], 5, 0),
        conv(2, [3, 6], [4, 5], 2, 3),
        conv(1, [2, 9], [12, 14], 11, 5),
        strided(9, [3, 16], [9, 12], 3, 2, 1),
        strided(2, [32, 40], [16, 16], 3, 2, 1),
        strided(2, [16, 24], [8, 9], 1, 2, 0),
        strided(1, [1, 17], [13, 10], 5, 2, 7),
        winograd(1, [8, 8], [1, 1], 1),
        winograd(2, [17, 9], [5, 7], 0),
        winograd(3, [16, 40], [6, 6], 1),
        winograd(9, [64, 64], [14, 13], 1),
        winograd(2, [33, 24], [7, 4], 2),
        Operation::Linear([1, 1, 1]),
        Operation::Linear([3, 17, 10]),
        Operation::Linear([64, 40, 33]),
        Operation::Linear([5, 130, 24]),
        Operation::MaxPool2d([1, 1, 2, 2]),
        Operation::MaxPool2d([2, 3, 5, 6]),
        Operation::MaxPool2d([3, 16, 28, 27]),
        Operation::CrossEntropy(vec![2], 1, plain),
        Operation::CrossEntropy(vec![10], 33, smoothed),
        Operation::CrossEntropy(vec![3, 256, 19], 17, soft(0.2, 0.4)),
        Operation::Dense(layers(3, &[], None, &[4]), 5, plain),
        Operation::Dense(layers(9, &[17], None, &[8, 3, 5]), 12, soft(0.0, 0.5)),
        Operation::Dense(layers(5, &[8, 8, 8], Some([0, 3]), &[2]), 31, smoothed),
        Operation::Dense(notebook_layers(), 128, smoothed),
        Operation::Dense(notebook_layers(), 128, soft(0.1, 0.3)),
        Operation::Dense(notebook_layers(), 128, soft(0.1, 1.0)),
        Operation::Trunk(small_trunk(), 5, None),
        Operation::Trunk(small_trunk(), 37, Some(DropoutKey(7))),
        Operation::Trunk(wide_trunk(), 4, Some(DropoutKey(6))),
        Operation::Trunk(notebook_trunk(), 3, Some(DropoutKey(5))),
        Operation::Trunk(by_winograd(wide_trunk()), 11, Some(DropoutKey(6))),
        Operation::Trunk(by_winograd(small_trunk()), 5, None),
        Operation::Orthogonalize([1, 7]),
        Operation::Orthogonalize([16, 9]),
        Operation::Orthogonalize([20, 64]),
        Operation::Predict(small_trunk(), layers(24, &[], None, &[3, 5]), 1),
        Operation::Predict(small_trunk(), layers(24, &[11, 7], Some([0, 4]), &[6]), 9),
        Operation::Predict(notebook_trunk(), notebook_layers(), 10),
        Operation::Predict(by_winograd(wide_trunk()), layers(40, &[], None, &[3, 5]), 3),
    ];
    operations.extend(layers_alone().into_iter().map(Operation::Layer));
    // Below the norms' amplification of rounding stand all counts of rows around the chains of their sums.
    operations.extend([5, 8, 127].map(|rows| Operation::Dense(notebook_layers(), rows, plain)));
    operations.into_iter().enumerate().map(|(index, operation)| Case::new(operation, index as u64)).collect()
}

fn layers(inputs: usize, layers: &[usize], one_hot: Option<[usize; 2]>, heads: &[usize]) -> DenseSpec {
    let one_hot = one_hot.map(|[layer, classes]| OneHotInput { layer, classes });
    DenseSpec { inputs, layers: layers.to_vec(), one_hot, heads: heads.to_vec() }
}

/// The layers after the convolutions of the notebook's network.
pub fn notebook_layers() -> DenseSpec {
    layers(16, &[20, 64], Some([1, 10]), &[10, 19])
}

/// A trunk over maps of `[channels, height, width]`, of blocks with these channels, padding, dropout and pool.
pub(crate) fn trunk(
    [in_channels, height, width]: [usize; 3],
    blocks: &[(usize, usize, f32, bool)],
) -> TrunkSpec {
    let blocks = blocks.iter().zip(0..).map(|(&(out_channels, padding, dropout, pool), mask)| BlockSpec {
        out_channels,
        padding,
        dropout,
        pool,
        mask,
    });
    let blocks = blocks.collect();
    let (output, algorithm) = (Output::GlobalAverage, Algorithm::Direct);
    TrunkSpec { in_channels, height, width, blocks, output, algorithm }
}

/// The convolutions of the notebook's network.
pub fn notebook_trunk() -> TrunkSpec {
    let (block, pooled) = (|channels| (channels, 1, 0.1, false), |channels| (channels, 1, 0.1, true));
    let last = [(16, 1, 0.0, false), (16, 0, 0.1, false)];
    trunk([1, 28, 28], &[block(8), pooled(8), block(16), pooled(16), last[0], last[1]])
}

/// A trunk that is quick to run and has a bit of everything: odd sizes, lanes to fill, two channel blocks, pools and
/// dropout.
pub fn small_trunk() -> TrunkSpec {
    let small = trunk([3, 9, 7], &[(5, 1, 0.3, true), (24, 0, 0.2, false)]);
    TrunkSpec { output: Output::Map, ..small }
}

/// The same by Winograd's algorithm wherever it can be.
fn by_winograd(spec: TrunkSpec) -> TrunkSpec {
    TrunkSpec { algorithm: Algorithm::Winograd, ..spec }
}

fn wide_trunk() -> TrunkSpec {
    trunk([2, 10, 12], &[(32, 1, 0.1, true), (64, 1, 0.0, false), (40, 0, 0.5, false)])
}

impl Case {
    /// An operation on inputs drawn with a seed.
    ///
    /// # Panics
    /// If there is no such operation.
    pub fn new(operation: Operation, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let mut case = Self {
            operation,
            inputs: vec![],
            upstream: vec![],
            one_hot: vec![],
            labels: vec![],
            soft: vec![],
        };
        let mut floats = |len: usize| -> Vec<f32> { (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect() };
        let (mut heads, mut rows, mut kind) = (vec![], 0, TargetKind::default());
        let mut one_hot = None;
        match &case.operation {
            Operation::Conv2d(shape, batch, _) => {
                case.inputs = [batch * shape.input_len(), shape.weight_len(), shape.out_channels]
                    .map(&mut floats)
                    .into();
                case.upstream = floats(batch * shape.output_len());
            }
            &Operation::Linear([rows, inputs, outputs]) => {
                case.inputs = [rows * inputs, outputs * inputs, outputs].map(&mut floats).into();
                case.upstream = floats(rows * outputs);
            }
            Operation::Layer(layer) => {
                case.inputs = layer.inputs(&mut stream);
                case.upstream = match layer {
                    LayerOperation::CrossEntropy(..) => vec![1.0],
                    _ => (0..layer.output_lens()[0]).map(|_| stream.uniform(-1.0, 1.0)).collect(),
                };
            }
            &Operation::MaxPool2d([b, c, h, w]) => {
                // Multiples of 1/64 in random order: all differ, so that small steps move no maximum.
                let mut input: Vec<f32> = (0..b * c * h * w).map(|value| value as f32 / 64.0).collect();
                case.upstream = floats(b * c * (h / 2) * (w / 2));
                stream.shuffle(&mut input);
                case.inputs = vec![input];
            }
            Operation::Dense(spec, count, targets) => {
                case.inputs = vec![floats(count * spec.inputs), floats(spec.parameters())];
                (heads, rows, kind, one_hot) = (spec.heads.clone(), *count, *targets, spec.one_hot);
            }
            Operation::CrossEntropy(classes, count, targets) => {
                case.inputs = classes.iter().map(|classes| floats(count * classes)).collect();
                (heads, rows, kind) = (classes.clone(), *count, *targets);
            }
            Operation::Trunk(spec, batch, _) => {
                let (images, mut params) = (floats(batch * spec.image_len()), floats(spec.parameters()));
                scale_weights(spec, &mut params);
                let trunk = Trunk::new(spec.clone(), Isa::best()).expect("a possible trunk");
                let pass = trunk.forward(&images, *batch, &params, None).expect("the sizes fit");
                case.upstream = floats(pass.output().len());
                case.inputs = vec![images, params];
            }
            Operation::Orthogonalize([m, n]) => case.inputs = vec![floats(m * n)],
            Operation::Predict(trunk, dense, batch) => {
                let widths = trunk.blocks.iter().map(|block| block.out_channels).sum::<usize>()
                    + dense.layers.iter().sum::<usize>();
                case.inputs = vec![floats(batch * trunk.image_len())];
                let half = |values: Vec<f32>| values.into_iter().map(|value| value / 2.0).collect();
                let params = [trunk.parameters(), dense.parameters(), widths];
                case.inputs.extend(params.map(|len| half(floats(len))));
                case.inputs.push(floats(widths).into_iter().map(|value| 1.05 + 0.95 * value).collect());
                (rows, one_hot) = (*batch, dense.one_hot);
            }
        }
        let mut classes =
            |count: usize| -> Vec<u8> { (0..rows).map(|_| stream.below(count as u32) as u8).collect() };
        case.labels = heads.iter().map(|&head| classes(head)).collect();
        case.one_hot = one_hot.map_or(vec![], |input| classes(input.classes));
        if kind.soft.is_some() {
            case.soft = heads.iter().map(|&head| probabilities(&mut stream, rows, head)).collect();
        }
        case
    }

    /// The operation and its sizes in words.
    pub fn name(&self) -> String {
        match &self.operation {
            Operation::Conv2d(shape, batch, algorithm) => {
                let &ConvShape { in_channels, out_channels, height, width, kernel, stride, padding } = shape;
                let stride = if stride == 1 { String::new() } else { format!(" stride {stride}") };
                format!(
                    "conv2d {batch}x{in_channels}->{out_channels} {height}x{width} kernel {kernel}{stride} pad {padding}{}",
                    suffix(*algorithm)
                )
            }
            Operation::Linear([rows, inputs, outputs]) => format!("linear {rows}x{inputs}->{outputs}"),
            Operation::Layer(layer) => layer.name(),
            Operation::MaxPool2d([b, c, h, w]) => format!("max_pool2d {b}x{c}x{h}x{w}"),
            Operation::Dense(spec, rows, kind) => {
                let DenseSpec { inputs, layers, one_hot, heads } = spec;
                let one_hot = one_hot.map_or(String::new(), |OneHotInput { layer, classes }| {
                    format!(" one-hot {classes} in {layer}")
                });
                format!("dense {rows}x{inputs}->{layers:?}->{heads:?}{one_hot}{}", kind.name())
            }
            Operation::CrossEntropy(heads, rows, kind) => {
                format!("cross_entropy {rows}x{heads:?}{}", kind.name())
            }
            Operation::Trunk(spec, batch, key) => {
                let dropout = if key.is_some() { " dropout" } else { "" };
                format!("trunk {batch}x{}{dropout}", trunk_name(spec))
            }
            Operation::Orthogonalize([m, n]) => format!("orthogonalize {m}x{n}"),
            Operation::Predict(trunk, dense, batch) => {
                format!("predict {batch}x{}->{:?}->{:?}", trunk_name(trunk), dense.layers, dense.heads)
            }
        }
    }
}

impl TargetKind {
    fn name(&self) -> String {
        let smoothing = if self.label_smoothing > 0.0 { " smoothed" } else { "" };
        let soft = self.soft.map_or(String::new(), |weight| format!(" soft {weight}"));
        smoothing.to_string() + &soft
    }
}

fn trunk_name(spec: &TrunkSpec) -> String {
    let TrunkSpec { in_channels, height, width, blocks, algorithm, .. } = spec;
    let blocks: Vec<usize> = blocks.iter().map(|block| block.out_channels).collect();
    format!("{in_channels}x{height}x{width}->{blocks:?}{}", suffix(*algorithm))
}

/// What a name says of the algorithm.
fn suffix(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Direct => "",
        Algorithm::Winograd => " winograd",
        Algorithm::Auto => " auto",
    }
}

/// Makes convolution weights as wide as PyTorch's initial ones, so that depth changes no scale.
pub(crate) fn scale_weights(spec: &TrunkSpec, params: &mut [f32]) {
    let mut inputs = spec.in_channels;
    for (layout, block) in spec.layout().into_iter().zip(&spec.blocks) {
        let bound = 1.0 / (inputs as f32 * 9.0).sqrt();
        params[layout.weight].iter_mut().for_each(|weight| *weight *= bound);
        inputs = block.out_channels;
    }
}

/// Rows of random probabilities, `[rows, classes]`.
fn probabilities(stream: &mut Stream, rows: usize, classes: usize) -> Vec<f32> {
    let mut values: Vec<f32> = (0..rows * classes).map(|_| stream.uniform(-4.0, 4.0)).collect();
    softmax(&mut values, classes);
    values
}
