//! The naive loops' side of a case, and how near to it the kernels must be.

use std::ops::Range;

use adder_network::naive::conv::{self, Conv};
use adder_network::naive::pool::{self, Pool};
use adder_network::naive::{self, Inputs, Mode, Pass, dense, loss};
use adder_network::{Head, Layer, Network};

use super::cases::{Case, Operation, Results};
use crate::conv::{Algorithm, ConvShape};
use crate::dense::DenseSpec;
use crate::dropout::{DropoutKey, DropoutRate, mask};
use crate::loss::Targets;
use crate::orthogonal::{COEFFICIENTS, LEAST_NORM, STEPS};
use crate::trunk::{KERNEL, Output, TrunkSpec};

/// The mode of networks without dropout.
const TRAIN: Mode<'_> = Mode::Train { masks: &[] };

/// The gradients that the naive loops give.
pub struct OracleGrads {
    /// Those with respect to the inputs of a case; none for operations without gradients.
    pub inputs: Vec<Vec<f64>>,
    /// The largest, without its sign, at any value on the way where there are layers, else 0.
    pub largest: f64,
}

impl Case {
    /// The inputs of the naive loops.
    pub fn oracle_inputs(&self) -> Vec<Vec<f64>> {
        self.inputs.iter().map(|input| wide(input)).collect()
    }

    /// The outputs of the naive loops, in `f64`.
    pub fn oracle_outputs(&self, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
        match &self.operation {
            Operation::Conv2d(shape, batch, _) => {
                let mut output = conv::conv2d(&inputs[0], &inputs[1], &naive_conv(shape, *batch));
                let planes = output.chunks_exact_mut(shape.output_len() / shape.out_channels);
                for (plane, bias) in planes.zip(inputs[2].iter().cycle()) {
                    plane.iter_mut().for_each(|value| *value += bias);
                }
                vec![output]
            }
            &Operation::Linear(sizes @ [_, _, outputs]) => {
                let mut output = dense::linear(&inputs[0], &inputs[1], sizes);
                for row in output.chunks_exact_mut(outputs) {
                    row.iter_mut().zip(&inputs[2]).for_each(|(value, bias)| *value += bias);
                }
                vec![output]
            }
            Operation::Layer(layer) => layer.oracle_outputs(inputs),
            &Operation::MaxPool2d(shape) => vec![pool::max_pool2d(&inputs[0], &Pool::halving(shape))],
            Operation::Dense(spec, rows, _) => {
                let (_, pass) = self.dense_pass(spec, inputs);
                let loss = self.total_loss(&spec.heads, &pass.logits) / *rows as f64;
                pass.logits.iter().cloned().chain(statistics(&pass)).chain([vec![loss]]).collect()
            }
            Operation::CrossEntropy(heads, ..) => vec![vec![self.total_loss(heads, inputs)]],
            Operation::Trunk(spec, batch, key) => {
                let pass = NaiveTrunk::new(spec, *batch, *key).forward(&inputs[0], &inputs[1]);
                [pass.features.clone()].into_iter().chain(statistics(&pass)).collect()
            }
            &Operation::Orthogonalize(shape) => vec![orthogonalize(&inputs[0], shape)],
            Operation::Predict(trunk, dense, _) => self.prediction(trunk, dense, inputs).1.logits,
        }
    }

