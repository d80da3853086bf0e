//! Convolution with a square kernel and stride 1 or 2: forward, input gradient and weight gradient.
//!
//! [`Conv2d`] takes and gives tensors as PyTorch and candle have them, NCHW and OIHW. Inside, images are worked on
//! one at a time in the blocked `layout`, with output channels as lanes: a tile of output pixels stays in registers while
//! each weight is read once and multiplied with one broadcast input for each pixel. Kernels of 3x3 between many channels can take
//! `winograd`'s way, with fewer multiplications; [`Algorithm`] says which.

mod algorithm;
mod forward;
mod input_gradient;
pub(crate) mod layout;
mod plan;
mod pooled;
mod shape;
mod tile;
mod weight_gradient;
mod winograd;

pub use algorithm::Algorithm;
pub(crate) use algorithm::{AnyConvolution, AnyWeightGradient};
pub(crate) use forward::{Activation, Convolution};
pub use plan::{Conv2d, PackedWeight};
pub use pooled::{PooledGradients, PooledPass};
pub use shape::ConvShape;
#[cfg(any(test, feature = "bench"))]
pub(crate) use weight_gradient::WeightGradient;

#[cfg(test)]
mod tests;
