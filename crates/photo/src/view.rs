//! A part of a picture at the size at which it is looked through.

use image::imageops::{self, FilterType};
use image::{GenericImageView, Rgb, RgbImage};

use crate::Region;
use crate::grid::BoundingBox;
use crate::original::Original;

/// The smallest height or width of a picture, in pixels.
pub const MIN_SIDE: u32 = 8;
/// The largest height or width of a picture, in pixels.
pub const MAX_SIDE: u32 = 16_384;

/// The longer side up to which pictures keep their size.
const WORKING_SIDE: u32 = 400;
/// The longer side of the largest pictures when they are looked through: a pen of 300 dots an inch still shows.
const LARGEST_SIDE: u32 = 1000;
/// The longer side below which pictures are enlarged: strokes of one pixel need room for their edges.
const SMALLEST_SIDE: u32 = 20;

/// The longer side up to which a picture is coarse.
const COARSE: u32 = 32;
/// The most times that one is enlarged.
const MOST_TIMES: u32 = 64;

/// A rectangle of a picture, shrunk or enlarged, and the pixels of it that count.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) picture: RgbImage,
    /// `true` for the pixels that count, row by row; the others are behind what is looked at.
    pub(crate) valid: Vec<bool>,
    /// The rectangle in the whole picture.
    region: Region,
}

impl View {
    /// The whole picture.
    pub(crate) fn whole(original: &Original) -> Self {
        let (width, height) = original.dimensions();
        Self::of_region(original, Region { left: 0, top: 0, width, height })
    }

    fn of_region(original: &Original, region: Region) -> Self {
        let Region { left, top, width, height } = region;
        let picture = resized(&*imageops::crop_imm(original, left, top, width, height));
        let pixels = (picture.width() * picture.height()) as usize;
        Self { picture, valid: vec![true; pixels], region }
    }

    /// The part of this view within a rectangle, of which only the pixels of `mask` count, `[height * width]` of this view.
    pub(crate) fn within(&self, original: &Original, mask: &[bool], bounds: BoundingBox) -> Self {
        let mut inner = Self::of_region(original, self.region_of(bounds));
        let (width, height) = (inner.width(), inner.height());
        let at = |place: usize, side: usize, start: usize, length: usize| {
            (start + ((place as f32 + 0.5) * length as f32 / side as f32) as usize).min(start + length - 1)
        };
        for y in 0..height {
            let row = at(y, height, bounds.top, bounds.height()) * self.width();
            for x in 0..width {
                let column = at(x, width, bounds.left, bounds.width());
                inner.valid[y * width + x] = mask[row + column];
            }
        }
        inner
    }

    /// The surroundings of a rectangle, as wide on every side as the rectangle is long, as far as this view reaches, and the
    /// rectangle in them.
    pub(crate) fn around(&self, original: &Original, bounds: BoundingBox) -> (Self, BoundingBox) {
        let margin = bounds.width().max(bounds.height());
        let wide = BoundingBox {
            left: bounds.left.saturating_sub(margin),
            top: bounds.top.saturating_sub(margin),
            right: (bounds.right + margin).min(self.width()),
            bottom: (bounds.bottom + margin).min(self.height()),
        };
        let around = self.within(original, &self.valid, wide);
        let (across, down) =
            (around.width() as f32 / wide.width() as f32, around.height() as f32 / wide.height() as f32);
        let inner = BoundingBox {
            left: ((bounds.left - wide.left) as f32 * across) as usize,
            top: ((bounds.top - wide.top) as f32 * down) as usize,
            right: ((bounds.right - wide.left) as f32 * across).ceil() as usize,
            bottom: ((bounds.bottom - wide.top) as f32 * down).ceil() as usize,
        };
        (around, inner)
    }

