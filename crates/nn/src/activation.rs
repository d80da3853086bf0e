//! Activations with the gradients of PyTorch.