    /// The gradients that the naive loops give, in `f64`.
    pub fn oracle_grads(&self, inputs: &[Vec<f64>]) -> OracleGrads {
        let upstream = wide(&self.upstream);
        let of_one_layer = |inputs| OracleGrads { inputs, largest: 0.0 };
        let of_layers = |naive::Gradients { params, images, largest }: naive::Gradients| OracleGrads {
            inputs: vec![images, params],
            largest,
        };
        match &self.operation {
            Operation::Conv2d(shape, batch, _) => {
                let conv = naive_conv(shape, *batch);
                let mut grad_bias = vec![0.0; shape.out_channels];
                let planes = upstream.chunks_exact(shape.output_len() / shape.out_channels);
                for (index, plane) in planes.enumerate() {
                    grad_bias[index % shape.out_channels] += plane.iter().sum::<f64>();
                }
                of_one_layer(vec![
                    conv::conv2d_input_gradient(&inputs[1], &upstream, &conv),
                    conv::conv2d_weight_gradient(&inputs[0], &upstream, &conv),
                    grad_bias,
                ])
            }
            &Operation::Linear(sizes @ [_, _, outputs]) => {
                let (grad_input, grad_weight) =
                    dense::linear_backward(&inputs[0], &inputs[1], sizes, &upstream);
                let mut grad_bias = vec![0.0; outputs];
                for row in upstream.chunks_exact(outputs) {
                    grad_bias.iter_mut().zip(row).for_each(|(sum, grad)| *sum += grad);
                }
                of_one_layer(vec![grad_input, grad_weight, grad_bias])
            }
            Operation::Layer(layer) => of_one_layer(layer.oracle_grads(inputs, &upstream)),
            &Operation::MaxPool2d(shape) => {
                of_one_layer(vec![pool::max_pool2d_backward(&inputs[0], &Pool::halving(shape), &upstream)])
            }
            Operation::Dense(spec, rows, _) => {
                let (network, pass) = self.dense_pass(spec, inputs);
                let mut grad_logits = self.total_loss_backward(&spec.heads, &pass.logits);
                grad_logits.iter_mut().flatten().for_each(|grad| *grad /= *rows as f64);
                of_layers(naive::backward(&network, &inputs[1], &pass, TRAIN, &grad_logits))
            }
            Operation::CrossEntropy(heads, ..) => of_one_layer(self.total_loss_backward(heads, inputs)),
            Operation::Trunk(spec, batch, key) => {
                let trunk = NaiveTrunk::new(spec, *batch, *key);
                let pass = trunk.forward(&inputs[0], &inputs[1]);
                of_layers(trunk.backward(&inputs[1], &pass, upstream))
            }
            Operation::Orthogonalize(_) | Operation::Predict(..) => of_one_layer(vec![]),
        }
    }

    fn dense_pass(&self, spec: &DenseSpec, inputs: &[Vec<f64>]) -> (Network, Pass) {
        let network = network_of(None, Some(spec));
        let batch = Inputs { images: &inputs[0], one_hot: &[&self.one_hot] };
        let pass = naive::forward(&network, &inputs[1], batch, TRAIN);
        (network, pass)
    }

    /// The network that predicts, with its pass.
    pub(crate) fn prediction(
        &self,
        trunk: &TrunkSpec,
        dense: &DenseSpec,
        inputs: &[Vec<f64>],
    ) -> (Network, Pass) {
        let network = network_of(Some(trunk), Some(dense));
        let [images, trunk_params, dense_params, means, variances] = inputs else {
            unreachable!("a prediction has five inputs")
        };
        let mut end = 0;
        let statistics = network.norms().iter().map(|norm| {
            end += norm.channels;
            [means, variances].map(|all| all[end - norm.channels..end].to_vec())
        });
        let statistics: Vec<_> = statistics.collect();
        let params = [&trunk_params[..], dense_params].concat();
        let batch = Inputs { images, one_hot: &[&self.one_hot] };
        let pass = naive::forward(&network, &params, batch, Mode::Evaluate { statistics: &statistics });
        (network, pass)
    }

    /// The sum of all rows' cross-entropies for all heads.
    fn total_loss(&self, heads: &[usize], logits: &[Vec<f64>]) -> f64 {
        let heads = heads.iter().zip(logits).zip(self.targets());
        let of_head = |((&classes, logits), targets): ((_, &Vec<f64>), Targets<'_>)| -> f64 {
            loss::cross_entropy(logits, classes, &distributions(classes, &targets)).iter().sum()
        };
        heads.map(of_head).sum()
    }

    /// The gradients of [`Case::total_loss`] at the logits.
    fn total_loss_backward(&self, heads: &[usize], logits: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let heads = heads.iter().zip(logits).zip(self.targets());
        let of_head = |((&classes, logits), targets): ((_, &Vec<f64>), Targets<'_>)| {
            loss::cross_entropy_backward(logits, classes, &distributions(classes, &targets))
        };
        heads.map(of_head).collect()
    }

