//! Weights as safetensors: stable names, checked metadata, strict loading.
//!
//! A file holds every parameter and every running statistic, all `f32`:
//!
//! | name | shape |
//! | --- | --- |
//! | `block{k}.conv.weight` | `[out, in, 3, 3]` |
//! | `block{k}.norm.{weight,bias,running_mean,running_var}` | `[out]` |
//! | `embedding.linear.weight` | `[embedding, features]` |
//! | `embedding.norm.{weight,bias,running_mean,running_var}` | `[embedding]` |
//! | `hidden.linear.weight` | `[hidden, embedding + 10]`, the addend's one-hot last |
//! | `hidden.norm.{weight,bias,running_mean,running_var}` | `[hidden]` |
//! | `digit.weight` | `[10, hidden]` |
//! | `sum.weight` | `[19, hidden]` |
//!
//! The metadata holds `format` (`identity-adder`), `format_version`, `model` (the configuration as JSON) and whatever facts
//! of the training the writer adds.

pub(crate) mod format;
#[cfg(feature = "candle")]
mod of_model;

#[cfg(feature = "candle")]
pub use of_model::{from_safetensors, load};
