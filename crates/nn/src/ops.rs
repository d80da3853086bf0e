//! Layers as functions of tensors.