    /// The objective whose gradients a step gives: the loss, or the product of output and upstream gradient.
    pub fn objective(&self, outputs: &[Vec<f64>]) -> f64 {
        match &self.operation {
            Operation::Dense(..) | Operation::CrossEntropy(..) => outputs.last().expect("the loss")[0],
            _ => outputs[0].iter().zip(&self.upstream).map(|(output, &grad)| output * f64::from(grad)).sum(),
        }
    }

    /// The parts of the inputs that are tensors of their own: the index of the input and the range in it.
    pub fn parts(&self) -> Vec<(usize, Range<usize>)> {
        let params: Vec<Range<usize>> = match &self.operation {
            Operation::Dense(spec, ..) => {
                let layout = spec.layout();
                let layers = layout.layers.into_iter().flat_map(|at| [at.weight, at.gamma, at.beta]);
                layers.chain(layout.heads).collect()
            }
            Operation::Trunk(spec, ..) => {
                spec.layout().into_iter().flat_map(|at| [at.weight, at.gamma, at.beta]).collect()
            }
            _ => return self.inputs.iter().map(|input| 0..input.len()).enumerate().collect(),
        };
        [(0, 0..self.inputs[0].len())].into_iter().chain(params.into_iter().map(|range| (1, range))).collect()
    }

    /// The most that a value may be off in an output whose largest value is `largest`.
    fn output_bound(&self, largest: f64) -> f64 {
        match &self.operation {
            Operation::Conv2d(shape, _, algorithm) => {
                rounding(*algorithm) * products(shape.in_channels * shape.kernel * shape.kernel)
            }
            Operation::Linear([_, inputs, _]) => products(*inputs),
            Operation::Layer(layer) => layer.bound(largest),
            Operation::MaxPool2d(_) => 0.0,
            Operation::Dense(..) | Operation::CrossEntropy(..) | Operation::Predict(..) => {
                1e-5 * largest.max(0.1)
            }
            Operation::Trunk(..) => 1e-4 * largest + 1e-5,
            // A small singular value, and its rounding, grows by up to 3.4445^5.
            Operation::Orthogonalize(_) => 3e-4,
        }
    }

    /// The most that a value may be off in a gradient with respect to an input, in a tensor whose largest value is `largest`
    /// where the largest on the way is `on_the_way`.
    pub(super) fn grad_bound(&self, input: usize, largest: f64, on_the_way: f64) -> f64 {
        match &self.operation {
            Operation::Conv2d(shape, _, algorithm) if input == 0 => {
                rounding(*algorithm) * products(shape.out_channels * shape.kernel * shape.kernel)
            }
            Operation::Conv2d(shape, batch, algorithm) => {
                let terms = batch * shape.output_len() / shape.out_channels;
                // The bias's sum is a sum as ever.
                if input == 1 { rounding(*algorithm) * products(terms) } else { products(terms) }
            }
            Operation::Linear([rows, _, outputs]) => products(if input == 0 { *outputs } else { *rows }),
            // The floors are for what comes to nothing, or nearly, as a sum of terms that are not small. Over few and nearly
            // equal rows a norm's gradients can be far above 1, and what they come to is off by a share of them.
            Operation::Dense(..) => 1e-5 * largest.max(0.1 * on_the_way.max(1.0)),
            Operation::Trunk(..) => 1e-4 * largest + 3e-5,
            Operation::CrossEntropy(..) => 1e-5 * largest.max(0.1),
            Operation::Layer(layer) => layer.bound(largest),
            Operation::MaxPool2d(_) | Operation::Orthogonalize(_) | Operation::Predict(..) => 0.0,
        }
    }

