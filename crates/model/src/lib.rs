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
//! The model takes tensors and never a data set. It is the only bridge from candle to `adder-kernels`.
#![forbid(unsafe_code)]

mod backend;
mod config;
mod dropout;
mod error;
mod fused;
mod init;
mod linear;
mod loss;
mod network;
mod norm;
mod one_image;
mod parameter;
mod pool;
mod predictor;
#[cfg(feature = "pretrained")]
mod pretrained;
mod summary;
mod tally;
pub mod tensor_file;
pub mod weights;

pub use backend::Backend;
pub use config::{ADDENDS, BlockConfig, DIGITS, IMAGE_SIDE, ModelConfig, SUMS};
pub use error::{Error, Result};
pub use fused::{BlockOutput, FusedBlock};
pub use loss::{Step, Targets};
pub use network::{IdentityAdder, Logits, Mode};
pub use parameter::Parameter;
pub use pool::max_pool2x2;
pub use predictor::{Addends, Answer, Prediction, Predictor, SURE};
#[cfg(feature = "pretrained")]
pub use pretrained::PRETRAINED;
pub use summary::{Layer, Summary, thousands};
pub use tally::{HeadMetrics, Metrics, Tally, argmax};
