//! The identity-adder on candle: a network with two inputs, an MNIST image and a digit 0..9 (the *addend*), and two
//! outputs, the digit in the image and the sum of the two.
//!
//! ```
//! use adder_model::{IdentityAdder, Mode, ModelConfig};
//! use candle_core::{DType, Device, Tensor};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = IdentityAdder::new(&ModelConfig::default(), 42, &Device::Cpu)?;
//! let images = Tensor::zeros((2, 1, 28, 28), DType::F32, &Device::Cpu)?;
//! let addends = Tensor::new(&[3u32, 7], &Device::Cpu)?;
//! let logits = model.forward(&images, &addends, Mode::Evaluate)?;
//! assert_eq!(logits.digit.dims(), [2, 10]);
//! assert_eq!(logits.sum.dims(), [2, 19]);
//! # Ok(())
//! # }
//! ```
//!
//! The model takes tensors and never a data set. It is the only bridge from candle to `adder-kernels`. Without the feature
//! `candle` there is no training: what is left answers on the kernels alone ([`Predictor`]), for places where candle is too
//! heavy.
#![forbid(unsafe_code)]

#[cfg(feature = "candle")]
mod backend;
#[cfg(feature = "candle")]
mod conv;
#[cfg(feature = "candle")]
mod dropout;
mod error;
#[cfg(feature = "candle")]
mod fused;
#[cfg(feature = "candle")]
mod identity_adder;
#[cfg(feature = "candle")]
mod layers;
#[cfg(feature = "candle")]
mod loss;
#[cfg(feature = "candle")]
mod model;
#[cfg(feature = "candle")]
mod norm;
#[cfg(feature = "candle")]
mod parameter;
#[cfg(feature = "candle")]
mod pool;
mod prediction;
mod predictor;
#[cfg(feature = "pretrained")]
mod pretrained;
mod specs;
mod tally;
pub mod tensor_file;
pub mod weights;

pub use adder_kernels::loss::softmax;
pub use adder_kernels::predict::FeatureMaps;
pub use adder_network::{
    ADDENDS, DIGITS, IMAGE_SIDE, ModelConfig, SUMS, Summary, SummaryRow, normalize, thousands,
};
#[cfg(feature = "candle")]
pub use backend::{Backend, accelerators};
pub use error::{Error, Result};
#[cfg(feature = "candle")]
pub use fused::{BlockOutput, FusedBlock};
#[cfg(feature = "candle")]
pub use identity_adder::{IdentityAdder, LogitTensors, SoftTargets, Step, Targets};
#[cfg(feature = "candle")]
pub use loss::{HeadTargets, Loss};
#[cfg(feature = "candle")]
pub use model::{Mode, Model};
#[cfg(feature = "candle")]
pub use parameter::Parameter;
#[cfg(feature = "candle")]
pub use pool::max_pool2x2;
pub use prediction::{Addends, AllPredictions, Logits, Prediction, SURE, ShadedMaps, Sum};
pub use predictor::Predictor;
#[cfg(feature = "pretrained")]
pub use pretrained::PRETRAINED;
pub use tally::{HeadMetrics, Metrics, Tally, argmax};

/// The README's example, which is compiled with the documentation's.
#[cfg(all(doctest, feature = "candle"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
