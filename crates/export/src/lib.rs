//! A trained network in other programs' formats: [`onnx`] for runtimes, [`torch`] for PyTorch; and back, from [whatever weights file
//! someone has](weights_file).
//!
//! ```
//! use adder_export::{onnx, torch};
//! use adder_model::IdentityAdder;
//! use candle_core::Device;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (model, facts) = IdentityAdder::pretrained(&Device::Cpu)?;
//! let options = onnx::Options { fold: true, with_preprocessing: true, ..onnx::Options::default() };
//! let file = onnx::encode(&model, &options, &facts)?; // for ONNX Runtime: std::fs::write("adder.onnx", file)
//! assert!(file.len() > 4 * 13_136);
//!
//! let state_dict = torch::to_safetensors(&model, &facts)?; // for load_state_dict of examples/pytorch/adder.py
//! assert!(state_dict.windows(14).any(|name| name == b"conv1.0.weight"));
//! # Ok(())
//! # }
//! ```
//!
//! # The main idea
//! The ONNX graph is a walk over the network's description, an operator or two for each layer, so that
//! [`onnx::encode_model`] writes any [`Model`](adder_model::Model): nodes have the layers' names, the inputs are `image` and
//! one for each one-hot input, the outputs `{head}_logits`. With [`fold`](onnx::Options::fold) norms go into the weights
//! beside them where the function stays the same, computed in `f64` and rounded once. [`onnx::encode`] adds what an
//! IdentityAdder's file should say of itself: labels, preprocessing, licence.
//!
//! PyTorch's side is a `state_dict` with the names of the module in `examples/pytorch/adder.py`; those of a network given
//! layer by layer are the layers' own. Out and in again changes no bit of a parameter or running statistic.
//!
//! [`weights_file::load`] sees from a file's first bytes what it is and takes our own weights, safetensors of others, whole or in
//! shards with their index, and what `torch.save` writes, whole or within a checkpoint. Files of strangers decide neither memory nor time, and no code in them is run:
//! a reader of pickles with limits keeps calls as what they would be and sees tensors in those of PyTorch and NumPy.
//!
//! # Limits
//! Everything is in memory: files are written by the caller. ONNX is written and not read, with `f32` weights and operators of
//! version 13 to 21; its [preprocessing](onnx::Options::with_preprocessing) is MNIST's. [`weights_file::load`] reads the tensors of an
//! IdentityAdder and nothing else, of files up to [`MOST_BYTES`](weights_file::MOST_BYTES).
#![forbid(unsafe_code)]

mod distributed;
mod error;
mod folder;
mod kind;
pub mod onnx;
mod sharded;
pub mod torch;
pub mod weights_file;

pub use error::{Error, FileProblem, Result};
