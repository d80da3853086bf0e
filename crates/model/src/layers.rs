//! Layers on candle, each kind as its formula reads, and the fused runs between them.

use std::ops::Range;

use adder_network::{LayerKind, Node};
use candle_core::{DType, Tensor};

use crate::conv::conv2d;
use crate::dropout::{dropout, step_key};
use crate::fused::Part;
use crate::pool::{avg_pool2d, max_pool2d};
use crate::{Mode, Model, Result};

impl Model {
    /// Layers of the network, one after the other.
    pub(crate) fn run(
        &self,
        range: Range<usize>,
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        let nodes = self.network.nodes();
        match (&self.fused, mode) {
            (Some(fused), Mode::Train { .. }) => {
                let parts = fused.parts.iter().filter(|part| range.contains(&part.nodes().start));
                let covered = parts.clone().map(|part| part.nodes().end).max().unwrap_or(range.start);
                let x = self.parts(parts, nodes, x, one_hot, mode)?;
                // What the fused dense part takes up runs layer by layer where logits are asked for without a loss.
                self.nodes(&nodes[covered.min(range.end)..range.end], &x, one_hot, mode)
            }
            _ => self.nodes(&nodes[range], x, one_hot, mode),
        }
    }

    /// Logits of each head from the last layer's features.
    pub(crate) fn heads(&self, features: &Tensor) -> Result<Vec<Tensor>> {
        self.network.heads().iter().map(|head| self.node(head, features, &[], Mode::Evaluate)).collect()
    }

    fn parts<'a>(
        &self,
        parts: impl Iterator<Item = &'a Part>,
        nodes: &[Node],
        x: &Tensor,
        one_hot: &[&Tensor],
        mode: Mode,
    ) -> Result<Tensor> {
        let mut x = x.clone();
        for part in parts {
            x = match part {
                Part::Trunk(trunk) => trunk.forward(&self.parameters, &self.norms, &x, step_key(mode))?,
                Part::Layer { index, body } if body.is_empty() => {
                    self.node(&nodes[*index], &x, one_hot, mode)?
                }
                Part::Layer { index, body } => {
                    (&x + self.parts(body.iter(), &nodes[*index].body, &x, one_hot, mode)?)?
                }
            };
        }
        Ok(x)
    }

    fn nodes(&self, nodes: &[Node], x: &Tensor, one_hot: &[&Tensor], mode: Mode) -> Result<Tensor> {
        nodes.iter().try_fold(x.clone(), |x, node| self.node(node, &x, one_hot, mode))
    }

    /// One layer.
    fn node(&self, node: &Node, x: &Tensor, one_hot: &[&Tensor], mode: Mode) -> Result<Tensor> {
        let parameter = |index: usize| self.parameters[node.parameters.start + index].var.as_tensor();
        Ok(match node.kind {
            LayerKind::Conv2d { stride, padding, bias, .. } => {
                let x = conv2d(x, parameter(0), stride, padding, self.isa())?;
                if bias { x.broadcast_add(&parameter(1).reshape((1, (), 1, 1))?)? } else { x }
            }
            LayerKind::Relu {} => x.relu()?,
            LayerKind::LeakyRelu { negative_slope } => leaky_relu(x, negative_slope.into())?,
            LayerKind::BatchNorm {} => match mode {
                Mode::Train { .. } => self.norms[node.ordinal].forward_train(x)?,
                Mode::Evaluate => self.norms[node.ordinal].forward_eval(x)?,
            },
            LayerKind::Dropout { probability } => match step_key(mode) {
                Some(key) => dropout(x, probability, key, node.ordinal)?,
                None => x.clone(),
            },
            LayerKind::MaxPool2d { kernel, stride } => max_pool2d(x, kernel, stride.unwrap_or(kernel))?,
            LayerKind::AvgPool2d { kernel, stride } => avg_pool2d(x, kernel, stride.unwrap_or(kernel))?,
            LayerKind::GlobalAveragePool {} => x.mean((2, 3))?,
            LayerKind::Flatten {} => x.flatten_from(1)?,
            LayerKind::Linear { bias, .. } => {
                let x = x.matmul(&parameter(0).t()?)?;
                if bias { x.broadcast_add(parameter(1))? } else { x }
            }
            LayerKind::OneHot { classes, .. } => {
                let one_hot =
                    Tensor::eye(classes, DType::F32, &self.device)?.index_select(one_hot[node.ordinal], 0)?;
                Tensor::cat(&[x, &one_hot], 1)?
            }
            LayerKind::Residual { .. } => (x + self.nodes(&node.body, x, one_hot, mode)?)?,
        })
    }
}

/// As a product with a factor for each value: its gradient is the factor, and a NaN stays one.
fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    let above = x.detach().gt(0f32)?.to_dtype(DType::F32)?;
    Ok((x * above.affine(1.0 - slope, slope)?)?)
}
