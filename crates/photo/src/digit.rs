//! The digit of a picture, as MNIST would show it.

use std::fmt;

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, RgbImage};

use crate::NetworkImage;
use crate::components::{BoundingBox, DigitPixels, bounding_box, neighbors, select_digit};
use crate::foreground::Foreground;
use crate::stroke;

/// The longer side of a digit, as in MNIST.
const BOX: u32 = 20;
/// The longer side at which a picture is looked through.
const WORKING_SIDE: u32 = 400;
/// The longer side below which a digit is looked at again, enlarged from the original.
const DETAIL: usize = 80;
/// The share of foreground from which on a pixel is inside the digit's bounding box.
const IN_BOX: f32 = 0.2;

/// A digit found in a picture.
#[derive(Clone, Debug)]
pub struct Digit {
    /// The image that the network reads.
    pub image: NetworkImage,
    /// The place of the digit in the upright picture.
    pub region: Region,
    /// The reasons why this may be no digit; empty where nothing speaks against it.
    pub doubts: Vec<Doubt>,
}

/// A rectangle of an upright picture, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Region {
    /// Pixels left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Pixels from its left to its right side.
    pub width: u32,
    /// Pixels from its top to its bottom.
    pub height: u32,
}

/// The reason why a picture has no digit to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoDigit {
    /// Nothing stands out from the background.
    Nothing,
    /// There are several, side by side or one above the other.
    Several {
        /// The number of digits.
        count: usize,
    },
}

impl std::error::Error for NoDigit {}

impl fmt::Display for NoDigit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no digit found: nothing stands out from the background"),
            Self::Several { count } => write!(f, "{count} digits found where one was expected"),
        }
    }
}

/// A reason why a picture may show no digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// The foreground has more connected components than a digit.
    Scattered,
    /// The foreground fills its box as no stroke does.
    Solid,
    /// The foreground is much wider than high.
    Lying,
    /// The foreground reaches the edge of the picture: something may be cut off.
    CutOff,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scattered => "the foreground is in many pieces: more than one digit, or no digit",
            Self::Solid => "the foreground is a solid patch, not a stroke",
            Self::Lying => "the foreground is much wider than high: more than one digit, or turned",
            Self::CutOff => "the foreground reaches the edge: the digit may be cut off",
        })
    }
}

/// Finds the digits in a picture, from left to right.
pub(crate) fn find(picture: &RgbImage) -> Vec<Digit> {
    one(picture).into_iter().collect()
}

fn one(picture: &RgbImage) -> Option<Digit> {
    let working = shrink(picture);
    let (foreground, digit, bounds) = locate(&working)?;
    let scale = picture.width() as f32 / working.width() as f32;
    if scale > 1.5 && bounds.width().max(bounds.height()) < DETAIL {
        // A small digit on a large page: the same again on its surroundings, at full size.
        let near = surroundings(picture, bounds, scale);
        if let Some((foreground, digit, bounds)) = locate(&shrink(&near)) {
            return Some(render(foreground, &digit, bounds));
        }
    }
    Some(render(foreground, &digit, bounds))
}

fn locate(picture: &RgbImage) -> Option<(Foreground, DigitPixels, BoundingBox)> {
    let foreground = Foreground::from_picture(picture)?;
    let digit = select_digit(&foreground)?;
    let bounds = bounding_box(&digit.mask, foreground.width)?;
    Some((foreground, digit, bounds))
}

fn shrink(picture: &RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let longer = width.max(height);
    if longer <= WORKING_SIDE {
        return picture.clone();
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(WORKING_SIDE) / u64::from(longer)).max(2) as u32;
    imageops::thumbnail(picture, scaled(width), scaled(height))
}

/// The part of the picture around a box found at a smaller scale, with as much background on every side as the box is long.
fn surroundings(picture: &RgbImage, bounds: BoundingBox, scale: f32) -> RgbImage {
    let margin = bounds.width().max(bounds.height());
    let full = |at: usize, side: u32| ((at as f32 * scale) as u32).min(side);
    let left = full(bounds.left.saturating_sub(margin), picture.width());
    let top = full(bounds.top.saturating_sub(margin), picture.height());
    let right = full(bounds.right + margin, picture.width());
    let bottom = full(bounds.bottom + margin, picture.height());
    imageops::crop_imm(picture, left, top, right - left, bottom - top).to_image()
}

/// Crops, scales and centers.
fn render(mut foreground: Foreground, digit: &DigitPixels, bounds: BoundingBox) -> Digit {
    let doubts = doubts(digit, bounds, foreground.width);
    erase_others(&mut foreground, &digit.mask);
    stroke::widen(&mut foreground.values, &digit.mask, foreground.width, bounds);
    let bounds = stroke::reach(&foreground.values, foreground.width, IN_BOX).unwrap_or(bounds);
    let longer = bounds.width().max(bounds.height()) as f32;
    let scaled = |side: usize| ((side as f32 * BOX as f32 / longer).round() as u32).max(1);
    let crop = ImageBuffer::from_fn(bounds.width() as u32, bounds.height() as u32, |x, y| {
        Luma([foreground.at(bounds.left + x as usize, bounds.top + y as usize)])
    });
    let small: ImageBuffer<Luma<f32>, Vec<f32>> =
        match (scaled(bounds.width()), scaled(bounds.height())) == crop.dimensions() {
            true => crop,
            false => {
                imageops::resize(&crop, scaled(bounds.width()), scaled(bounds.height()), FilterType::Triangle)
            }
        };
    let region = Region {
        left: bounds.left as u32,
        top: bounds.top as u32,
        width: bounds.width() as u32,
        height: bounds.height() as u32,
    };
    Digit { image: center_by_mass(&small), region, doubts }
}

/// Leaves the digit's own pixels and their soft edges.
fn erase_others(foreground: &mut Foreground, mask: &[bool]) {
    let soft = |pixel| neighbors(pixel, foreground.width, foreground.height).any(|near| mask[near]);
    let erased: Vec<usize> =
        (0..mask.len()).filter(|&pixel| foreground.values[pixel] > 0.0 && !soft(pixel)).collect();
    for pixel in erased {
        foreground.values[pixel] = 0.0;
    }
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

fn doubts(digit: &DigitPixels, bounds: BoundingBox, width: usize) -> Vec<Doubt> {
    let inside = digit.mask.iter().filter(|inside| **inside).count();
    let filled = inside as f32 / (bounds.width() * bounds.height()) as f32;
    let stroke = stroke::mean_width(&digit.mask, width);
    let solid = filled > 0.7 && stroke > 0.6 * bounds.width().min(bounds.height()) as f32;
    // A one is a filled bar, but a slim one.
    let slim = bounds.height() > 2 * bounds.width() || bounds.width() > 2 * bounds.height();
    [
        (digit.components > 3, Doubt::Scattered),
        (solid && !slim, Doubt::Solid),
        (2 * bounds.width() > 3 * bounds.height(), Doubt::Lying),
        (digit.on_edge, Doubt::CutOff),
    ]
    .into_iter()
    .filter_map(|(is_so, doubt)| is_so.then_some(doubt))
    .collect()
}
