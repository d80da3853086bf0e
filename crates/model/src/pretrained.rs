//! The trained network that comes with the crate, feature `pretrained`.
//!
//! `assets/pretrained.safetensors` is what the recipe `default` made; its metadata say how it was trained and how it did, and
//! `assets/pretrained.json` how to make it again. A test of the command line holds it to its recorded accuracy.

use std::path::Path;

use crate::{Predictor, Result};

const BYTES: &[u8] = include_bytes!("../assets/pretrained.safetensors");

/// The name of the built-in weights in errors and reports.
pub const PRETRAINED: &str = "pretrained";

#[cfg(feature = "candle")]
impl crate::IdentityAdder {
    /// The built-in trained network, and the metadata of its weights.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn pretrained(device: &candle_core::Device) -> Result<(Self, crate::tensor_file::Metadata)> {
        crate::weights::from_safetensors(BYTES, Path::new(PRETRAINED), device)
    }
}

impl Predictor {
    /// The built-in trained network, ready to answer on the CPU.
    ///
    /// ```
    /// # fn main() -> adder_model::Result<()> {
    /// use adder_model::Predictor;
    ///
    /// // A stroke down the middle, light on dark: a one.
    /// let mut image = [0; 28 * 28];
    /// for row in 5..23 {
    ///     image[row * 28 + 13..row * 28 + 15].fill(255);
    /// }
    /// let adder = Predictor::pretrained()?;
    /// let answer = adder.predict(&image, 7)?;
    /// assert_eq!((answer.digit, answer.sum), (1, 8));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Isa`](crate::Error::Isa) for an impossible `ADDER_ISA`.
    pub fn pretrained() -> Result<Self> {
        Ok(Self::from_safetensors(BYTES, Path::new(PRETRAINED))?.0)
    }
}
