//! Small networks on candle: a [`Model`] trains and runs whatever `adder-network` describes. One of them is the
//! [`IdentityAdder`], with two inputs, an MNIST image and a digit 0..9 (the *addend*), and two outputs, the digit in the
//! image and the sum of the two.
//!
//! ```
//! use adder_model::{IdentityAdder, Mode, ModelConfig, Targets};
//! use candle_core::{DType, Device, Tensor};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = IdentityAdder::new(&ModelConfig::default(), 42, &Device::Cpu)?;
//! let images = Tensor::zeros((2, 1, 28, 28), DType::F32, &Device::Cpu)?;
//! let [addends, digits, sums] = [[3u32, 7], [5, 2], [8, 9]].map(|classes| Tensor::new(&classes, &Device::Cpu));
//! let (addends, digits, sums) = (addends?, digits?, sums?);
//! let logits = model.forward(&images, &addends, Mode::Evaluate)?;
//! assert_eq!((logits.digit.dims(), logits.sum.dims()), (&[2, 10][..], &[2, 19][..]));
//!
//! // A training step: the gradients of all parameters, for any optimizer.
//! let targets = Targets::labels(&digits, &sums);
//! let step = model.loss(&images, &addends, targets, Mode::Train { seed: 42, epoch: 0, step: 0 })?;
//! let gradients = step.loss.backward()?;
//! assert!(model.parameters().iter().all(|parameter| gradients.get(&parameter.var).is_some()));
//! # Ok(())
//! # }
//! ```
//!
//! # The main idea
//! A [`Model`] holds the tensors of any `adder_network::Network` and walks its layers, which are those of `adder-nn`. On the
//! CPU it trains on the kernels ([`Backend::Fused`]): convolution blocks run as one operation of candle's autograd, the last
//! hidden layers with the heads and their loss as another, every other layer as an operation of its own. On other devices, and
//! where it is asked for ([`Backend::Reference`]), layers are compositions of candle's operations that have the right
//! gradients. Both backends draw the same dropout masks; only their rounding differs.
//!
//! A [`Predictor`] answers without gradients: with norms folded into the weights where the kernels know the whole network,
//! else layer by layer. [`Predictor::pretrained`] is the built-in network. [`weights`] reads and writes safetensors files, and
//! checks every name, shape and value.
//!
//! The model takes tensors or slices and never a data set. Without the feature `candle` there is no training: the
//! [`Predictor`] is left, for places where candle is too heavy.
//!
//! # Limits
//! Numbers are `f32`. A network has one image input; other inputs are one-hot classes. The kernels run on the CPU alone, in
//! runs of layers that the column `fused` of [`Summary`] shows; on accelerators everything is candle's.
#![forbid(unsafe_code)]

#[cfg(feature = "candle")]
mod backend;
mod error;
#[cfg(feature = "candle")]
mod fused;
#[cfg(feature = "candle")]
mod head;
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
mod operation;
#[cfg(feature = "candle")]
mod parameter;
mod prediction;
mod predictor;
#[cfg(feature = "pretrained")]
mod pretrained;
mod specs;
mod tally;
#[cfg(feature = "candle")]
mod targets;
pub mod tensor_file;
pub mod weights;

pub use adder_kernels::conv::Algorithm;
pub use adder_kernels::loss::softmax;
pub use adder_kernels::predict::FeatureMaps;
pub use adder_network::{
    ADDENDS, DIGITS, IMAGE_SIDE, ModelConfig, SUMS, Summary, SummaryRow, counted, normalize, thousands,
};
#[cfg(feature = "candle")]
pub use adder_nn::optim::Parameter;
#[cfg(feature = "candle")]
pub use backend::{Backend, accelerators};
pub use error::{Error, Result};
#[cfg(feature = "candle")]
pub use identity_adder::{IdentityAdder, LogitTensors, SoftTargets, Step, Targets};
#[cfg(feature = "candle")]
pub use loss::Loss;
#[cfg(feature = "candle")]
pub use model::{Mode, Model};
pub use prediction::{Addends, AllPredictions, Logits, Prediction, SURE, ShadedMaps, Sum};
pub use predictor::Predictor;
#[cfg(feature = "pretrained")]
pub use pretrained::PRETRAINED;
pub use tally::{HeadMetrics, Metrics, Tally, argmax};
#[cfg(feature = "candle")]
pub use targets::HeadTargets;

/// The README's example, which is compiled with the documentation's.
#[cfg(all(doctest, feature = "candle"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
