//! Layers, losses and optimizers for candle with right gradients, many times faster on the CPU.
//!
//! Small networks, convolutional ones above all, are trained here on the CPU with candle's own tensors, variables and autograd. The
//! names and the constructors are candle-nn's, so that a network is moved by its `use` lines.
//!
//! ```
//! use adder_nn::{AdamW, Conv2dConfig, MaxPool2d, Module, Optimizer, Relu, VarMap, conv2d, init, linear, loss};
//! use candle_core::{DType, Device, Tensor};
//!
//! let varmap = VarMap::new();
//! let vb = init::seeded(&varmap, 7, DType::F32, &Device::Cpu);
//! let conv = conv2d(1, 8, 3, Conv2dConfig { padding: 1, ..Default::default() }, vb.pp("conv"))?;
//! let head = linear(8 * 4 * 4, 2, vb.pp("head"))?;
//! let mut optimizer = AdamW::new_lr(varmap.all_vars(), 0.01)?;
//!
//! // Images of zeros, class 0, and of ones, class 1.
//! let images = Tensor::cat(&[Tensor::zeros((4, 1, 8, 8), DType::F32, &Device::Cpu)?, Tensor::ones((4, 1, 8, 8), DType::F32, &Device::Cpu)?], 0)?;
//! let labels = Tensor::new(&[0u32, 0, 0, 0, 1, 1, 1, 1], &Device::Cpu)?;
//! let mut last = f32::INFINITY;
//! for _ in 0..20 {
//!     let maps = images.apply(&conv)?.apply(&Relu)?.apply(&MaxPool2d::new(2))?;
//!     let loss = loss::cross_entropy(&head.forward(&maps.flatten_from(1)?)?, &labels)?;
//!     optimizer.backward_step(&loss)?;
//!     last = loss.to_scalar()?;
//! }
//! assert!(last < 0.1, "{last}");
//! # Ok::<(), candle_core::Error>(())
//! ```
//!
//! # The main idea
//! A layer is an operation of candle's autograd with a backward pass of its own. Tensors of f32 on the CPU go to the kernels of
//! [`adder_kernels`]; everything else, and what has no kernel, to a composition of candle's operations whose gradients are right.
//! `without_kernels()` asks a layer for the latter alone. Scratch memory and packed weights stay with the layer.
//!
//! Every sum of a kernel has one order: values and gradients have the same bits on every instruction set (AVX-512, AVX2, NEON, plain
//! Rust) and on any number of rayon's threads. With [`init::seeded`], [`Dropout::with_seed`] and an order of images from a seed, so has a
//! whole training. `with_isa()` gives a layer another instruction set than the machine's best, and the environment variable
//! `ADDER_ISA` all layers.
//!
//! Between two operations candle keeps every activation and accumulates every gradient, which costs a small network more than its arithmetic:
//! [`Blocks`] trains a run of convolution blocks as one operation, and [`fused`] has the same for dense layers with their loss.
//!
//! # Moving a network of candle-nn's
//! | candle-nn | adder-nn |
//! | --- | --- |
//! | `use candle_nn::{conv2d, linear, batch_norm, layer_norm, rms_norm, Dropout, ...}` | `use adder_nn::{...}`, the same names |
//! | `use candle_nn::{Module, ModuleT, VarBuilder, VarMap, Optimizer}` | candle's own, re-exported |
//! | `x.max_pool2d(2)?`, `x.avg_pool2d(2)?` | `x.apply(&MaxPool2d::new(2))?`, or [`ops::max_pool2d`]`(&x, 2)?` |
//! | `x.relu()?`, `Activation::Relu` | `x.apply(&Relu)?`, or [`ops::relu`]`(&x)?` |
//! | `loss::cross_entropy`, `loss::nll`, `loss::mse`, ... | the same names in [`loss`] |
//! | `ops::softmax`, `ops::log_softmax`, `ops::softmax_last_dim` | the same names in [`ops`] |
//! | `SGD::new(vars, lr)`, `AdamW::new(vars, params)` | the same; more in [`optim`] |
//! | `VarBuilder::from_varmap(&varmap, dtype, &device)` | the same, or [`init::seeded`] for values from a seed |
//!
//! Weights files stay as they are: parameters have the same names and shapes. A layer of candle-nn's that is there already becomes one of
//! these by `Conv2d::from` and `Linear::from`. Where gradients or values differ from candle's, each type says so under *Differences
//! from candle-nn*.
//!
//! # Features
//! | feature | |
//! | --- | --- |
//! | `serde` | [`optim::Schedule`] and its kinds as serde's data |
//! | `cuda`, `cudnn`, `metal`, `accelerate`, `mkl` | candle's features of these names; tensors on such devices take candle's operations |
//!
//! None is on by default.
//!
//! # Limits
//! Kernels are for f32 on the CPU. Those of [`Conv2d`] take square kernels of any size, any padding, and strides 1 and 2; other strides, groups and dilation
//! are computed by candle. [`Block`]s have kernels of 3x3 and pools of 2x2. Recurrent layers, attention, one-dimensional and transposed
//! convolutions are not here: candle-nn's work beside these layers.
//!
//! # Versions
//! candle's types stand in signatures: another minor version of candle is another one here. Structs of settings, such as [`BlockConfig`],
//! [`ParamsSGD`] or [`optim::Schedule`], may have new fields in a minor version; `..Default::default()` stands for them.

mod activation;
mod batch_norm;
mod block;
mod conv;
mod cpu;
mod dropout;
pub mod fused;
pub mod init;
mod layer_norm;
mod linear;
pub mod loss;
pub mod ops;
pub mod optim;
mod pool;
mod weighted;

pub use activation::Relu;
pub use batch_norm::{BatchNorm, BatchNorm2d, batch_norm};
pub use block::{Block, BlockConfig, Blocks, block};
pub use conv::{Algorithm, Conv2d, Conv2dConfig, conv2d, conv2d_no_bias};
pub use dropout::Dropout;
pub use layer_norm::{LayerNorm, RmsNorm, layer_norm, layer_norm_no_bias, rms_norm};
pub use linear::{Linear, linear, linear_b, linear_no_bias};
pub use pool::{AvgPool2d, MaxPool2d};

/// The result of an operation: candle's, so that layers of both crates stand in one function.
pub use candle_core::Result;
pub use candle_nn::{BatchNormConfig, LayerNormConfig, Module, ModuleT, Optimizer, VarBuilder, VarMap};
// What has nothing to mend, so that a `use` line of candle-nn's needs no second one.
pub use candle_nn::{Embedding, Func, FuncT, Init, Sequential, embedding, func, func_t, seq};
pub use optim::{AdamW, Muon, ParamsAdamW, ParamsMuon, ParamsSGD, SGD};

/// The README's examples, which are compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
