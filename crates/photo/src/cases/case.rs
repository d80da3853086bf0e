//! A picture with what is to be found in it, and the kinds of them.

use adder_random::{Purpose, Stream};
use image::RgbaImage;

use super::scene::{Handwriting, Scene};

/// What a person sees in a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// One digit.
    Digit(u8),
    /// Perhaps this digit: a person would hesitate, so that a doubt is as right as the digit, and another digit is wrong.
    Perhaps(u8),
    /// Several digits, from left to right.
    Several(Vec<u8>),
    /// Nothing is written there.
    Nothing,
    /// Something is there, but no digit.
    NoDigit,
}

/// A picture with what is to be found in it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Red, green, blue and alpha.
    pub picture: RgbaImage,
    /// What is in it.
    pub expected: Expected,
}

/// Pictures that are odd in the same way.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The name: letters and underscores.
    pub name: &'static str,
    /// `true` for a kind to which the finding of digits must not be tuned: it tells how others fare.
    pub held_out: bool,
    make: fn(&mut Scene<'_>) -> Case,
}

impl Kind {
    pub(super) const fn known(name: &'static str, make: fn(&mut Scene<'_>) -> Case) -> Self {
        Self { name, held_out: false, make }
    }

    pub(super) const fn held_out(name: &'static str, make: fn(&mut Scene<'_>) -> Case) -> Self {
        Self { name, held_out: true, make }
    }

    /// Makes the picture of a seed and an index; equal ones give equal pictures.
    pub fn case(&self, handwriting: Handwriting<'_>, seed: u64, index: u64) -> Case {
        // Kinds with the same stream would all show the same digits.
        let name = self.name.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        (self.make)(&mut Scene::new(Stream::new(seed, Purpose::Test, name, index), handwriting))
    }
}
