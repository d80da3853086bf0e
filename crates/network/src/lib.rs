//! A small network described as data: its layers in order, its one-hot inputs and its named heads as a value, without tensors and
//! without SIMD.
//!
//! Everything else in the workspace is derived from a [`Network`]: the shapes, the named parameters and their initial
//! distributions, receptive fields and multiply-adds ([`Summary`]), the runs of layers that fused kernels take ([`Segment`]),
//! candle's layers, folded prediction, the weights file, the ONNX graph, and [`naive`], which computes it in plain loops.
//!
//! ```
//! use adder_network::{Head, Layer, Network, Shape};
//!
//! # fn main() -> Result<(), adder_network::Error> {
//! let layers = vec![
//!     Layer::conv2d(6, 5).padding(2).bias(),
//!     Layer::relu(),
//!     Layer::max_pool2d(2),
//!     Layer::flatten(),
//!     Layer::linear(84).bias(),
//!     Layer::relu(),
//! ];
//! let network = Network::new([1, 28, 28], layers, vec![Head::new("digit", 10)])?;
//! assert_eq!(network.nodes()[2].output, Shape::Map { channels: 6, height: 14, width: 14 });
//! assert_eq!(network.parameters()[0].name, "conv1.weight");
//! println!("{}", network.summary());
//! # Ok(())
//! # }
//! ```
//!
//! # The main idea
//! A person writes [`Layer`]s; a [`Node`] is the same layer in its place in a [`Network`], with its name, its shapes and the place of
//! its parameters. Code that needs a walk over a network walks its nodes. The rules of a kind of layer stand in `layer.rs`, its
//! computation in [`naive`].
//!
//! # Limits
//! One image input, square kernels, and a sequence of layers: a branch is a [`LayerKind::Residual`] whose sum has the shape of its
//! input. Heads are linear layers on the last layer's features, with one of three ways to say a class ([`HeadKind`]).
#![forbid(unsafe_code)]

mod code;
mod error;
mod head;
mod identity_adder;
mod layer;
pub mod naive;
mod network;
mod normalize;
mod segment;
mod shape;
mod summary;

pub use code::ClassCode;
pub use error::{Error, Result};
pub use head::{Decoding, Head, HeadKind, REGRESSION_WIDTH};
pub use identity_adder::{ADDENDS, DIGITS, IMAGE_SIDE, ModelConfig, SUMS};
pub use layer::{Initialization, Layer, LayerKind};
pub use network::{Network, Node, Norm, Parameter};
pub use normalize::{PIXEL_MEAN, PIXEL_STANDARD_DEVIATION, normalize, to_byte};
pub use segment::{ConvBlock, DenseLayer, Segment};
pub use shape::Shape;
pub use summary::{Summary, SummaryRow, counted, thousands};

/// The number that batch norms add to a variance before its square root, PyTorch's default.
pub const EPSILON: f64 = 1e-5;

/// The README's example, which is compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
