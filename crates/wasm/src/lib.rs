//! The trained network as a WebAssembly module: from the pixels of a drawing to the digit, or each of several, all ten sums and the
//! feature maps of each block, as the JSON that the server gives.
//!
//! ```
//! use adder_wasm::{PretrainedNetwork, Recognition};
//!
//! // A dark bar on a light canvas of 100x100 pixels: red, green, blue and alpha, row by row.
//! let bar = |x, y| (45..54).contains(&x) && (15..85).contains(&y);
//! let gray = (0..100 * 100).map(|at| if bar(at % 100, at / 100) { 20 } else { 235 });
//! let pixels: Vec<u8> = gray.flat_map(|value| [value, value, value, 255]).collect();
//! let recognition = PretrainedNetwork::new().unwrap().recognize(100, 100, pixels, false).unwrap();
//! let Recognition::Digit(part) = recognition else { panic!("there is one digit") };
//! assert_eq!(part.answers.digit, 1);
//! assert_eq!(part.answers.sums[7].answer.sum, 8);
//! ```
//!
//! # The way into a page
//!
//! The module knows nothing of JavaScript. It exports three functions over its memory, in the order of their use:
//! [`adder_reserve`] makes room for a picture, [`adder_look`] reads it and [`adder_answer`] says where the answer is.
//! `cargo xtask page` builds the module and the page around it.
//!
//! The rest is the library's: the preparation of `adder-photo`, the predictor of `adder-model` without candle, and the
//! kernels, on WebAssembly's vectors where the module was compiled with them.
//!
//! # Limits
//!
//! The module has the built-in network and no other, one thread and one answer at a time. It decodes no files: the browser gives
//! pixels.

mod exports;
mod recognition;

pub use exports::{adder_answer, adder_look, adder_reserve};
pub use recognition::{ErrorReply, Part, PretrainedNetwork, Recognition};
