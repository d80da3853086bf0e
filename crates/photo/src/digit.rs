//! From ink to the image that MNIST would show.

use std::fmt;

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, RgbImage};

use crate::NetworkImage;
use crate::ink::Ink;
use crate::parts::{Area, Kept, keep, neighbours};
use crate::stroke;

/// The longer side of a digit, as in MNIST.
const BOX: u32 = 20;
/// The longer side at which a picture is looked through.
const WORKING_SIDE: u32 = 400;
/// The longer side below which a digit is looked at again, enlarged from the original.
const DETAIL: usize = 80;
/// The share of full ink from which on a pixel is inside the digit's box.
const IN_BOX: f32 = 0.2;

/// A digit found in a picture.
#[derive(Clone, Debug)]
pub struct Digit {
    /// What the network reads.
    pub image: NetworkImage,
    /// Why this may be no digit; empty where nothing speaks against it.
    pub doubts: Vec<Doubt>,
}

/// A reason why a picture may show no digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// Nothing stands out from the ground.
    Empty,
    /// The ink is in more parts than a digit has.
    Scattered,
    /// The ink fills its box as no stroke does.
    Solid,
    /// The ink is much wider than high.
    Lying,
    /// The ink reaches the edge of the picture: something may be cut off.
    CutOff,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing stands out from the ground",
            Self::Scattered => "the ink is in many parts: more than one digit, or no digit",
            Self::Solid => "the ink is a solid patch, not a stroke",
            Self::Lying => "the ink is much wider than high: more than one digit, or turned",
            Self::CutOff => "the ink reaches the edge: the digit may be cut off",
        })
    }
}

/// Finds the digit in a picture.
pub(crate) fn find(picture: &RgbImage) -> Digit {
    let working = shrink(picture);
    let empty = || Digit { image: NetworkImage::dark(), doubts: vec![Doubt::Empty] };
    let Some((ink, kept, area)) = located(&working) else { return empty() };
    let scale = picture.width() as f32 / working.width() as f32;
    if scale > 1.5 && area.width().max(area.height()) < DETAIL {
        // A small digit on a large page: the same again on its surroundings, at full size.
        let near = surroundings(picture, area, scale);
        if let Some((ink, kept, area)) = located(&shrink(&near)) {
            return drawn(ink, &kept, area);
        }
    }
    drawn(ink, &kept, area)
}

fn located(picture: &RgbImage) -> Option<(Ink, Kept, Area)> {
    let ink = Ink::of(picture)?;
    let kept = keep(&ink)?;
    let area = crate::parts::area(&kept.mask, ink.width)?;
    Some((ink, kept, area))
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

/// The part of the picture around an area found at a smaller scale, with as much ground on every side as the area is long.
fn surroundings(picture: &RgbImage, area: Area, scale: f32) -> RgbImage {
    let margin = area.width().max(area.height());
    let full = |at: usize, side: u32| ((at as f32 * scale) as u32).min(side);
    let left = full(area.left.saturating_sub(margin), picture.width());
    let top = full(area.top.saturating_sub(margin), picture.height());
    let right = full(area.right + margin, picture.width());
    let bottom = full(area.bottom + margin, picture.height());
    imageops::crop_imm(picture, left, top, right - left, bottom - top).to_image()
}

/// Crops, scales and centres.
fn drawn(mut ink: Ink, kept: &Kept, area: Area) -> Digit {
    let doubts = doubts(kept, area, ink.width);
    erase_others(&mut ink, &kept.mask);
    stroke::widen(&mut ink.values, &kept.mask, ink.width, area);
    let area = stroke::reach(&ink.values, ink.width, IN_BOX).unwrap_or(area);
    let longer = area.width().max(area.height()) as f32;
    let scaled = |side: usize| ((side as f32 * BOX as f32 / longer).round() as u32).max(1);
    let crop = ImageBuffer::from_fn(area.width() as u32, area.height() as u32, |x, y| {
        Luma([ink.at(area.left + x as usize, area.top + y as usize)])
    });
    let small: ImageBuffer<Luma<f32>, Vec<f32>> = match (scaled(area.width()), scaled(area.height()))
        == crop.dimensions()
    {
        true => crop,
        false => imageops::resize(&crop, scaled(area.width()), scaled(area.height()), FilterType::Triangle),
    };
    Digit { image: centred(&small), doubts }
}

/// Leaves the digit's own pixels and their soft edges.
fn erase_others(ink: &mut Ink, mask: &[bool]) {
    let soft = |pixel| neighbours(pixel, ink.width, ink.height).any(|near| mask[near]);
    let erased: Vec<usize> =
        (0..mask.len()).filter(|&pixel| ink.values[pixel] > 0.0 && !soft(pixel)).collect();
    for pixel in erased {
        ink.values[pixel] = 0.0;
    }
}

/// Places the digit so that its centre of mass is in the pixel right of and below the image's middle, as far as the image
/// reaches: it is in that pixel in all 10,000 images of MNIST's evaluation set.
fn centred(small: &ImageBuffer<Luma<f32>, Vec<f32>>) -> NetworkImage {
    let (mut mass, mut across, mut down) = (1e-6, 0.0, 0.0);
    for (x, y, Luma([value])) in small.enumerate_pixels() {
        mass += value;
        across += value * (x as f32 + 0.5);
        down += value * (y as f32 + 0.5);
    }
    let middle = crate::SIDE as f32 / 2.0;
    let corner =
        |centre: f32, side: u32| ((middle - centre).ceil() as i64).clamp(0, i64::from(crate::SIDE - side));
    let mut image = NetworkImage::dark();
    let bytes = image::GrayImage::from_fn(small.width(), small.height(), |x, y| {
        Luma([(255.0 * small.get_pixel(x, y)[0]).round().clamp(0.0, 255.0) as u8])
    });
    let (left, top) = (corner(across / mass, small.width()), corner(down / mass, small.height()));
    imageops::replace(image.canvas(), &bytes, left, top);
    image
}

fn doubts(kept: &Kept, area: Area, width: usize) -> Vec<Doubt> {
    let inside = kept.mask.iter().filter(|inside| **inside).count();
    let filled = inside as f32 / (area.width() * area.height()) as f32;
    let stroke = stroke::mean_width(&kept.mask, width);
    let solid = filled > 0.7 && stroke > 0.6 * area.width().min(area.height()) as f32;
    // A one is a filled bar, but a slim one.
    let slim = area.height() > 2 * area.width() || area.width() > 2 * area.height();
    [
        (kept.parts > 3, Doubt::Scattered),
        (solid && !slim, Doubt::Solid),
        (2 * area.width() > 3 * area.height(), Doubt::Lying),
        (kept.on_edge, Doubt::CutOff),
    ]
    .into_iter()
    .filter_map(|(is_so, doubt)| is_so.then_some(doubt))
    .collect()
}
