//! SIMD kernels over plain slices for training and running small convolutional networks on the CPU.
//!
//! A network is a [`trunk`] of 3x3 convolution blocks under a stack of [`dense`] layers with classifying heads, each
//! trained as one fused operation; [`predict`] runs it with its norms folded. The operations are there alone as well:
//! [`conv`] of any kernel size, alone or with its pool, [`linear`] layers, max and average [`pool`]ing, batch and layer [`norm`]s, [`activation`]s, [`dropout`], the softmax
//! cross-entropy of [`loss`], [`orthogonal`]ization for Muon, and [`fold`]ing of norms for exporters. Tensors are slices of `f32` in PyTorch's
//! order, NCHW and `[out, in, k, k]`; nothing here knows a tensor library.
//!
//! ```
//! use adder_kernels::Isa;
//! use adder_kernels::conv::Algorithm;
//! use adder_kernels::dense::{Dense, DenseSpec};
//! use adder_kernels::loss::Targets;
//! use adder_kernels::trunk::{BlockSpec, Output, Trunk, TrunkSpec};
//!
//! let block = |mask| BlockSpec { out_channels: 8, padding: 1, dropout: 0.1, pool: true, mask };
//! let blocks = vec![block(0), block(1)];
//! let (output, algorithm) = (Output::GlobalAverage, Algorithm::Direct);
//! let spec = TrunkSpec { in_channels: 1, height: 28, width: 28, blocks, output, algorithm };
//! let trunk = Trunk::new(spec, Isa::best())?;
//! let spec = DenseSpec { inputs: 8, layers: vec![32], one_hot: None, heads: vec![10] };
//! let dense = Dense::new(spec, Isa::best())?;
//! let (weights, dense_weights) = (vec![0.1; trunk.spec().parameters()], vec![0.1; dense.spec().parameters()]);
//!
//! // A training step: two images in, the gradients of all parameters out.
//! let mut pass = trunk.forward(&[0.5; 2 * 28 * 28], 2, &weights, None)?;
//! let targets = Targets { labels: &[3, 7], label_smoothing: 0.1, soft: None };
//! let loss = dense.forward(pass.output(), None, &dense_weights)?.loss(&[targets])?;
//! assert_eq!(loss.tally().heads[0].correct, 0);
//! let (mut grad_features, mut grad_dense) = (vec![0.0; 2 * 8], dense_weights.clone());
//! loss.backward(1.0, &mut grad_features, &mut grad_dense)?;
//! let mut grad_weights = weights.clone();
//! pass.backward(&grad_features, &mut grad_weights, None)?;
//! # Ok::<(), adder_kernels::Error>(())
//! ```
//!
//! # The main idea
//! Inside, an image lies in blocks of 16 channels (nChw16c) with zeros around it: output channels are the lanes of a
//! register, a tile of output pixels stays in registers, and a convolution is a broadcast and a fused multiply-add for
//! each weight. Images are worked on one at a time, so that what passes between two layers stays in the cache. One source
//! serves AVX-512, AVX2, NEON, WebAssembly's vectors and plain Rust; [`Isa`] chooses at run time.
//!
//! Every sum has one order: in an image that of its pixels, over a batch that of chunks of eight images. The bits are
//! therefore the same on every instruction set and any number of threads (WebAssembly alone, without a fused
//! multiply-add, differs in the last). Tests hold the kernels to plain loops in `f64`, those of
//! `adder_network::naive`, and to finite differences.
//!
//! # Limits
//! Numbers are `f32`. Convolutions have square kernels, stride 1 or 2 and no groups or dilation; blocks of a trunk are 3x3 with
//! stride 1, no bias and pools of 2x2, and heads have at most 256 classes. Threads are those of the current rayon pool. All
//! `unsafe` code of the project is in this crate.

pub mod activation;
mod aligned;
mod arch;
#[cfg(any(test, feature = "bench"))]
#[doc(hidden)]
pub mod bench;
mod buffer_pool;
pub mod conv;
pub mod dense;
pub mod dropout;
mod error;
pub mod fold;
mod isa;
pub mod linear;
pub mod loss;
mod math;
mod matrix;
pub mod norm;
pub mod orthogonal;
pub mod pool;
pub mod predict;
mod reduce;
mod shape;
pub mod trunk;

pub use error::{Error, Result};
pub use isa::{ISA_VARIABLE, Isa, IsaError};

/// The README's example, which is compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
