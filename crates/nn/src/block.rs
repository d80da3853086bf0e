//! Fused convolution blocks.
