//! CUDA kernels that compute whole training steps of small convolutional networks, and predictions with folded norms.
//!
//! A [`Plan`] gives every buffer of a network its place in one piece of memory and lists the launches of a step. What changes from step
//! to step lies in that memory too, so the list is the same for every step: it can be captured once as a CUDA graph. An
//! [`Engine`] is a plan on a [`Device`](device::Device).
//!
//! The kernels are `src/kernels/*.cu`. With the feature `cuda` nvcc compiles them for candle's device (the module `cuda`). With the
//! feature `host-tests` a C++ compiler compiles the same files into a program that runs launches on the CPU, in an order that a seed
//! shuffles; the tests hold every step to `adder_network::naive` that way, on a machine without a GPU.
//!
//! # The main idea
//! A norm needs sums over the whole batch, so a step is a chain of phases, and the time between two of them is what there is to save.
//! Each phase is one launch: every block of threads leaves its partial sums, and the last block to finish adds them in a fixed
//! order and computes what the next phase needs. There are no atomic operations on floats: two runs give the same bits.
//!
//! Maps are NCHW, as candle and PyTorch have them. A block of threads computes four channels of one image: a thread has some rows of one
//! column, so that neighboring threads read and write neighboring addresses of a plane. Of each convolution block one map is
//! kept, relu(convolution) with dropout's mark in its sign bit; input, masks and winners of the pool come out of it again. Dense values
//! lie by features with the batch in the columns, for the same reason.
//!
//! # Limits
//! Numbers are `f32`. Taken are networks of 3x3 convolution blocks, then dense layers and heads, as
//! [`Network::segments`](adder_network::Network::segments) finds them; others are refused with the layer's name.

pub mod augment;
#[cfg(feature = "cuda")]
pub mod cuda;
mod dense;
pub mod device;
mod engine;
mod error;
pub mod launch;
pub mod memory;
mod plan;
mod regions;
mod settings;
mod spec;
mod step;
mod tiling;
mod trunk;

pub use engine::{Engine, Metrics, Targets};
pub use error::{Error, Result};
pub use plan::Plan;
pub use settings::{AdamW, Muon, OptimizerKind, Settings};
pub use step::{Step, UpdateNumbers};
pub use tiling::Tuning;

/// The program that runs launches on the CPU, made from the kernels' sources by the C++ compiler.
#[cfg(feature = "host-tests")]
#[doc(hidden)]
pub const HOST_RUNNER: &str = env!("ADDER_CUDA_RUNNER");
