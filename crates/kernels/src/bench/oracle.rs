//! The naive loops' side of a case, and how near to it the kernels must be.

use std::ops::Range;

use super::cases::{Case, Operation, Results};
use crate::conv::ConvShape;
use crate::dropout::{DropoutKey, DropoutRate, mask};
use crate::naive;
use crate::trunk::TrunkSpec;

impl Case {
    /// The inputs of the naive loops.
    pub fn oracle_inputs(&self) -> Vec<Vec<f64>> {
        self.inputs.iter().map(|input| wide(input)).collect()
    }

    /// The outputs of the naive loops, in `f64`.
    pub fn oracle_outputs(&self, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
        match &self.operation {
            Operation::Conv2d(shape) => vec![naive::conv::conv2d(&inputs[0], &inputs[1], shape)],
            &Operation::MaxPool2d(shape) => vec![naive::pool::max_pool2d(&inputs[0], shape)],
            Operation::Dense(spec, ..) => {
                let pass = naive::dense::forward(spec, &inputs[0], &self.one_hot, &inputs[1]);
                let loss = naive::dense::loss(spec, &pass, &self.targets());
                let statistics = pass.norms.into_iter().flat_map(|norm| [norm.mean, norm.variance]);
                pass.logits.into_iter().chain(statistics).chain([vec![loss]]).collect()
            }
            Operation::CrossEntropy(heads, ..) => {
                let of_head = |((logits, &classes), targets): ((&Vec<f64>, &usize), _)| -> f64 {
                    let expected = naive::loss::distributions(classes, &targets);
                    naive::loss::cross_entropy(logits, classes, &expected).iter().sum()
                };
                vec![vec![inputs.iter().zip(heads).zip(self.targets()).map(of_head).sum()]]
            }
            Operation::Trunk(spec, batch, key) => {
                let masks = masks(spec, *batch, *key);
                let pass = naive::trunk::forward(&inputs[0], &inputs[1], &masks, spec);
                let norms = pass.blocks.into_iter().map(|block| block.normalized);
                [pass.output].into_iter().chain(norms.flat_map(|norm| [norm.mean, norm.variance])).collect()
            }
            &Operation::Orthogonalize(shape) => vec![naive::orthogonal::orthogonalize(&inputs[0], shape)],
            Operation::Predict(..) => self
                .with_network(|network| naive::predict::predict(network, &inputs[0], &self.one_hot).logits),
        }
    }

