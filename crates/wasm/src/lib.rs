//! A trained network as a WebAssembly module: from the pixels of a drawing to the digit, or each of several, all ten sums and the
//! feature maps of each block, as the JSON that the server gives.
//!
//! ```
//! use adder_wasm::{Recognizer, Recognition};
//!
//! // A dark bar on a light canvas of 100x100 pixels: red, green, blue and alpha, row by row.
//! let bar = |x, y| (45..54).contains(&x) && (15..85).contains(&y);
//! let gray = (0..100 * 100).map(|at| if bar(at % 100, at / 100) { 20 } else { 235 });
//! let pixels: Vec<u8> = gray.flat_map(|value| [value, value, value, 255]).collect();
//! let recognition = Recognizer::pretrained().unwrap().recognize(100, 100, pixels, false).unwrap();
//! let Recognition::Digit(part) = recognition else { panic!("there is one digit") };
//! assert_eq!(part.answers.digit, 1);
//! assert_eq!(part.answers.sums[7].answer.sum, 8);
//! ```
//!
//! # The way into a page
//!
//! The module knows nothing of JavaScript. It exports functions over its memory, in the order of their use:
//! [`adder_reserve`] makes room for a picture, [`adder_look`] reads it and [`adder_answer`] says where the answer is. Before that, and
//! once, [`adder_load`] may take the weights in the room, of a network of any size, in place of the built-in one.
//! `cargo xtask page` builds the module and the page around it.
//!
//! The rest is the library's: the preparation of `adder-photo`, the predictor of `adder-model` without candle, and the
//! kernels, on WebAssembly's vectors where the module was compiled with them.
//!
//! # Limits
//!
//! The module has one network, one thread and one answer at a time. It decodes no files: the browser gives
//! pixels.

mod exports;
mod recognition;

pub use exports::{adder_answer, adder_load, adder_look, adder_reserve};
pub use recognition::{ErrorReply, Part, Recognition, Recognizer};
