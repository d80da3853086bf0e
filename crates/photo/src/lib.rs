//! Digits in pictures that somebody took or drew, as the 28x28 bytes that the network reads, made as MNIST was made.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let drawing = image::GrayImage::from_fn(90, 120, |x, y| image::Luma([if (40..50).contains(&x) && (20..100).contains(&y) { 30 } else { 220 }]));
//! # let mut file = std::io::Cursor::new(Vec::new());
//! # drawing.write_to(&mut file, image::ImageFormat::Png)?;
//! # let bytes = file.into_inner();
//! let picture = adder_photo::Picture::decode(&bytes, "drawing.png".as_ref())?;
//! let digit = picture.digit()?;
//! assert!(digit.doubts.is_empty());
//! println!("{}", digit.image.to_text());
//! # Ok(())
//! # }
//! ```
//!
//! # The main idea
//!
//! [`Picture::digit`] finds the digit as MNIST's authors made theirs:
//!
//! 1. The background is a smooth surface, fitted to what most pixels show, whatever its color and however unevenly it is lit; the
//!    foreground is what differs from it, dark or light.
//! 2. Of the connected components of the foreground, specks and what reaches in from the edge are left out.
//! 3. The rest is cropped and scaled to 20x20; strokes that would vanish are widened; the center of mass goes to the middle.
//!
//! A [`Doubt`] tells what speaks against a digit; one of them, [`NetworkImage::doubt`], is known once the network has read it.
//! [`Picture::raw`] does none of this, for pictures that are MNIST's already.
//!
//! # Limits
//!
//! A picture holds one digit, and there is more background than foreground. PNG, JPEG, WebP and BMP are read, with sides from
//! [`MIN_SIDE`] to [`MAX_SIDE`] pixels, and within a limit on memory whatever a file's header promises. Without the feature
//! `files`, on by default, pictures come as pixels only ([`Picture::from_rgba`]).
#![forbid(unsafe_code)]

mod background;
#[cfg(feature = "cases")]
pub mod cases;
mod closing;
mod components;
mod digit;
mod doubts;
mod familiarity;
#[cfg(feature = "files")]
mod files;
mod find;
mod foreground;
mod found;
mod frame;
mod grid;
mod groups;
#[cfg(feature = "files")]
mod kind;
mod lines;
mod network_image;
mod page;
mod picture;
mod render;
mod shadow;
mod stroke;
mod view;
#[cfg(feature = "files")]
mod whole;

pub use digit::{Digit, Doubt, NoDigit, Region};
#[cfg(feature = "files")]
pub use files::{Error, MAX_FILE_BYTES, MAX_MEMORY};
pub use found::Found;
#[cfg(feature = "files")]
pub use kind::UnreadKind;
pub use network_image::{NetworkImage, SIDE};
pub use picture::{MAX_SIDE, MIN_SIDE, Picture};
