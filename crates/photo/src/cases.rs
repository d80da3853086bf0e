//! Pictures made as people's are, each with what is to be found in it: for measurements of [`Picture::digit`](crate::Picture::digit)
//! and of its doubts.
//!
//! A [`Kind`] is one way in which pictures are odd: a digit that fills its picture, a page on a dark table, a box around the digit.
//! [`Kind::case`] makes any number of pictures of it, each a function of a seed and an index. The ink is real handwriting or that
//! of a pen. Half of the kinds are held out: they are for looking whether what was made for the others holds for these.

mod canvas;
mod case;
mod kinds;
mod mask;
mod scene;
mod strokes;

pub use case::{Case, Expected, Kind};
pub use kinds::KINDS;
pub use scene::Handwriting;