    /// `true` for the pixels that count at the edge of those, row by row.
    pub(crate) fn edge(&self) -> Vec<bool> {
        let (width, height) = (self.width(), self.height());
        let mut edge = vec![false; self.valid.len()];
        let whole = self.valid.iter().all(|valid| *valid);
        for y in 0..height {
            let row = y * width;
            if y == 0 || y + 1 == height {
                edge[row..row + width].copy_from_slice(&self.valid[row..row + width]);
                continue;
            }
            edge[row] = self.valid[row];
            edge[row + width - 1] = self.valid[row + width - 1];
            if !whole {
                let inner = row + 1..row + width - 1;
                for (pixel, edge) in inner.clone().zip(&mut edge[inner]) {
                    let beside = [pixel - 1, pixel + 1, pixel - width, pixel + width];
                    *edge = self.valid[pixel] && beside.into_iter().any(|near| !self.valid[near]);
                }
            }
        }
        edge
    }

    /// The mean of red, green and blue of each pixel, row by row.
    pub(crate) fn gray(&self) -> Vec<f32> {
        let mean = |color: [u8; 3]| color.iter().map(|&value| f32::from(value)).sum::<f32>() / 3.0;
        self.picture.pixels().map(|pixel| mean(pixel.0)).collect()
    }

    pub(crate) fn width(&self) -> usize {
        self.picture.width() as usize
    }

    pub(crate) fn height(&self) -> usize {
        self.picture.height() as usize
    }

    /// The pixels of the original that one pixel of the view stands for, along a side.
    pub(crate) fn reduction(&self) -> f32 {
        self.region.width as f32 / self.picture.width() as f32
    }

    /// The place of a rectangle of this view in the whole picture.
    pub(crate) fn region_of(&self, bounds: BoundingBox) -> Region {
        let Region { left, top, width, height } = self.region;
        let across = |x: usize| (x as u64 * u64::from(width) / self.width() as u64) as u32;
        let down = |y: usize| (y as u64 * u64::from(height) / self.height() as u64) as u32;
        Region {
            left: left + across(bounds.left),
            top: top + down(bounds.top),
            width: (across(bounds.right) - across(bounds.left)).max(1),
            height: (down(bounds.bottom) - down(bounds.top)).max(1),
        }
    }
}

fn resized(picture: &impl GenericImageView<Pixel = Rgb<u8>>) -> RgbImage {
    // Blocks are how a coarse picture was enlarged, not what was drawn.
    if let Some(coarse) = without_blocks(picture) {
        return resized(&coarse);
    }
    let (width, height) = picture.dimensions();
    let longer = width.max(height);
    if longer < SMALLEST_SIDE {
        let times = (3 * SMALLEST_SIDE).div_ceil(longer);
        return imageops::resize(picture, width * times, height * times, FilterType::CatmullRom);
    }
    let working = (longer / 4).clamp(WORKING_SIDE, LARGEST_SIDE);
    if longer <= working {
        return RgbImage::from_fn(width, height, |x, y| picture.get_pixel(x, y));
    }
    let scaled = |side: u32| (u64::from(side) * u64::from(working) / u64::from(longer)).max(2) as u32;
    imageops::thumbnail(picture, scaled(width), scaled(height))
}

/// A picture of so few pixels that it was enlarged by repeating each in both directions, as it was before; `None` of others.
fn without_blocks(picture: &impl GenericImageView<Pixel = Rgb<u8>>) -> Option<RgbImage> {
    let (width, height) = picture.dimensions();
    let (shorter, longer) = (width.min(height), width.max(height));
    if longer > COARSE * MOST_TIMES {
        return None;
    }
    let is_repeated = |times: u32| {
        picture.pixels().all(|(x, y, pixel)| pixel == picture.get_pixel(x / times * times, y / times * times))
    };
    let fits = |times: &u32| width.is_multiple_of(*times) && height.is_multiple_of(*times);
    let times = (longer.div_ceil(COARSE).max(3)..=shorter / MIN_SIDE).rev();
    let times = times.filter(fits).find(|&times| is_repeated(times))?;
    Some(RgbImage::from_fn(width / times, height / times, |x, y| picture.get_pixel(x * times, y * times)))
}
