//! A training step of dense layers: forward, loss and backward.

use std::sync::Arc;

use super::layer::{AffineGradients, Linear, Norm, NormStatistics};
use super::spec::{DenseLayout, DenseSpec};
use crate::buffer_pool::PooledBuffer;
use crate::loss::{self, CrossEntropy, Tally, Targets};
use crate::matrix::Matrix;
use crate::shape::{check_heads, check_len};
use crate::{Isa, Result};

/// The layers before any row is seen.
#[derive(Debug)]
pub(super) struct DensePlan {
    pub(super) spec: DenseSpec,
    layout: DenseLayout,
    isa: Isa,
}

/// The memory of a training step.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    inputs: Matrix,
    /// The class of each row, where there is a one-hot input.
    one_hot: Vec<u8>,
    layers: Vec<LayerBuffers>,
    /// All heads as one layer: their weights lie side by side.
    heads: Linear,
    logits: Matrix,
    grad_logits: Matrix,
    grad_inputs: Matrix,
    grad_norm: AffineGradients,
    /// The gradient of the one-hot input's columns, `[classes, out]`.
    grad_one_hot: Matrix,
}

/// One hidden layer in training.
#[derive(Debug, Default)]
struct LayerBuffers {
    linear: Linear,
    norm: Norm,
    /// The gradient of the layer's output, and then of the norm's input.
    grad: Matrix,
}

/// A forward pass of [`Dense`](super::Dense). It holds what the loss and the backward pass need.
#[derive(Debug)]
pub struct DensePass {
    pub(super) plan: Arc<DensePlan>,
    pub(super) buffers: PooledBuffer<Buffers>,
}

/// A forward pass with its loss, ready to go back.
#[derive(Debug)]
pub struct DenseLoss {
    pass: DensePass,
    tally: Tally,
}

impl DensePlan {
    pub(super) fn new(spec: DenseSpec, isa: Isa) -> Result<Self> {
        spec.check()?;
        Ok(Self { layout: spec.layout(), spec, isa })
    }
}

impl Buffers {
    pub(super) fn new(DensePlan { spec, .. }: &DensePlan) -> Self {
        let layer = |(layer, &outputs): (usize, &usize)| LayerBuffers {
            linear: Linear::new(spec.width_before(layer), spec.row_length(layer), outputs),
            norm: Norm::new(outputs),
            grad: Matrix::new(outputs),
        };
        let joined = spec.one_hot.map_or(0, |input| spec.layers[input.layer]);
        Self {
            inputs: Matrix::new(spec.inputs),
            one_hot: Vec::new(),
            layers: spec.layers.iter().enumerate().map(layer).collect(),
            heads: Linear::new(spec.last_width(), spec.last_width(), spec.classes()),
            logits: Matrix::new(spec.classes()),
            grad_logits: Matrix::new(spec.classes()),
            grad_inputs: Matrix::new(spec.inputs),
            grad_norm: AffineGradients::default(),
            grad_one_hot: Matrix::new(joined),
        }
    }
}

impl DensePass {
    /// Rows of the batch.
    pub fn rows(&self) -> usize {
        self.buffers.logits.rows()
    }

    /// Copies the logits of each head, `[b, classes]`.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where there are more or fewer slices than heads, and in
    /// [`Error::Head`](crate::Error::Head) where one has another size.
    pub fn copy_logits(&self, heads: &mut [&mut [f32]]) -> Result<()> {
        let (logits, classes) = (&self.buffers.logits, &self.plan.spec.heads);
        check_len("heads", heads, classes.len())?;
        check_heads(heads.iter().zip(classes), |(head, classes)| {
            check_len("logits", head, logits.rows() * classes)
        })?;
        logits.split_columns(classes, 0, heads);
        Ok(())
    }

