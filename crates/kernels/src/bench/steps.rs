//! The kernels' side of a case: a step that a test runs once and a bench again and again.

use super::cases::{Case, Operation, Results, TargetKind};
use crate::Isa;
use crate::conv::Conv2d;
use crate::dense::Dense;
use crate::linear::Linear;
use crate::loss::{SoftTargets, Targets, softmax_cross_entropy};
use crate::orthogonal::orthogonalize;
use crate::pool::{max_pool2d, max_pool2d_backward};
use crate::predict::{OneHot, Predictor, RunningStatistics, TrainedNetwork};
use crate::trunk::Trunk;

/// A step that can be taken again and again: it writes its results over those it is given.
type Step<'a> = Box<dyn FnMut(&mut Results<f32>) + 'a>;

impl Case {
    /// The results of the kernels. Values that are not written are NaN.
    ///
    /// # Panics
    /// If an operation refuses its arguments.
    pub fn run(&self, isa: Isa) -> Results<f32> {
        let mut results = self.results();
        self.step(isa)(&mut results);
        results
    }

    /// Room for the results of [`Case::step`].
    pub fn results(&self) -> Results<f32> {
        let of_len = |len: usize| vec![f32::NAN; len];
        let all = |lengths: &[usize]| lengths.iter().map(|&len| of_len(len)).collect();
        let grads = self.inputs.iter().map(|input| of_len(input.len())).collect();
        match &self.operation {
            Operation::Conv2d(..) | Operation::Linear(_) | Operation::MaxPool2d(_) => {
                Results { outputs: all(&[self.upstream.len()]), grads }
            }
            Operation::Layer(layer) => Results { outputs: all(&layer.output_lens()), grads },
            Operation::Dense(spec, rows, _) => {
                let mut lengths: Vec<usize> = spec.heads.iter().map(|classes| rows * classes).collect();
                lengths.extend(spec.layers.iter().flat_map(|&width| [width; 2]));
                lengths.push(1);
                Results { outputs: all(&lengths), grads }
            }
            Operation::CrossEntropy(..) => Results { outputs: all(&[1]), grads },
            Operation::Trunk(spec, ..) => {
                let mut lengths = vec![self.upstream.len()];
                lengths.extend(spec.blocks.iter().flat_map(|block| [block.out_channels; 2]));
                Results { outputs: all(&lengths), grads }
            }
            Operation::Orthogonalize(_) => Results { outputs: all(&[self.inputs[0].len()]), grads: vec![] },
            Operation::Predict(_, dense, batch) => {
                let lengths: Vec<usize> = dense.heads.iter().map(|classes| batch * classes).collect();
                Results { outputs: all(&lengths), grads: vec![] }
            }
        }
    }

