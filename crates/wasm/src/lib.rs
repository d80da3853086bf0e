//! The trained network as a WebAssembly module: from the pixels of a drawing to the digit, all ten sums and what each block
//! made of it, as the JSON that the server gives.
//!
//! The module knows nothing of JavaScript. It exports three functions over its memory, in the order of their use:
//! [`adder_reserve`] makes room for a picture, [`adder_look`] reads it and [`adder_answer`] says where the answer is.
//! `cargo xtask page` builds the module and the page around it.
//!
//! The rest is the library's: the preparation of `adder-photo`, the predictor of `adder-model` without candle, and the
//! kernels, on WebAssembly's vectors where the module was compiled with them.

mod exports;
mod look;

pub use exports::{adder_answer, adder_look, adder_reserve};
pub use look::{Look, Network, Refusal};
