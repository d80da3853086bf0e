//! The change of one image, as the kernel takes it.

/// Displacement nodes along each side of an image.
pub const NODES: usize = 5;

/// One image's change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The change of column and row at which a pixel is read, when the result's column grows by one.
    pub along_x: [f32; 2],
    /// The same when its row grows.
    pub along_y: [f32; 2],
    /// The column and row at which the first pixel is read.
    pub origin: [f32; 2],
    /// Factor of all pixels.
    pub brightness: f32,
    /// Factor of the distance of all pixels from their mean.
    pub contrast: f32,
    /// Whether contrast comes before brightness.
    pub contrast_first: bool,
    /// Whether values between pixels are weighted by distance, and not those of the nearest pixel.
    pub bilinear: bool,
    /// The displacement of each node, to the right and down.
    pub displacement: Option<[[[f32; 2]; NODES]; NODES]>,
}

impl Change {
    /// The image as it is.
    pub const NONE: Self = Self {
        along_x: [1.0, 0.0],
        along_y: [0.0, 1.0],
        origin: [0.0, 0.0],
        brightness: 1.0,
        contrast: 1.0,
        contrast_first: false,
        bilinear: false,
        displacement: None,
    };

    /// In the order of `Change` in `augment.cu`.
    pub(crate) fn numbers(&self) -> Vec<f32> {
        let flag = |is: bool| f32::from(u8::from(is));
        let mut numbers = [self.along_x, self.along_y, self.origin].concat();
        numbers.extend([self.brightness, self.contrast, flag(self.contrast_first), flag(self.bilinear)]);
        numbers.push(flag(self.displacement.is_some()));
        numbers.extend(self.displacement.unwrap_or_default().as_flattened().as_flattened());
        numbers
    }
}
