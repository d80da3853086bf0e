//! MNIST for the identity-adder: sources, IDX files, split, addends, augmentation and batches.
//!
//! The way of the data, each step its own module:
//!
//! 1. [`source`]: a [`Source`] gives a [`Dataset`] of bytes (embedded, a folder of [`idx`] files, a download, the Hub).
//! 2. [`split`]: the training file is shuffled and cut into train and validation.
//! 3. [`pairing`]: each image gets the number that the network adds to it.
//! 4. [`augment`]: training images are turned, moved, scaled and jittered.
//! 5. [`loader`] gives [`Batch`]es for training, [`evaluation`] those for validation and evaluation.
//!
//! Everything random is a function of (seed, purpose, epoch, image), so that neither the number of threads nor where a
//! run was stopped changes a bit.
//!
//! Features, and what each costs in a clean release build on two cores:
//!
//! - `embedded` (default): MNIST in the binary, 11 MB.
//! - `download`: the official files from their mirrors. 31 crates more, TLS among them: 40 s of processor time.
//! - `hub`: MNIST from the Hugging Face Hub through candle-datasets. 325 crates more, candle, parquet and tokenizers among
//!   them: 13 minutes of processor time. Off by default, as it gives the same images as the other two.
#![forbid(unsafe_code)]

pub mod augment;
pub mod batch;
pub mod error;
pub mod evaluation;
pub mod idx;
pub mod labeled;
pub mod loader;
pub mod pairing;
pub mod source;
pub mod split;
pub mod whole_file;

pub use augment::{Augmentation, Interpolation};
pub use batch::{Batch, normalize, to_byte};
pub use error::{Error, Result};
pub use evaluation::{EvaluationAddends, EvaluationBatches, evaluation_batches};
pub use labeled::{Dataset, Labeled};
pub use loader::{LoaderConfig, Position, TrainLoader};
pub use source::{Progress, Source, load};
pub use split::Split;

/// Pixels along each side of an image.
pub const SIDE: usize = 28;
/// Pixels of an image, in rows.
pub const PIXELS: usize = SIDE * SIDE;
/// The digits 0..=9 that an image may show.
pub const DIGITS: usize = 10;
/// The numbers 0..=9 that may be added.
pub const ADDENDS: usize = 10;
/// The sums 0..=18 that may come out.
pub const SUMS: usize = DIGITS + ADDENDS - 1;
