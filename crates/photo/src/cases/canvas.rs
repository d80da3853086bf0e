//! A picture in the making: colors and opacity as floats, and what light, paper and cameras do to them.

use adder_random::Stream;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use super::mask::{Mask, blur};

/// Red, green and blue in gray levels, 0 to 255.
pub(super) type Color = [f32; 3];

/// Colors and opacity of each pixel, row by row.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) colors: Vec<Color>,
    /// From 0, where nothing is seen, to 1.
    opacity: Vec<f32>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, color: Color) -> Self {
        Self { width, height, colors: vec![color; width * height], opacity: vec![1.0; width * height] }
    }

    /// A mask of the same size, empty.
    pub(super) fn mask(&self) -> Mask {
        Mask::new(self.width, self.height)
    }

    /// Lays ink of a color over the picture.
    pub(super) fn put(&mut self, mask: &Mask, color: Color) {
        for (value, share) in self.colors.iter_mut().zip(&mask.values) {
            *value = std::array::from_fn(|at| value[at] + (color[at] - value[at]) * share);
        }
    }

    /// Changes the color of each pixel, given its place.
    pub(super) fn change(&mut self, mut to: impl FnMut(f32, f32, Color) -> Color) {
        for (at, value) in self.colors.iter_mut().enumerate() {
            *value = to((at % self.width) as f32, (at / self.width) as f32, *value);
        }
    }

    /// Multiplies the light on each pixel.
    pub(super) fn light(&mut self, mut share: impl FnMut(f32, f32) -> f32) {
        self.change(|x, y, color| color.map(|value| value * share(x, y)));
    }

    /// Makes what is outside the mask transparent; where the mask is soft, partly.
    pub(super) fn cut(&mut self, mask: &Mask) {
        self.opacity.copy_from_slice(&mask.values);
    }

    /// Adds the noise of a sensor, the same to all three colors, close to normal with this standard deviation.
    pub(super) fn noise(&mut self, stream: &mut Stream, deviation: f32) {
        for value in &mut self.colors {
            // The bytes of a word, summed, have a standard deviation of 147.8.
            let sum: i32 = stream.next_u32().to_le_bytes().into_iter().map(i32::from).sum();
            let noise = (sum - 510) as f32 * (deviation / 147.8);
            *value = value.map(|value| value + noise);
        }
    }

    /// Softens the picture as a lens does.
    pub(super) fn blur(&mut self, deviation: f32) {
        for channel in 0..3 {
            let mut plane: Vec<f32> = self.colors.iter().map(|color| color[channel]).collect();
            blur(&mut plane, self.width, deviation);
            self.colors.iter_mut().zip(plane).for_each(|(color, value)| color[channel] = value);
        }
    }

    /// The picture, opaque.
    pub(super) fn opaque(&self) -> RgbImage {
        let byte = |value: f32| value.round().clamp(0.0, 255.0) as u8;
        RgbImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            Rgb(self.colors[y as usize * self.width + x as usize].map(byte))
        })
    }

    /// The picture with its transparency.
    pub(super) fn finish(&self) -> RgbaImage {
        let mut picture = DynamicImage::from(self.opaque()).into_rgba8();
        for (Rgba(pixel), opacity) in picture.pixels_mut().zip(&self.opacity) {
            pixel[3] = (255.0 * opacity).round() as u8;
        }
        picture
    }

    /// The picture after a JPEG file of a quality from 1 to 100.
    pub(super) fn compressed(&self, quality: u8) -> RgbaImage {
        let picture = self.opaque();
        let mut file = Vec::new();
        let encoded = picture.write_with_encoder(JpegEncoder::new_with_quality(&mut file, quality));
        let decoded = encoded.and_then(|()| image::load_from_memory_with_format(&file, ImageFormat::Jpeg));
        decoded.unwrap_or_else(|_| picture.into()).into_rgba8()
    }

    /// The picture at another size.
    pub(super) fn scaled(&self, width: usize, height: usize, filter: FilterType) -> Self {
        let picture = imageops::resize(&self.opaque(), width as u32, height as u32, filter);
        let mut scaled = Self::new(width, height, [0.0; 3]);
        scaled.colors = picture.pixels().map(|Rgb(color)| color.map(f32::from)).collect();
        scaled
    }
}
