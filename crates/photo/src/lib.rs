//! From a picture that somebody took or drew to the 28x28 bytes that the network reads, made as MNIST was made.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let drawing = image::GrayImage::from_fn(90, 120, |x, y| image::Luma([if (40..50).contains(&x) && (20..100).contains(&y) { 30 } else { 220 }]));
//! # let mut file = std::io::Cursor::new(Vec::new());
//! # drawing.write_to(&mut file, image::ImageFormat::Png)?;
//! # let bytes = file.into_inner();
//! let picture = adder_photo::Picture::decode(&bytes, "drawing.png".as_ref())?;
//! let digit = picture.digit();
//! assert!(digit.doubts.is_empty());
//! println!("{}", digit.image.to_text());
//! # Ok(())
//! # }
//! ```
//!
//! [`Picture::digit`] finds the digit: an estimate of the ground is taken away, whatever its colour and however
//! unevenly it is lit; what stands out most is ink, dark or light; specks and edges are left out;
//! and what is left is cropped, scaled to 20x20 and centred by its mass, as MNIST's authors did. [`Picture::raw`] does none
//! of this. Without the feature `files`, on by default, pictures come as pixels only ([`Picture::from_rgba`]).
#![forbid(unsafe_code)]

mod digit;
#[cfg(feature = "files")]
mod error;
#[cfg(feature = "files")]
mod files;
mod ink;
mod network_image;
mod paper;
mod parts;
mod picture;
mod stroke;

pub use digit::{Digit, Doubt};
#[cfg(feature = "files")]
pub use error::Error;
#[cfg(feature = "files")]
pub use files::{MAX_FILE_BYTES, MAX_MEMORY};
pub use network_image::{NetworkImage, SIDE};
pub use picture::{MAX_SIDE, MIN_SIDE, Picture};