    /// The operation with its gradients, planned once, to be run any number of times.
    ///
    /// # Panics
    /// If the operation refuses its arguments.
    pub fn step(&self, isa: Isa) -> Step<'_> {
        const FITS: &str = "the arguments of a case fit";
        let (inputs, upstream) = (&self.inputs, &self.upstream);
        match &self.operation {
            Operation::Conv2d(shape, _, algorithm) => {
                let conv = Conv2d::with_algorithm(*shape, isa, *algorithm).expect(FITS);
                Box::new(move |results| {
                    let [input, weight, bias] = &inputs[..] else {
                        unreachable!("a convolution has three inputs")
                    };
                    let [grad_input, grad_weight, grad_bias] = &mut results.grads[..] else {
                        unreachable!("and as many gradients")
                    };
                    let packed = conv.pack(weight).expect(FITS);
                    conv.forward(input, &packed, Some(bias), &mut results.outputs[0]).expect(FITS);
                    conv.input_gradient(weight, upstream, grad_input).expect(FITS);
                    conv.weight_gradient(input, upstream, grad_weight, Some(grad_bias)).expect(FITS);
                })
            }
            &Operation::Linear([_, of_row, outputs]) => {
                let linear = Linear::new([of_row, outputs], isa).expect(FITS);
                Box::new(move |results| {
                    let [input, weight, bias] = &inputs[..] else {
                        unreachable!("a linear layer has three inputs")
                    };
                    let [grad_input, grad_weight, grad_bias] = &mut results.grads[..] else {
                        unreachable!("and as many gradients")
                    };
                    linear.forward(input, weight, Some(bias), &mut results.outputs[0]).expect(FITS);
                    linear.input_gradient(weight, upstream, grad_input).expect(FITS);
                    linear.weight_gradient(input, upstream, grad_weight, Some(grad_bias)).expect(FITS);
                })
            }
            Operation::Layer(layer) => Box::new(move |results| {
                layer.run(isa, inputs, upstream, [&mut results.outputs, &mut results.grads]);
            }),
            &Operation::MaxPool2d(shape) => Box::new(move |results| {
                max_pool2d(isa, &inputs[0], shape, &mut results.outputs[0]).expect(FITS);
                max_pool2d_backward(isa, &inputs[0], shape, upstream, &mut results.grads[0]).expect(FITS);
            }),
            Operation::Dense(spec, rows, _) => {
                let dense = Dense::new(spec.clone(), isa).expect(FITS);
                Box::new(move |results| {
                    let one_hot = spec.one_hot.map(|_| &self.one_hot[..]);
                    let pass = dense.forward(&inputs[0], one_hot, &inputs[1]).expect(FITS);
                    let (logits, others) = results.outputs.split_at_mut(spec.heads.len());
                    pass.copy_logits(&mut slices(logits)).expect(FITS);
                    for (layer, found) in others.chunks_exact_mut(2).enumerate() {
                        found[0].copy_from_slice(pass.statistics(layer).mean);
                        found[1].copy_from_slice(pass.statistics(layer).variance);
                    }
                    let loss = pass.loss(&self.targets()).expect(FITS);
                    let total: f64 = loss.tally().heads.iter().map(|head| head.loss).sum();
                    results.outputs.last_mut().expect("the loss")[0] = (total / (*rows).max(1) as f64) as f32;
                    let [grad_inputs, grad_params] = &mut results.grads[..] else {
                        unreachable!("two inputs")
                    };
                    loss.backward(1.0, grad_inputs, grad_params).expect(FITS);
                })
            }
            Operation::CrossEntropy(..) => Box::new(move |results| {
                let logits: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
                let (targets, grads) = (self.targets(), &mut slices(&mut results.grads));
                let tally = softmax_cross_entropy(isa, &logits, &targets, grads).expect(FITS);
                results.outputs[0][0] = tally.heads.iter().map(|head| head.loss).sum::<f64>() as f32;
            }),
            Operation::Trunk(spec, batch, key) => {
                let trunk = Trunk::new(spec.clone(), isa).expect(FITS);
                Box::new(move |results| {
                    let mut pass = trunk.forward(&inputs[0], *batch, &inputs[1], *key).expect(FITS);
                    results.outputs[0].copy_from_slice(pass.output());
                    for (found, statistics) in results.outputs[1..].chunks_exact_mut(2).zip(pass.statistics())
                    {
                        found[0].copy_from_slice(statistics.mean);
                        found[1].copy_from_slice(statistics.variance);
                    }
                    let [grad_images, grad_params] = &mut results.grads[..] else {
                        unreachable!("two inputs")
                    };
                    pass.backward(upstream, grad_params, Some(grad_images)).expect(FITS);
                })
            }
            &Operation::Orthogonalize(shape) => Box::new(move |results| {
                results.outputs[0].copy_from_slice(&inputs[0]);
                orthogonalize(isa, &mut results.outputs[0], shape).expect(FITS);
            }),
            Operation::Predict(_, dense, _) => {
                let network = |network: &TrainedNetwork<'_>| Predictor::new(network, isa).expect(FITS);
                let predictor = self.with_network(network);
                Box::new(move |results| {
                    let one_hot =
                        if dense.one_hot.is_some() { OneHot::Each(&self.one_hot) } else { OneHot::None };
                    predictor.predict(&inputs[0], one_hot, &mut slices(&mut results.outputs)).expect(FITS);
                })
            }
        }
    }

    /// The targets of each head.
    pub(crate) fn targets(&self) -> Vec<Targets<'_>> {
        let kind = match self.operation {
            Operation::Dense(_, _, kind) | Operation::CrossEntropy(_, _, kind) => kind,
            _ => TargetKind::default(),
        };
        let soft = |head: usize| {
            let weight = kind.soft?;
            Some(SoftTargets { probabilities: &self.soft[head], weight })
        };
        let label_smoothing = kind.label_smoothing;
        let heads = self.labels.iter().enumerate();
        heads.map(|(head, labels)| Targets { labels, label_smoothing, soft: soft(head) }).collect()
    }

    /// Calls `visit` with the network that predicts.
    ///
    /// # Panics
    /// If the operation is not a prediction.
    pub(crate) fn with_network<T>(&self, visit: impl FnOnce(&TrainedNetwork<'_>) -> T) -> T {
        let Operation::Predict(trunk, dense, _) = &self.operation else {
            panic!("{} predicts nothing", self.name())
        };
        let [_, trunk_params, dense_params, means, variances] = &self.inputs[..] else {
            unreachable!("a prediction has five inputs")
        };
        let mut first = 0;
        let mut statistics = |width: usize| {
            let range = first..first + width;
            first += width;
            RunningStatistics { mean: &means[range.clone()], variance: &variances[range] }
        };
        let of_trunk: Vec<_> = trunk.blocks.iter().map(|block| statistics(block.out_channels)).collect();
        let of_dense: Vec<_> = dense.layers.iter().map(|&width| statistics(width)).collect();
        visit(&TrainedNetwork {
            trunk,
            trunk_params,
            trunk_statistics: &of_trunk,
            dense,
            dense_params,
            dense_statistics: &of_dense,
            head_bias: None,
        })
    }
}

fn slices(tensors: &mut [Vec<f32>]) -> Vec<&mut [f32]> {
    tensors.iter_mut().map(Vec::as_mut_slice).collect()
}
