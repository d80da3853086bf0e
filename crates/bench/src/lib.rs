//! Criterion benches of the convolution kernels, the training step and inference.
