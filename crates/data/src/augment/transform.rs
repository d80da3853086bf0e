//! One change of an image: geometry, then brightness and contrast.
//!
//! The geometry says where in the image each pixel of the result is read. Coordinates are those of pixel centers: column
//! 0 to 27, row 0 to 27, the center of the image at 13.5. Brightness and contrast are torchvision's `adjust_brightness` and
//! `adjust_contrast`.

use serde::{Deserialize, Serialize};

use crate::{PIXELS, SIDE, normalize};

/// Displacement nodes along each side of the image; the outer ones lie on its edges.
pub const NODES: usize = 5;

/// The rule by which values between pixels are read. Outside of the image all is black.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Weighted by distance from the four around.
    #[default]
    Bilinear,
}

/// One change of an image, drawn from an [`Augmentation`](super::Augmentation).
#[derive(Clone, Debug, PartialEq)]
pub struct Transform {
    /// Clockwise rotation about the center, as one sees it.
    pub rotation_degrees: f32,
    /// Shift to the right and down in pixels, after rotation and scale.
    pub shift: [f32; 2],
    /// Magnification about the center.
    pub scale: f32,
    /// The distance, to the right and down, between each node and the place its pixel is read at, by row and column.
    pub displacement: Option<[[[f32; 2]; NODES]; NODES]>,
    /// The rule by which values between pixels are read.
    pub interpolation: Interpolation,
    /// Factor of all pixels.
    pub brightness: f32,
    /// Factor of the distance of all pixels from their mean.
    pub contrast: f32,
    /// `true` if contrast comes before brightness.
    pub contrast_first: bool,
}

impl Transform {
    /// Applies geometry, then brightness and contrast, each cut to 0..=255, and [normalizes](normalize) the pixels.
    ///
    /// `image` and `out` are the rows of one image.
    pub fn apply(&self, image: &[u8; PIXELS], out: &mut [f32; PIXELS]) {
        warp(self, image, out);
        if self.contrast_first {
            adjust_contrast(out, self.contrast);
        }
        adjust_brightness(out, self.brightness);
        if !self.contrast_first {
            adjust_contrast(out, self.contrast);
        }
        for pixel in out {
            *pixel = normalize(*pixel);
        }
    }
}

/// The brightest pixel.
const WHITE: f32 = 255.0;

/// Multiplies every pixel.
fn adjust_brightness(pixels: &mut [f32; PIXELS], factor: f32) {
    if factor == 1.0 {
        return;
    }
    for pixel in pixels {
        *pixel = (*pixel * factor).clamp(0.0, WHITE);
    }
}

/// Multiplies every pixel's distance from the mean.
fn adjust_contrast(pixels: &mut [f32; PIXELS], factor: f32) {
    if factor == 1.0 {
        return;
    }
    let gray = (1.0 - factor) * mean(pixels);
    for pixel in pixels {
        *pixel = (*pixel * factor + gray).clamp(0.0, WHITE);
    }
}

/// The mean by 16 running sums: one sum would wait for each addition, and the order must not depend on the compiler.
fn mean(pixels: &[f32; PIXELS]) -> f32 {
    let (rows, rest) = pixels.as_chunks::<16>();
    debug_assert!(rest.is_empty());
    let mut sums = [0.0; 16];
    for row in rows {
        for (sum, pixel) in sums.iter_mut().zip(row) {
            *sum += pixel;
        }
    }
    sums.iter().sum::<f32>() / PIXELS as f32
}

/// The image with a black border, so that no read needs a check: coordinates are cut to -1..=28, where all is black,
/// and a bilinear read at 28 also touches 29.
const STRIDE: usize = 32;
const BORDER: f32 = 1.0;
const FARTHEST: f32 = SIDE as f32 + BORDER;

/// Writes the transformed image, pixels still in 0..=255.
pub(super) fn warp(transform: &Transform, image: &[u8; PIXELS], out: &mut [f32; PIXELS]) {
    let bordered = with_border(image);
    let inverse = InverseAffine::new(transform);
    let (rows, _) = out.as_chunks_mut::<SIDE>();
    for (y, row) in rows.iter_mut().enumerate() {
        let mut places = inverse.row(y);
        if let Some(nodes) = &transform.displacement {
            places.displace(&nodes_of_row(nodes, y));
        }
        places.enter_border();
        match transform.interpolation {
            Interpolation::Nearest => read_nearest(&bordered, &places, row),
            Interpolation::Bilinear => read_bilinear(&bordered, &places, row),
        }
    }
}

fn with_border(image: &[u8; PIXELS]) -> [f32; STRIDE * STRIDE] {
    let mut bordered = [0.0; STRIDE * STRIDE];
    let (rows, _) = image.as_chunks::<SIDE>();
    for (row, inner) in rows.iter().zip(bordered.chunks_exact_mut(STRIDE).skip(1)) {
        for (&byte, pixel) in row.iter().zip(&mut inner[1..]) {
            *pixel = f32::from(byte);
        }
    }
    bordered
}

/// The map from a place in the result back to its place in the image.
struct InverseAffine {
    /// The change of column and row when the result's column grows by one.
    along_x: [f32; 2],
    /// The same when its row grows.
    along_y: [f32; 2],
    /// The place at which the result's first pixel is read.
    origin: [f32; 2],
}