    /// The statistics that a hidden layer's norm found in this batch.
    ///
    /// # Panics
    /// If there is no such layer.
    pub fn statistics(&self, layer: usize) -> NormStatistics<'_> {
        self.buffers.layers[layer].norm.statistics()
    }

    /// The loss against what each head should say of each row.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where there are more or fewer targets than heads, and in
    /// [`Error::Head`](crate::Error::Head) whatever [`softmax_cross_entropy`](loss::softmax_cross_entropy) refuses.
    pub fn loss(mut self, targets: &[Targets<'_>]) -> Result<DenseLoss> {
        let heads = &self.plan.spec.heads;
        loss::check(targets, heads, self.rows())?;
        let Buffers { logits, grad_logits: grad, .. } = &mut *self.buffers;
        let tally = CrossEntropy { logits, heads, targets, grad }.run(self.plan.isa);
        Ok(DenseLoss { pass: self, tally })
    }

    /// Each layer's linear part, norm and ReLU in turn, then the heads. The lengths were checked.
    pub(super) fn forward(&mut self, inputs: &[f32], one_hot: &[u8], params: &[f32]) {
        let DensePlan { spec, layout, isa } = &*self.plan;
        let Buffers { inputs: input, one_hot: classes, layers, heads, logits, .. } = &mut *self.buffers;
        input.copy_from(inputs, spec.inputs);
        classes.clear();
        classes.extend_from_slice(one_hot);

        let mut input = &*input;
        for (index, (layer, at)) in layers.iter_mut().zip(&layout.layers).enumerate() {
            let LayerBuffers { linear, norm, .. } = layer;
            linear.pack(&params[at.weight.clone()]);
            norm.values.clear(input.rows());
            if spec.one_hot.is_some_and(|input| input.layer == index) {
                // A one-hot input times a weight is one of the weight's columns: the sums start from it.
                for (row, &class) in one_hot.iter().enumerate() {
                    norm.values.row_mut(row).copy_from_slice(linear.column(class.into()));
                }
            }
            linear.forward(*isa, input, &mut norm.values);
            norm.forward(*isa, &params[at.gamma.clone()], &params[at.beta.clone()]);
            input = &norm.output;
        }

        heads.pack(&params[layout.heads_range()]);
        logits.clear(input.rows());
        heads.forward(*isa, input, logits);
    }
}

impl DenseLoss {
    /// The losses and right classes of this batch, as sums.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The forward pass.
    pub fn pass(&self) -> &DensePass {
        &self.pass
    }

    /// Writes the gradients of `grad_scale` times the sum over the heads of their mean cross-entropies: `grad_inputs` is
    /// `[b, inputs]`, `grad_params` is laid out as the parameters.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice has another size.
    pub fn backward(
        mut self,
        grad_scale: f32,
        grad_inputs: &mut [f32],
        grad_params: &mut [f32],
    ) -> Result<()> {
        let DensePlan { spec, layout, isa } = &*self.pass.plan;
        let buffers = &mut *self.pass.buffers;
        let rows = buffers.logits.rows();
        check_len("grad_inputs", grad_inputs, rows * spec.inputs)?;
        check_len("grad_params", grad_params, spec.parameters())?;

        let Buffers {
            inputs,
            one_hot,
            layers,
            heads,
            grad_logits,
            grad_inputs: grad_first,
            grad_norm,
            grad_one_hot,
            ..
        } = buffers;
        let mean_scale = grad_scale / rows.max(1) as f32;
        grad_logits.values_mut().iter_mut().for_each(|grad| *grad *= mean_scale);
        let (input, grad_input) = before(layers, inputs, grad_first);
        heads.weight_gradient(*isa, input, grad_logits, &mut grad_params[layout.heads_range()]);
        heads.input_gradient(*isa, grad_logits, grad_input);

        for (index, at) in layout.layers.iter().enumerate().rev() {
            let (earlier, layer) = layers.split_at_mut(index);
            let LayerBuffers { linear, norm, grad } = &mut layer[0];
            let (input, grad_input) = before(earlier, inputs, grad_first);
            norm.backward(*isa, grad, grad_norm);
            grad_params[at.gamma.clone()].copy_from_slice(&grad_norm.gamma[..grad.columns()]);
            grad_params[at.beta.clone()].copy_from_slice(&grad_norm.beta[..grad.columns()]);
            let grad_weight = &mut grad_params[at.weight.clone()];
            linear.weight_gradient(*isa, input, grad, grad_weight);
            if let Some(joined) = spec.one_hot.filter(|input| input.layer == index) {
                sum_by_class(grad, one_hot, joined.classes, grad_one_hot);
                grad_one_hot.transpose_to(&mut grad_weight[input.columns()..], spec.row_length(index));
            }
            linear.input_gradient(*isa, grad, grad_input);
        }
        grad_first.copy_to(grad_inputs, spec.inputs);
        Ok(())
    }
}

/// The output of the last of `layers`, or the input of the stack where there is none, and its gradient.
fn before<'a>(
    layers: &'a mut [LayerBuffers],
    inputs: &'a Matrix,
    grad_inputs: &'a mut Matrix,
) -> (&'a Matrix, &'a mut Matrix) {
    match layers.last_mut() {
        Some(layer) => (&layer.norm.output, &mut layer.grad),
        None => (inputs, grad_inputs),
    }
}

/// The sum of the rows of each class, `[classes, out]`: the gradient of a weight's columns under one-hot inputs.
fn sum_by_class(rows: &Matrix, classes: &[u8], count: usize, sums: &mut Matrix) {
    sums.clear(count);
    for (row, &class) in classes.iter().enumerate() {
        for (sum, value) in sums.row_mut(class.into()).iter_mut().zip(rows.row(row)) {
            *sum += value;
        }
    }
}