    /// Refuses results that are further from those of the naive loops than their bounds allow, times `slack`.
    ///
    /// # Errors
    /// The first value that is too far off, in words.
    pub fn verify(&self, results: &Results<f32>, slack: f64) -> Result<(), String> {
        let inputs = self.oracle_inputs();
        let outputs = self.oracle_outputs(&inputs);
        assert_eq!(results.outputs.len(), outputs.len(), "{}", self.name());
        for (index, (found, expected)) in results.outputs.iter().zip(&outputs).enumerate() {
            let bound = slack * self.output_bound(largest(expected));
            close(found, expected, bound)
                .map_err(|error| format!("{}, output {index}: {error}", self.name()))?;
        }
        let grads = self.oracle_grads(&inputs);
        if grads.inputs.is_empty() {
            return Ok(());
        }
        for (input, range) in self.parts() {
            let (found, expected) =
                (&results.grads[input][range.clone()], &grads.inputs[input][range.clone()]);
            let bound = slack * self.grad_bound(input, largest(expected), grads.largest);
            close(found, expected, bound)
                .map_err(|error| format!("{}, gradient of input {input}, {range:?}: {error}", self.name()))?;
        }
        Ok(())
    }

    /// The largest differences from the naive loops: of the outputs, and then of each tensor of gradients.
    #[cfg(test)]
    pub(crate) fn errors(&self, results: &Results<f32>) -> Vec<f64> {
        let inputs = self.oracle_inputs();
        let (outputs, grads) = (self.oracle_outputs(&inputs), self.oracle_grads(&inputs).inputs);
        let found = results.outputs.iter().chain(&results.grads);
        let pairs = found.zip(outputs.iter().chain(&grads));
        let differences = |(found, expected): (&Vec<f32>, &Vec<f64>)| {
            let pairs = found.iter().zip(expected);
            pairs.map(|(&found, expected)| (f64::from(found) - expected).abs()).fold(0.0, f64::max)
        };
        pairs.map(differences).collect()
    }

    /// Whether a ReLU of dense layers is so close to its kink that rounding could push it to the other side.
    #[cfg(test)]
    pub(crate) fn is_near_a_kink(&self) -> bool {
        let Operation::Dense(spec, ..) = &self.operation else { return false };
        let (_, pass) = self.dense_pass(spec, &self.oracle_inputs());
        pass.norms().flat_map(|norm| &norm.output).any(|value| value.abs() <= 1e-5)
    }
}

/// A trunk as the naive loops compute it.
pub(crate) struct NaiveTrunk {
    pub(crate) network: Network,
    /// The factors that dropout multiplies each value of each block with.
    pub(crate) masks: Vec<Option<Vec<f64>>>,
}

impl NaiveTrunk {
    pub(crate) fn new(spec: &TrunkSpec, batch: usize, key: Option<DropoutKey>) -> Self {
        let shapes = spec.convolutions().expect("a possible trunk");
        let masks = spec.blocks.iter().zip(shapes).map(|(block, shape)| {
            let rate = DropoutRate::new(block.dropout).expect("a possible rate");
            let [height, width] = shape.output_size();
            let shape = [batch, block.out_channels, height, width];
            let mut factors = vec![0.0; shape.iter().product()];
            mask(key?, block.mask, rate, shape, &mut factors).expect("the sizes fit");
            Some(wide(&factors))
        });
        Self { network: network_of(Some(spec), None), masks: masks.collect() }
    }

    fn mode(&self) -> Mode<'_> {
        Mode::Train { masks: &self.masks }
    }

    pub(crate) fn forward(&self, images: &[f64], params: &[f64]) -> Pass {
        naive::forward_layers(&self.network, params, Inputs { images, one_hot: &[] }, self.mode())
    }

    pub(crate) fn backward(&self, params: &[f64], pass: &Pass, grad_output: Vec<f64>) -> naive::Gradients {
        naive::backward_layers(&self.network, params, pass, self.mode(), grad_output)
    }
}

