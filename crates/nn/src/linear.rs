//! The linear layer.
