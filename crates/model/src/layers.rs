//! The walk over a network's layers and the fused runs between them.

use std::ops::Range;

use adder_kernels::dropout::DropoutKey;
use adder_nn::ops::{leaky_relu, relu, seeded_dropout};
use adder_nn::{Module, ModuleT};
use adder_random::{Purpose, Stream};
use candle_core::Tensor;

use crate::fused::Part;
use crate::operation::Operation;
use crate::{Mode, Model, Result};

/// The key of one training step's dropout masks, shared by all dropout layers; nothing where the pass evaluates.
fn step_key(mode: Mode) -> Option<DropoutKey> {
    match mode {
        Mode::Train { seed, epoch, step } => {
            Some(DropoutKey(Stream::new(seed, Purpose::Dropout, epoch, step).next_u64()))
        }
        Mode::Evaluate => None,
    }
}

impl Model {
    /// Layers of the network, one after the other.
    pub(crate) fn run(
        &self,
        range: Range<usize>,
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        let operations = &self.layers.nodes;
        match (&self.fused, mode) {
            (Some(fused), Mode::Train { .. }) => {
                let parts = fused.parts.iter().filter(|part| range.contains(&part.nodes().start));
                let covered = parts.clone().map(|part| part.nodes().end).max().unwrap_or(range.start);
                let x = self.parts(parts, operations, x, one_hot, mode)?;
                // What the fused dense part takes up runs layer by layer where logits are asked for without a loss.
                self.operations(&operations[covered.min(range.end)..range.end], &x, one_hot, mode)
            }
            _ => self.operations(&operations[range], x, one_hot, mode),
        }
    }

    /// Outputs of each head from the last layer's features.
    pub(crate) fn outputs(&self, features: &Tensor) -> Result<Vec<Tensor>> {
        let heads = self.layers.heads.iter();
        heads.map(|head| self.operation(head, features, &[], Mode::Evaluate)).collect()
    }

    fn parts<'a>(
        &self,
        parts: impl Iterator<Item = &'a Part>,
        operations: &[Operation],
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        let mut x = x.clone();
        for part in parts {
            x = match part {
                Part::Trunk(trunk) => trunk.forward(&self.parameters, &self.norms, &x, step_key(mode))?,
                Part::Layer { index, body } => match &operations[*index] {
                    Operation::Residual(inner) => {
                        (&x + self.parts(body.iter(), inner, &x, one_hot, mode)?)?
                    }
                    operation => self.operation(operation, &x, one_hot, mode)?,
                },
            };
        }
        Ok(x)
    }

    fn operations(
        &self,
        operations: &[Operation],
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        operations.iter().try_fold(x.clone(), |x, operation| self.operation(operation, &x, one_hot, mode))
    }

    /// One layer.
    fn operation(
        &self,
        operation: &Operation,
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        Ok(match operation {
            Operation::Conv2d(conv) => conv.forward(x)?,
            Operation::Relu => relu(x)?,
            Operation::LeakyRelu { negative_slope } => leaky_relu(x, *negative_slope)?,
            Operation::BatchNorm(number) => {
                self.norms[*number].layer.forward_t(x, matches!(mode, Mode::Train { .. }))?
            }
            Operation::Dropout { probability, number } => match step_key(mode) {
                Some(key) => seeded_dropout(x, *probability, key, *number as u32)?,
                None => x.clone(),
            },
            Operation::MaxPool2d(pool) => pool.forward(x)?,
            Operation::AvgPool2d(pool) => pool.forward(x)?,
            Operation::GlobalAveragePool => x.mean((2, 3))?,
            Operation::Flatten => x.flatten_from(1)?,
            Operation::Linear(linear) => linear.forward(x)?,
            Operation::OneHot { code, classes, number } => {
                let shape = (*classes, code.width(*classes));
                let table = Tensor::from_vec(code.table(*classes), shape, &self.device)?;
                Tensor::cat(&[x, &table.index_select(one_hot[*number], 0)?], 1)?
            }
            Operation::Residual(body) => (x + self.operations(body, x, one_hot, mode)?)?,
        })
    }
}
