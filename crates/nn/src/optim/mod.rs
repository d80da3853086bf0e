//! Optimizers, schedules and the average of weights.
//!
//! A training loop that was written for candle-nn changes its `use` line:
//!
//! ```
//! use adder_nn::{AdamW, Optimizer, VarMap};
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{Init, VarBuilder};
//!
//! # fn main() -> candle_core::Result<()> {
//! let varmap = VarMap::new();
//! let vars = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
//! let slope = vars.get_with_hints(1, "slope", Init::Const(0.0))?;
//! let (x, y) = (Tensor::new(&[1f32, 2.0, 3.0], &Device::Cpu)?, Tensor::new(&[2f32, 4.0, 6.0], &Device::Cpu)?);
//!
//! let mut optimizer = AdamW::new_lr(varmap.all_vars(), 0.1)?;
//! for _ in 0..100 {
//!     let loss = (x.broadcast_mul(&slope)? - &y)?.sqr()?.mean_all()?;
//!     optimizer.backward_step(&loss)?;
//! }
//! assert!((slope.to_vec1::<f32>()?[0] - 2.0).abs() < 0.05);
//! # Ok(())
//! # }
//! ```
//!
//! # The main idea
//! [`SGD`], [`AdamW`] and [`Muon`] are one [`Optim`] with three rules. It updates its parameters in the order in which they
//! were given, in place where they are `f32` on the CPU, by candle's operations elsewhere; there, too, the numbers are PyTorch's.
//! Given [`parameters`] in place of bare variables it knows their names and which of them decay, so that its
//! [`state`](Optim::state) can be saved under names and a training resumes with the same bits.
//!
//! A loop of its own takes the [`Gradients`] of a backward pass, adds those of several batches, looks at their norm, clips
//! them and hands them to [`Optim::step_with`], with what a [`Schedule`] says of the step. In a loop in candle's style,
//! [`clip_grad_norm`] and [`Optim::set_settings`] do the same. An [`Ema`] follows the weights.
//!
//! Nothing here reads or writes files: [`Optim::state`] are named variables, as a `safetensors` writer takes them.
//!
//! # Differences from candle-nn
//! - SGD has momentum, Nesterov's too, and weight decay.
//! - There is Muon.
//! - The memory of an optimizer can be read, saved and loaded; candle's AdamW hides its moments.
//! - Parameters may be in two groups, those that decay and those that do not ([`Parameter::decays`]).
//! - There are schedules, clipping and an average of weights.
//!
//! As in candle, a variable that the loss does not depend on keeps its value and its memory in [`Optimizer::step`]. One
//! count of steps serves all parameters, where PyTorch's AdamW counts those of each.
//!
//! [`Optimizer::step`]: candle_nn::Optimizer::step

mod adamw;
mod clip;
mod elementwise;
mod ema;
mod error;
mod gradients;
mod muon;
mod optimizer;
mod parameter;
mod rule;
mod schedule;
mod sgd;
mod state;
#[cfg(test)]
mod tests;

pub use adamw::AdamW;
pub use candle_nn::{Optimizer, ParamsAdamW};
pub use clip::clip_grad_norm;
pub use ema::Ema;
pub use error::{OptimizerError, StateError};
pub use gradients::Gradients;
pub use muon::{Muon, ParamsMuon};
pub use optimizer::{AnyOptimizer, Optim};
pub use parameter::{Parameter, parameters};
pub use schedule::{Schedule, ScheduleError, ScheduleKind, ScheduleStep, Settings};
pub use sgd::{ParamsSGD, SGD};
