//! Random changes to training images, each a function of (seed, epoch, image).
//!
//! The conventions are those of torchvision's `RandomAffine` and `ColorJitter`, which the notebook used; tests hold
//! them to numbers that torchvision computed. Two things differ: between its steps the image is not rounded to bytes,
//! and an elastic displacement on a grid can be added.

mod transform;

use adder_random::{Purpose, Stream};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, SIDE};
pub use transform::{Interpolation, NODES, Transform};

/// The ranges within which training images are changed at random. A missing key means no change, an unknown one is an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Rotation about the image's center: uniform within this many degrees either way, 0 to 180.
    pub rotation_degrees: f32,
    /// Shift along each axis: uniform within this fraction of the side either way, 0 to 1, then rounded to whole pixels.
    pub translation: f32,
    /// Scale about the image's center: uniform from the first to the second, both above 0.
    pub scale: [f32; 2],
    /// Displacement of each of 5x5 nodes spread over the image: uniform within this many pixels either way along each
    /// axis, 0 to 28, bilinear between the nodes.
    pub grid_displacement_pixels: f32,
    /// The rule by which values between pixels are read.
    pub interpolation: Interpolation,
    /// Brightness: a factor uniform in 1 - this to 1 + this, 0 to 1.
    pub brightness: f32,
    /// Contrast about the mean gray: a factor uniform in 1 - this to 1 + this, 0 to 1.
    pub contrast: f32,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self::NONE
    }
}

impl Augmentation {
    /// Images as they are.
    pub const NONE: Self = Self {
        rotation_degrees: 0.0,
        translation: 0.0,
        scale: [1.0, 1.0],
        grid_displacement_pixels: 0.0,
        interpolation: Interpolation::Bilinear,
        brightness: 0.0,
        contrast: 0.0,
    };

    /// The notebook's.
    pub const NOTEBOOK: Self = Self {
        rotation_degrees: 20.0,
        translation: 0.1,
        scale: [0.9, 1.1],
        grid_displacement_pixels: 0.0,
        interpolation: Interpolation::Nearest,
        brightness: 0.2,
        contrast: 0.2,
    };

    /// `Ok` if every range is sensible.
    ///
    /// # Errors
    /// [`Error::Setting`] with the first that is not.
    pub fn check(&self) -> Result<()> {
        let within = |field, value: f32, limit: f32, expected| {
            Error::check_setting((0.0..=limit).contains(&value), field, expected, value)
        };
        within("rotation_degrees", self.rotation_degrees, 180.0, "0 to 180")?;
        within("translation", self.translation, 1.0, "0 to 1")?;
        let [low, high] = self.scale;
        let found = format!("[{low}, {high}]");
        Error::check_setting(
            low > 0.0 && low <= high && high <= 10.0,
            "scale",
            "[low, high] with 0 < low <= high <= 10",
            found,
        )?;
        within("grid_displacement_pixels", self.grid_displacement_pixels, SIDE as f32, "0 to 28")?;
        within("brightness", self.brightness, 1.0, "0 to 1")?;
        within("contrast", self.contrast, 1.0, "0 to 1")
    }

    /// The change of image `index` in `epoch`.
    ///
    /// The order of the draws is frozen. The first seven are made whatever the ranges, so that changing one range does
    /// not change what the others draw.
    pub fn draw(&self, seed: u64, epoch: u64, index: u32) -> Transform {
        let mut stream = Stream::new(seed, Purpose::Augment, epoch, u64::from(index));
        let mut around = |middle: f32, range: f32| stream.uniform(middle - range, middle + range);
        let rotation_degrees = around(0.0, self.rotation_degrees);
        let farthest = self.translation * SIDE as f32;
        let shift = [around(0.0, farthest).round(), around(0.0, farthest).round()];
        let scale = stream.uniform(self.scale[0], self.scale[1]);
        let mut around = |middle: f32, range: f32| stream.uniform(middle - range, middle + range);
        let brightness = around(1.0, self.brightness);
        let contrast = around(1.0, self.contrast);
        let contrast_first = stream.below(2) == 1;
        let reach = self.grid_displacement_pixels;
        let displacement = (reach > 0.0).then(|| {
            std::array::from_fn(|_| std::array::from_fn(|_| [0; 2].map(|_| stream.uniform(-reach, reach))))
        });
        Transform {
            rotation_degrees,
            shift,
            scale,
            displacement,
            interpolation: self.interpolation,
            brightness,
            contrast,
            contrast_first,
        }
    }
}

#[cfg(test)]
mod tests;
