//! The passes over pixels between the convolutions, each over one channel block of one image.
//!
//! A block's saved values `v` are relu(conv), with the sign bit set where dropout dropped the element: -0.0 for a dropped
//! zero. With `r = |v|`, the block's output before pooling is `z = scale * r + shift` where the element was kept and 0 where
//! it was dropped; `scale` and `shift` hold the norm and what dropout multiplies with.
//!
//! Passes are compiled with and without dropout (`DROP`) and pooling (`POOL`). Sums have two chains, for even and odd
//! pixels, which are added at the end: the same order, and so the same bits, on every instruction set.

mod backward;
mod forward;
mod values;

pub(super) use backward::{Gradient, GradientCoefficients, GradientSums};
pub(super) use forward::{MaskedChannels, Moments, finish};
pub(crate) use forward::{Normalize, average};
pub(super) use values::PerLane;
pub(crate) use values::{Affine, SavedValues};
