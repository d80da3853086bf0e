//! MNIST, and data sets of its form, as batches for the identity-adder: images, a number to add to each, and the right answers.
//!
//! ```
//! use adder_data::{Augmentation, LoaderConfig, Position, Source, Split, TrainLoader, load};
//!
//! # fn main() -> adder_data::Result<()> {
//! # #[cfg(feature = "embedded")]
//! # {
//! let data = load(&Source::Embedded, &mut |_| ())?;
//! let split = Split::shuffled(data.train.len(), 0.2, 1)?; // 48,000 images and 12,000
//! let config = LoaderConfig { seed: 1, augmentation: Augmentation::NOTEBOOK, ..LoaderConfig::default() };
//! // Epoch 3 from its eleventh batch on: the same bits as if all before had been read.
//! let start = Position { epoch: 3, step: 10 };
//! let mut loader = TrainLoader::new(data.train, split.train().to_vec(), config, start)?;
//! let batch = loader.next_batch();
//! assert_eq!((batch.len(), batch.images.len()), (128, 128 * 28 * 28));
//! assert_eq!(batch.sums[0], batch.digits[0] + batch.addends[0]);
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # The way of the data
//!
//! Each step is a module of its own:
//!
//! 1. [`dataset`]: [`load`] turns a [`Source`] into a [`Dataset`] of bytes (embedded, a folder of [`idx`] files, arrays or pictures, a
//!    download, the Hub). [`check`] says what looks odd in it.
//! 2. [`split`]: the training file is shuffled and cut into train and validation.
//! 3. [`pairing`]: each image gets the number that the network adds to it; [`held_out`] says which pairs training never shows.
//! 4. [`augment`]: training images are rotated, moved, scaled and jittered.
//! 5. [`loader`] gives [`Batch`]es for training, [`evaluation`] those for validation and evaluation.
//!
//! Everything random is a function of (seed, purpose, epoch, image), so that neither the number of threads nor the place where a
//! run was stopped changes a bit.
//!
//! # Features
//!
//! The features cost, in a clean release build on two cores:
//!
//! - `embedded` (default): MNIST in the binary, 11 MB.
//! - `download`: the official files from their mirrors. 31 crates more, TLS among them: 40 s of processor time.
//! - `pictures`: folders of PNG and JPEG pictures by class, decoded by `image`.
//! - `hub`: MNIST from the Hugging Face Hub through candle-datasets. 325 crates more, candle, parquet and tokenizers among
//!   them: 13 minutes of processor time. Off by default, as it gives the same images as the other two.
//!
//! # Limits
//!
//! Images have 28x28 pixels of one byte and labels are 0 to 9: MNIST, Fashion-MNIST, KMNIST, QMNIST and other sets of that form. A
//! data set is held in memory as bytes, 784 an image, ten million images at most. Batches are plain vectors of [`f32`] and [`u8`]: no
//! tensor library is needed to use them.
#![forbid(unsafe_code)]

mod array;
pub mod augment;
pub mod batch;
pub mod check;
pub mod dataset;
pub mod error;
pub mod evaluation;
mod gzip;
pub mod held_out;
pub mod idx;
pub mod items;
pub mod labeled;
pub mod loader;
pub mod pairing;
pub mod problem;
pub mod signature;
pub mod source;
pub mod split;
pub mod whole_file;

pub use adder_network::{ADDENDS, DIGITS, IMAGE_SIDE as SIDE, SUMS, normalize, to_byte};
pub use augment::{Augmentation, Interpolation};
pub use batch::Batch;
pub use dataset::{Dataset, load};
pub use error::{Error, Result};
pub use evaluation::{EvaluationAddends, EvaluationBatches, evaluation_batches};
pub use held_out::{HeldOutPairs, PairSet};
pub use labeled::Labeled;
pub use loader::{LoaderConfig, Position, TrainLoader};
pub use problem::Problem;
pub use source::{DownloadProgress, LoadEvent, SkippedFile, Source, Unused};
pub use split::Split;

/// Pixels of an image, in rows.
pub const PIXELS: usize = SIDE * SIDE;
