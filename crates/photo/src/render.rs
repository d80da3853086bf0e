//! From the pixels of a digit to the image that the network reads: cropped, scaled and centered as MNIST is.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};

use crate::NetworkImage;
use crate::foreground::Foreground;
use crate::grid::neighbors;
use crate::groups::Group;
use crate::stroke;

/// The longer side of a digit, as in MNIST.
const BOX: u32 = 20;
/// The share of foreground from which on a pixel is inside the digit's bounding box.
const IN_BOX: f32 = 0.2;

/// Crops, scales and centers.
pub(crate) fn render(foreground: &Foreground, digit: &Group) -> NetworkImage {
    let width = foreground.width;
    let mut values = digit_alone(foreground, &digit.mask);
    stroke::widen(&mut values, &digit.mask, width, digit.bounds);
    let bounds = stroke::reach(&values, width, IN_BOX).unwrap_or(digit.bounds);
    let longer = bounds.width().max(bounds.height()) as f32;
    let scaled = |side: usize| ((side as f32 * BOX as f32 / longer).round() as u32).max(1);
    let crop = ImageBuffer::from_fn(bounds.width() as u32, bounds.height() as u32, |x, y| {
        Luma([values[(bounds.top + y as usize) * width + bounds.left + x as usize]])
    });
    let small: ImageBuffer<Luma<f32>, Vec<f32>> =
        match (scaled(bounds.width()), scaled(bounds.height())) == crop.dimensions() {
            true => crop,
            false => {
                imageops::resize(&crop, scaled(bounds.width()), scaled(bounds.height()), FilterType::Triangle)
            }
        };
    center_by_mass(&small)
}

/// The shares of foreground of the digit's own pixels and of their soft edges; 0 elsewhere.
fn digit_alone(foreground: &Foreground, mask: &[bool]) -> Vec<f32> {
    let Foreground { width, height, ref values, .. } = *foreground;
    let soft = |pixel| neighbors(pixel, width, height).any(|near| mask[near]);
    let alone =
        values.iter().enumerate().map(|(pixel, &value)| if value > 0.0 && soft(pixel) { value } else { 0.0 });
    alone.collect()
}

/// Places the digit so that its center of mass is in the pixel right of and below the image's middle, as far as the image
/// reaches: it is in that pixel in all 10,000 images of MNIST's evaluation set.
fn center_by_mass(small: &ImageBuffer<Luma<f32>, Vec<f32>>) -> NetworkImage {
    let (mut mass, mut across, mut down) = (1e-6, 0.0, 0.0);
    for (x, y, Luma([value])) in small.enumerate_pixels() {
        mass += value;
        across += value * (x as f32 + 0.5);
        down += value * (y as f32 + 0.5);
    }
    let middle = crate::SIDE as f32 / 2.0;
    let corner =
        |center: f32, side: u32| ((middle - center).ceil() as i64).clamp(0, i64::from(crate::SIDE - side));
    let mut image = NetworkImage::dark();
    let bytes = image::GrayImage::from_fn(small.width(), small.height(), |x, y| {
        Luma([(255.0 * small.get_pixel(x, y)[0]).round().clamp(0.0, 255.0) as u8])
    });
    let (left, top) = (corner(across / mass, small.width()), corner(down / mass, small.height()));
    imageops::replace(image.canvas(), &bytes, left, top);
    image
}