/// The network of a trunk, of dense layers, or of these on the averages of that. Dense layers alone read images of one pixel; a
/// trunk alone has a head that stands for none.
fn network_of(trunk: Option<&TrunkSpec>, dense: Option<&DenseSpec>) -> Network {
    let (mut input, mut layers, mut heads) = ([1; 3], vec![], vec![Head::new("none", 1)]);
    if let Some(spec) = trunk {
        input = [spec.in_channels, spec.height, spec.width];
        for block in &spec.blocks {
            layers.extend([
                Layer::conv2d(block.out_channels, KERNEL).padding(block.padding),
                Layer::relu(),
                Layer::batch_norm(),
                Layer::dropout(block.dropout),
            ]);
            layers.extend(block.pool.then(|| Layer::max_pool2d(2)));
        }
    }
    layers.push(match trunk {
        Some(spec) if dense.is_some() || spec.output == Output::GlobalAverage => Layer::global_average_pool(),
        _ => Layer::flatten(),
    });
    if let Some(spec) = dense {
        if trunk.is_none() {
            input[0] = spec.inputs;
        }
        for (index, &width) in spec.layers.iter().enumerate() {
            let one_hot = spec.one_hot.filter(|input| input.layer == index);
            layers.extend(one_hot.map(|input| Layer::one_hot("class", input.classes)));
            layers.extend([Layer::linear(width), Layer::batch_norm(), Layer::relu()]);
        }
        let head = |(index, &classes): (usize, &usize)| Head::new(&format!("head{index}"), classes);
        heads = spec.heads.iter().enumerate().map(head).collect();
    }
    Network::new(input, layers, heads).expect("a specification that the kernels take")
}

/// The naive loops' sizes of a convolution of so many images.
fn naive_conv(shape: &ConvShape, batch: usize) -> Conv {
    let &ConvShape { in_channels, out_channels, height, width, kernel, stride, padding } = shape;
    Conv { batch, in_channels, out_channels, height, width, kernel, stride, padding }
}

/// The distributions that a head of `classes` should give, `[b, classes]`.
fn distributions(classes: usize, targets: &Targets<'_>) -> Vec<f64> {
    let soft = targets.soft.map(|soft| (wide(soft.probabilities), f64::from(soft.weight)));
    let soft = soft.as_ref().map(|(probabilities, weight)| (&probabilities[..], *weight));
    loss::targets(classes, targets.labels, f64::from(targets.label_smoothing), soft)
}

/// Means and variances of the batch, norm by norm.
fn statistics(pass: &Pass) -> impl Iterator<Item = Vec<f64>> {
    pass.norms().flat_map(|norm| [norm.mean.clone(), norm.variance.clone()])
}

/// `x := a * x + b * (x * transpose(x)) * x + c * (x * transpose(x))^2 * x`, five times, from `values` `[rows, columns]`
/// over its Frobenius norm.
fn orthogonalize(values: &[f64], [rows, columns]: [usize; 2]) -> Vec<f64> {
    let [a, b, c] = COEFFICIENTS.map(f64::from);
    let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::from(LEAST_NORM));
    let mut x: Vec<f64> = values.iter().map(|value| value / norm).collect();
    for _ in 0..STEPS {
        let gram = dense::linear(&x, &x, [rows, columns, rows]);
        let cubed = product(&gram, &x, [rows, rows, columns]);
        let fifth = product(&gram, &cubed, [rows, rows, columns]);
        for ((x, cubed), fifth) in x.iter_mut().zip(cubed).zip(fifth) {
            *x = a * *x + b * cubed + c * fifth;
        }
    }
    x
}

fn product(left: &[f64], right: &[f64], [m, k, n]: [usize; 3]) -> Vec<f64> {
    let transposed: Vec<f64> = (0..k * n).map(|at| right[at % k * n + at / k]).collect();
    dense::linear(left, &transposed, [m, k, n])
}

/// How much further than the direct sum an algorithm may be off.
fn rounding(algorithm: Algorithm) -> f64 {
    match algorithm {
        Algorithm::Direct => 1.0,
        Algorithm::Winograd | Algorithm::Auto => 4.0,
    }
}

/// The bound of a sum of so many products of numbers below 1: it grows like the square root of their count, and so do its
/// rounding errors; together, in proportion to the count.
fn products(terms: usize) -> f64 {
    2e-7 * terms as f64 + 1e-6
}

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

/// The largest absolute value.
pub(crate) fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

fn close(found: &[f32], expected: &[f64], bound: f64) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{} values where {} are right", found.len(), expected.len()));
    }
    // A NaN is close to nothing.
    let near = |(&found, &expected): (&f32, &f64)| (f64::from(found) - expected).abs() <= bound;
    match found.iter().zip(expected).position(|pair| !near(pair)) {
        None => Ok(()),
        Some(at) => Err(format!("{} where {} is right within {bound}, at {at}", found[at], expected[at])),
    }
}
