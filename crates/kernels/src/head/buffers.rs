//! All that a training step of the head keeps in memory.

use super::HeadSpec;
use super::linear::Linear;
use super::norm::{Norm, NormGradients};
use crate::dense::Matrix;

/// Values of a forward pass, and room for the backward pass.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) features: Matrix,
    pub(super) addends: Vec<u8>,
    pub(super) embedding: Linear,
    pub(super) embedding_norm: Norm,
    pub(super) hidden: Linear,
    pub(super) hidden_norm: Norm,
    /// Both heads as one layer: their weights lie side by side.
    pub(super) heads: Linear,
    pub(super) logits: Matrix,
    pub(super) grads: Gradients,
}

/// Gradients of a layer's inputs or outputs.
#[derive(Debug, Default)]
pub(super) struct Gradients {
    pub(super) logits: Matrix,
    pub(super) hidden: Matrix,
    /// Of the hidden layer's columns, `[addends, hidden]`.
    pub(super) addends: Matrix,
    pub(super) embedding: Matrix,
    pub(super) features: Matrix,
    pub(super) norm: NormGradients,
}

impl Buffers {
    pub(super) fn new(spec: &HeadSpec) -> Self {
        let grads = Gradients {
            logits: Matrix::new(spec.classes()),
            hidden: Matrix::new(spec.hidden),
            addends: Matrix::new(spec.hidden),
            embedding: Matrix::new(spec.embedding),
            features: Matrix::new(spec.features),
            norm: NormGradients::default(),
        };
        Self {
            features: Matrix::new(spec.features),
            addends: Vec::new(),
            embedding: Linear::new(spec.features, spec.features, spec.embedding),
            embedding_norm: Norm::new(spec.embedding),
            hidden: Linear::new(spec.embedding, spec.hidden_inputs(), spec.hidden),
            hidden_norm: Norm::new(spec.hidden),
            heads: Linear::new(spec.hidden, spec.hidden, spec.classes()),
            logits: Matrix::new(spec.classes()),
            grads,
        }
    }
}
