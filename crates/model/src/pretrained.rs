//! The trained network that comes with the crate, feature `pretrained`.
//!
//! `assets/pretrained.safetensors` is what the recipe `default` made; its metadata say how it was trained and how it did, and
//! `assets/pretrained.json` how to make it again. A test of the command line holds it to its recorded accuracy.

use std::path::Path;

use crate::{Predictor, Result};

const BYTES: &[u8] = include_bytes!("../assets/pretrained.safetensors");

/// What errors and reports call the built-in weights.
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
    /// use adder_model::{Addends, Predictor};
    /// let adder = Predictor::pretrained()?;
    /// // A black image, normalised as MNIST is: (0 - 0.1307) / 0.3081.
    /// let image = [-0.4242; 28 * 28];
    /// let answer = adder.predict(&image, Addends::Each(&[7]))?.answers().next().unwrap();
    /// println!("{} + 7 = {}", answer.digit, answer.sum);
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
