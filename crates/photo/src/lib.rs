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
//! [`Picture::digits`] finds the digits as MNIST's authors made theirs:
//!
//! 1. The background is a smooth surface, fitted from the level at the border on, whatever its color and however unevenly it is lit; the
//!    foreground is what differs from it, dark or light.
//! 2. Lines of ruled paper are taken out. What looks like a page on a table or like a frame is looked into, in the same way; where the edge
//!    of a shadow runs through the picture, strokes are told from their own surroundings.
//! 3. The connected components of the foreground are put together to as many digits as there are, without specks and without what
//!    reaches in from the edge.
//! 4. Each is cropped and scaled to 20x20; strokes that would vanish are widened; the center of mass goes to the middle.
//!
//! [`Picture::digit`] gives the one digit, or [`NoDigit`] where there is none or more than one. A [`Doubt`] tells what speaks against a
//! digit by its shape, [`NetworkImage::doubt`] whether the image is unlike the digit that it was read as. [`Picture::raw`] does none of this,
//! for pictures that are MNIST's already. `docs/pictures.md` says how often all that is right.
//!
//! # Limits
//!
//! PNG, JPEG, WebP and BMP are read, with sides from [`MIN_SIDE`] to [`MAX_SIDE`] pixels, and within a limit on memory whatever a file's header
//! promises. Digits that touch are one, with a doubt most of the time. Without the feature `files`, on by default, pictures come as pixels only
//! ([`Picture::from_rgba`]).
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
mod hull;
#[cfg(feature = "files")]
mod kind;
mod lines;
#[cfg(feature = "files")]
mod memory;
mod network_image;
mod original;
mod page;
mod picture;
mod render;
mod segments;
mod shadow;
mod stroke;
mod surroundings;
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
pub use picture::Picture;
pub use view::{MAX_SIDE, MIN_SIDE};