impl InverseAffine {
    fn new(transform: &Transform) -> Self {
        // In f64, where the last bits of different systems' sine and cosine vanish when rounded to f32.
        let (sine, cosine) = f64::from(transform.rotation_degrees).to_radians().sin_cos();
        let (sine, cosine) = (sine / f64::from(transform.scale), cosine / f64::from(transform.scale));
        let center = (SIDE - 1) as f64 / 2.0;
        let [x, y] = transform.shift.map(|shift| center + f64::from(shift));
        Self {
            along_x: [cosine as f32, -sine as f32],
            along_y: [sine as f32, cosine as f32],
            origin: [(center - cosine * x - sine * y) as f32, (center + sine * x - cosine * y) as f32],
        }
    }

    fn row(&self, y: usize) -> SourceRow {
        let along = |axis: usize| {
            let start = self.origin[axis] + self.along_y[axis] * y as f32;
            std::array::from_fn(|x| start + self.along_x[axis] * x as f32)
        };
        SourceRow { columns: along(0), rows: along(1) }
    }
}

/// The coordinates at which the pixels of one row of the result are read.
struct SourceRow {
    columns: [f32; SIDE],
    rows: [f32; SIDE],
}

impl SourceRow {
    /// Adds the displacement between the nodes of this row.
    fn displace(&mut self, nodes: &[[f32; 2]; NODES]) {
        for (node, weights) in nodes.iter().zip(&NODE_WEIGHTS) {
            for (x, weight) in weights.iter().enumerate() {
                self.columns[x] += weight * node[0];
                self.rows[x] += weight * node[1];
            }
        }
    }

    /// Moves to the coordinates of the bordered image, and what is far outside onto the border.
    fn enter_border(&mut self) {
        for places in [&mut self.columns, &mut self.rows] {
            for place in places {
                *place = (*place + BORDER).clamp(0.0, FARTHEST);
            }
        }
    }
}

/// The weight of each node in the displacement of each column (or row): 1 at the node, falling to 0 at its neighbors.
const NODE_WEIGHTS: [[f32; SIDE]; NODES] = {
    let spacing = (SIDE / (NODES - 1)) as f32;
    let mut weights = [[0.0; SIDE]; NODES];
    let mut node = 0;
    while node < NODES {
        let mut x = 0;
        while x < SIDE {
            let distance = (x as f32 + 0.5) / spacing - node as f32;
            weights[node][x] = (1.0 - distance.abs()).max(0.0);
            x += 1;
        }
        node += 1;
    }
    weights
};

/// The displacements at the height of row `y`.
fn nodes_of_row(nodes: &[[[f32; 2]; NODES]; NODES], y: usize) -> [[f32; 2]; NODES] {
    let mut sums = [[0.0; 2]; NODES];
    for (row, weights) in nodes.iter().zip(&NODE_WEIGHTS) {
        for (sum, displacement) in sums.as_flattened_mut().iter_mut().zip(row.as_flattened()) {
            *sum += weights[y] * displacement;
        }
    }
    sums
}

fn read_nearest(bordered: &[f32; STRIDE * STRIDE], places: &SourceRow, out: &mut [f32; SIDE]) {
    let at = index_of(&nearest(&places.rows), &nearest(&places.columns));
    for (pixel, at) in out.iter_mut().zip(at) {
        *pixel = bordered[at as usize % (STRIDE * STRIDE)];
    }
}

fn read_bilinear(bordered: &[f32; STRIDE * STRIDE], places: &SourceRow, out: &mut [f32; SIDE]) {
    let before = |places: &[f32; SIDE]| nearest(&std::array::from_fn(|x| places[x] - 0.5));
    let (rows, columns) = (before(&places.rows), before(&places.columns));
    let at = index_of(&rows, &columns);
    for (x, pixel) in out.iter_mut().enumerate() {
        let right = places.columns[x] - columns[x] as f32;
        let down = places.rows[x] - rows[x] as f32;
        let corner = |step: usize| bordered[(at[x] as usize + step) % (STRIDE * STRIDE)];
        let upper = corner(0) + right * (corner(1) - corner(0));
        let lower = corner(STRIDE) + right * (corner(STRIDE + 1) - corner(STRIDE));
        *pixel = upper + down * (lower - upper);
    }
}

/// The nearest integers, of two as near the even one, of values far below 2^22.
///
/// Behind that sum a float has no bits for a fraction, and its last bits are the integer. `as i32` has to saturate, which
/// keeps the compiler from doing several at once: with it a warp takes twice as long.
fn nearest(values: &[f32; SIDE]) -> [i32; SIDE] {
    const NO_FRACTION: f32 = 12_582_912.0; // 1.5 * 2^23
    std::array::from_fn(|x| (values[x] + NO_FRACTION).to_bits() as i32 - NO_FRACTION.to_bits() as i32)
}

fn index_of(rows: &[i32; SIDE], columns: &[i32; SIDE]) -> [u32; SIDE] {
    // Wrapping, for what is not a number has no place; the reader's remainder keeps it inside.
    std::array::from_fn(|x| rows[x].wrapping_mul(STRIDE as i32).wrapping_add(columns[x]) as u32)
}
