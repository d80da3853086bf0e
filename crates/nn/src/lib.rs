//! Layers, losses and optimizers for candle with right gradients, many times faster on the CPU.

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
pub use conv::{Conv2d, Conv2dConfig, conv2d, conv2d_no_bias};
pub use dropout::Dropout;
pub use layer_norm::{LayerNorm, RmsNorm, layer_norm, layer_norm_no_bias, rms_norm};
pub use linear::{Linear, linear, linear_b, linear_no_bias};
pub use pool::{AvgPool2d, MaxPool2d};

/// The result of an operation: candle's, so that layers of both crates stand in one function.
pub use candle_core::Result;
pub use candle_nn::{BatchNormConfig, LayerNormConfig, Module, ModuleT, Optimizer, VarBuilder, VarMap};
pub use optim::{AdamW, Muon, ParamsAdamW, ParamsMuon, ParamsSGD, SGD};