    /// The gradients that the naive loops give, in `f64`.
    pub fn oracle_grads(&self, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let upstream = wide(&self.upstream);
        match &self.operation {
            Operation::Conv2d(shape) => vec![
                naive::conv::conv2d_input_gradient(&inputs[1], &upstream, shape),
                naive::conv::conv2d_weight_gradient(&inputs[0], &upstream, shape),
            ],
            &Operation::MaxPool2d(shape) => {
                vec![naive::pool::max_pool2d_backward(&inputs[0], shape, &upstream)]
            }
            Operation::Dense(spec, ..) => {
                let pass = naive::dense::forward(spec, &inputs[0], &self.one_hot, &inputs[1]);
                let grads = naive::dense::backward(spec, &pass, &inputs[1], &self.targets());
                vec![grads.0, grads.1]
            }
            Operation::CrossEntropy(heads, ..) => {
                let of_head = |((logits, &classes), targets): ((&Vec<f64>, &usize), _)| {
                    let expected = naive::loss::distributions(classes, &targets);
                    naive::loss::cross_entropy_backward(logits, classes, &expected)
                };
                inputs.iter().zip(heads).zip(self.targets()).map(of_head).collect()
            }
            Operation::Trunk(spec, batch, key) => {
                let masks = masks(spec, *batch, *key);
                let pass = naive::trunk::forward(&inputs[0], &inputs[1], &masks, spec);
                let grads = naive::trunk::backward(&pass, &inputs[1], &masks, spec, &upstream);
                vec![grads.images, grads.params]
            }
            Operation::Orthogonalize(_) | Operation::Predict(..) => vec![],
        }
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

    /// The most that a value may be off, of an output (`grad` is none) or of a gradient with respect to an input, in a
    /// tensor whose largest value is `largest`.
    pub fn bound(&self, grad: Option<usize>, largest: f64) -> f64 {
        match &self.operation {
            // A sum of `terms` products of numbers below 1 grows like the square root of their count, and so do its rounding
            // errors: together, in proportion to the count.
            Operation::Conv2d(shape) => {
                let taps = shape.kernel * shape.kernel;
                let terms = match grad {
                    None => shape.in_channels * taps,
                    Some(0) => shape.out_channels * taps,
                    Some(_) => shape.output_len() / shape.out_channels,
                };
                2e-7 * terms as f64 + 1e-6
            }
            Operation::MaxPool2d(_) => 0.0,
            Operation::Dense(..) | Operation::CrossEntropy(..) | Operation::Predict(..) => {
                1e-5 * largest.max(0.1)
            }
            // The floor is for what comes to nothing, or nearly, as a sum of terms that are not small.
            Operation::Trunk(..) => 1e-4 * largest + if grad.is_none() { 1e-5 } else { 3e-5 },
            // A small singular value, and its rounding, grows by up to 3.4445^5.
            Operation::Orthogonalize(_) => 3e-4,
        }
    }

    /// Refuses results that are further from those of the naive loops than [`Case::bound`] allows, times `slack`.
    ///
    /// # Errors
    /// The first value that is too far off, in words.
    pub fn verify(&self, results: &Results<f32>, slack: f64) -> Result<(), String> {
        let inputs = self.oracle_inputs();
        let outputs = self.oracle_outputs(&inputs);
        assert_eq!(results.outputs.len(), outputs.len(), "{}", self.name());
        for (index, (found, expected)) in results.outputs.iter().zip(&outputs).enumerate() {
            let bound = slack * self.bound(None, largest(expected));
            close(found, expected, bound)
                .map_err(|error| format!("{}, output {index}: {error}", self.name()))?;
        }
        let grads = self.oracle_grads(&inputs);
        if grads.is_empty() {
            return Ok(());
        }
        for (input, range) in self.parts() {
            let (found, expected) = (&results.grads[input][range.clone()], &grads[input][range.clone()]);
            let bound = slack * self.bound(Some(input), largest(expected));
            close(found, expected, bound)
                .map_err(|error| format!("{}, gradient of input {input}, {range:?}: {error}", self.name()))?;
        }
        Ok(())
    }

    /// Whether a ReLU of dense layers is so close to its kink that rounding could push it to the other side.
    #[cfg(test)]
    pub(crate) fn is_near_a_kink(&self) -> bool {
        let Operation::Dense(spec, ..) = &self.operation else { return false };
        let inputs = self.oracle_inputs();
        let pass = naive::dense::forward(spec, &inputs[0], &self.one_hot, &inputs[1]);
        pass.norms.iter().flat_map(|norm| &norm.output).any(|value| value.abs() <= 1e-5)
    }
}

/// The factors that dropout multiplies each value of each block with.
pub(crate) fn masks(spec: &TrunkSpec, batch: usize, key: Option<DropoutKey>) -> Vec<Option<Vec<f64>>> {
    let shapes = spec.convolutions().expect("a possible trunk");
    let of_block = |(block, shape): (usize, &ConvShape)| {
        let rate = DropoutRate::new(spec.blocks[block].dropout).expect("a possible rate");
        let [height, width] = shape.output_size();
        let mut factors = vec![0.0; batch * shape.out_channels * height * width];
        let shape = [batch, shape.out_channels, height, width];
        mask(key?, spec.blocks[block].mask, rate, shape, &mut factors).expect("the sizes fit");
        Some(wide(&factors))
    };
    shapes.iter().enumerate().map(of_block).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
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
