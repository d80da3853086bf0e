//! The background behind the digit: a smooth surface for each color, fitted to what most pixels show.

use image::RgbImage;

use crate::view::View;

/// Terms of a quadratic in two variables.
const TERMS: usize = 6;
/// Pixels that the fit looks at: more of them move it less than one gray level.
const SAMPLES: u32 = 8192;
const ROUNDS: usize = 8;

/// The share of pixels, nearest to the surface, whose distance is the scale of the fit: the foreground may cover the others.
const NEAREST: f32 = 0.15;
/// The median of a normal distribution's distances by the distance that [`NEAREST`] of them do not exceed.
const MEDIAN_BY_NEAREST: f32 = 3.57;
/// The largest scale of the fit, in gray levels: a page around which little is seen of the table does not become the table.
const WIDEST: f32 = 25.0;
/// The difference between two levels of gray at the border from which on they are two things.
const APART: f32 = 40.0;
/// The share of the border between two levels, in the middle third, from which on they are one level that changes.
const BETWEEN: f32 = 0.08;
/// The least share of the border that may be the background.
const LEAST_SHARE: f32 = 0.2;

/// A level of red, green and blue, in gray levels.
pub(crate) type Level = [f32; 3];

/// What may be the background of a view, as its border shows it.
pub(crate) struct Ground {
    pub(crate) level: Level,
    /// The pixels of the border that show it.
    border: Vec<usize>,
}

/// The difference of each pixel from the background, red, green and blue, row by row, in gray levels.
///
/// The background is a quadratic surface, fitted again and again with weights that fall with the distance from it
/// (Cauchy's), from the level at the border on: the foreground soon counts for nothing, and a lamp on one side of the page does
/// not look like it.
pub(crate) fn differences(view: &View, ground: &Ground) -> Vec<[f32; 3]> {
    let picture = &view.picture;
    let mut surface = ground.level.map(|value| [value, 0.0, 0.0, 0.0, 0.0, 0.0]);
    let step = ((picture.width() * picture.height() / SAMPLES) as f32).sqrt().max(1.0) as usize;
    let grid = |from: u32| (0..from).step_by(step);
    let samples: Vec<([f32; TERMS], [f32; 3])> = grid(picture.height())
        .flat_map(|y| grid(picture.width()).map(move |x| (x, y)))
        .filter(|(x, y)| view.valid[(y * picture.width() + x) as usize])
        .map(|(x, y)| (terms(picture, x, y), picture.get_pixel(x, y).0.map(f32::from)))
        .collect();
    for _ in 0..ROUNDS {
        let distances: Vec<f32> =
            samples.iter().map(|(terms, value)| distance(&surface, terms, value)).collect();
        let scale = quantile(distances.clone(), NEAREST).min(WIDEST) + 2.0;
        let weights = distances.iter().map(|distance| 1.0 / (1.0 + (distance / scale).powi(2)).powi(2));
        match fit(samples.iter().zip(weights)) {
            Some(better) => surface = better,
            None => break,
        }
    }
    from_surface(picture, &surface)
}

/// The median distance of the background's own pixels from it, in gray levels: of those at the border, for the foreground may be
/// most of a picture; but no more than the nearest pixels anywhere tell, for the border may be most of all a digit's soft edges.
pub(crate) fn grain(differences: &[[f32; 3]], valid: &[bool], ground: &Ground) -> f32 {
    let at_border = ground.border.iter().map(|&pixel| length(&differences[pixel])).collect();
    let anywhere =
        differences.iter().zip(valid).filter(|(_, valid)| **valid).map(|(difference, _)| length(difference));
    quantile(at_border, 0.5).min(MEDIAN_BY_NEAREST * quantile(anywhere.collect(), NEAREST))
}

/// The value that a share of the values does not exceed; 0 of no values.
fn quantile(mut values: Vec<f32>, share: f32) -> f32 {
    match values.len() {
        0 => 0.0,
        count => *values.select_nth_unstable_by((count as f32 * share) as usize, f32::total_cmp).1,
    }
}

/// The length of a difference of colors.
pub(crate) fn length(difference: &[f32; 3]) -> f32 {
    difference.iter().map(|value| value * value).sum::<f32>().sqrt()
}

/// What may be the background of a view, the likeliest first: most often one level, two where the border shows two things. A
/// digit that fills its picture covers some of the border, but seldom a corner.
pub(crate) fn grounds(view: &View) -> Vec<Ground> {
    let edge = view.edge();
    let border: Vec<usize> = (0..edge.len()).filter(|&pixel| edge[pixel]).collect();
    let gray = |pixel: usize| gray(view, pixel);
    let mut counts = [0u32; 256];
    for &pixel in &border {
        counts[gray(pixel) as usize] += 1;
    }
    let threshold = otsu(&counts);
    let is_dark = |pixel: usize| gray(pixel) <= threshold;
    let (dark, light): (Vec<usize>, Vec<usize>) = border.iter().partition(|&&pixel| is_dark(pixel));
    let mean = |pixels: &[usize]| {
        pixels.iter().map(|&pixel| gray(pixel) as f32).sum::<f32>() / pixels.len().max(1) as f32
    };
    let ground = |border: Vec<usize>| Some(Ground { level: median(view, &border)?, border });
    // Light that falls off along the border is one thing: it has all levels between.
    let (low, high) = (mean(&dark), mean(&light));
    let third = (high - low) / 3.0;
    let between =
        border.iter().filter(|&&pixel| (gray(pixel) as f32 - (low + high) / 2.0).abs() < third / 2.0);
    let continuous = between.count() as f32 > BETWEEN * border.len() as f32;
    if high - low < APART || continuous || dark.is_empty() || light.is_empty() {
        return ground(border).into_iter().collect();
    }
    let (width, height) = (view.width(), view.height());
    let corners = [0, width - 1, (height - 1) * width, width * height - 1];
    let corners = corners.into_iter().filter(|&pixel| view.valid[pixel]);
    let dark_corners = corners.map(|pixel| if is_dark(pixel) { 1 } else { -1 }).sum::<i32>();
    let dark_is_first = (dark_corners, dark.len()) > (0, light.len());
    let [first, second] = if dark_is_first { [dark, light] } else { [light, dark] };
    let ambiguous = second.len() as f32 >= LEAST_SHARE * (first.len() + second.len()) as f32;
    [Some(first), ambiguous.then_some(second)].into_iter().flatten().filter_map(ground).collect()
}

fn gray(view: &View, pixel: usize) -> u32 {
    color(view, pixel).iter().map(|&value| u32::from(value)).sum::<u32>() / 3
}

fn color(view: &View, pixel: usize) -> [u8; 3] {
    view.picture.get_pixel((pixel % view.width()) as u32, (pixel / view.width()) as u32).0
}

/// The median of each channel; `None` of no pixels.
fn median(view: &View, pixels: &[usize]) -> Option<Level> {
    let middle = pixels.len() / 2;
    (!pixels.is_empty()).then(|| {
        std::array::from_fn(|channel| {
            let mut values: Vec<u8> = pixels.iter().map(|&pixel| color(view, pixel)[channel]).collect();
            f32::from(*values.select_nth_unstable(middle).1)
        })
    })
}

/// The threshold between two classes of gray levels that differ the most (Otsu, "A threshold selection method from gray-level
/// histograms", 1979): the largest level of the darker one.
fn otsu(counts: &[u32; 256]) -> u32 {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let sum: f64 = (0..).zip(counts).map(|(level, &count)| f64::from(level) * f64::from(count)).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let mut best = (0.0, 0);
    for (level, &count) in (0u32..).zip(counts) {
        below += f64::from(count);
        sum_below += f64::from(level) * f64::from(count);
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let apart = sum_below / below - (sum - sum_below) / above;
            let between = below * above * apart * apart;
            if between > best.0 {
                best = (between, level);
            }
        }
    }
    best.1
}

/// The difference of every pixel from the surface.
fn from_surface(picture: &RgbImage, surface: &Surface) -> Vec<[f32; 3]> {
    let (width, height) = picture.dimensions();
    let columns: Vec<f32> = (0..width).map(|x| place(x, width)).collect();
    let mut differences = Vec::with_capacity(columns.len() * height as usize);
    for (y, row) in picture.rows().enumerate() {
        // Along a row the surface is a quadratic in x alone: a third of the work of all its terms.
        let y = place(y as u32, height);
        let along = surface.map(|[one, x, down, xx, xy, yy]| [one + y * (down + y * yy), x + y * xy, xx]);
        differences.extend(row.zip(&columns).map(|(pixel, &x)| -> [f32; 3] {
            std::array::from_fn(|channel| {
                let [one, linear, square] = along[channel];
                f32::from(pixel[channel]) - (one + x * (linear + x * square))
            })
        }));
    }
    differences
}

/// The middle of a pixel, from -1 at one side of the picture to 1 at the other.
fn place(at: u32, side: u32) -> f32 {
    2.0 * (at as f32 + 0.5) / side as f32 - 1.0
}

/// Coefficients for red, green and blue.
type Surface = [[f32; TERMS]; 3];

fn terms(picture: &RgbImage, x: u32, y: u32) -> [f32; TERMS] {
    let (x, y) = (place(x, picture.width()), place(y, picture.height()));
    [1.0, x, y, x * x, x * y, y * y]
}

fn difference(surface: &Surface, terms: &[f32; TERMS], value: &[f32; 3]) -> [f32; 3] {
    std::array::from_fn(|channel| {
        let background: f32 = surface[channel].iter().zip(terms).map(|(factor, term)| factor * term).sum();
        value[channel] - background
    })
}

fn distance(surface: &Surface, terms: &[f32; TERMS], value: &[f32; 3]) -> f32 {
    length(&difference(surface, terms, value))
}

/// Weighted least squares; `None` where the samples do not determine a surface.
fn fit<'a>(samples: impl Iterator<Item = (&'a ([f32; TERMS], [f32; 3]), f32)>) -> Option<Surface> {
    // The normal equations, with one right side for each color.
    let mut rows = [[0f64; TERMS + 3]; TERMS];
    for ((terms, value), weight) in samples {
        for (row, &left) in rows.iter_mut().zip(terms) {
            for (sum, &right) in row.iter_mut().zip(terms.iter().chain(value)) {
                *sum += f64::from(weight * left * right);
            }
        }
    }
    solve(&mut rows)?;
    Some(std::array::from_fn(|channel| rows.map(|row| row[TERMS + channel] as f32)))
}

/// Gauss and Jordan; the matrix is symmetric and positive, so the diagonal serves as pivots.
fn solve(rows: &mut [[f64; TERMS + 3]; TERMS]) -> Option<()> {
    for pivot in 0..TERMS {
        let factor = rows[pivot][pivot];
        if factor < 1e-9 {
            return None;
        }
        rows[pivot] = rows[pivot].map(|value| value / factor);
        let (cleared, source) = (rows[pivot], pivot);
        for (_, row) in rows.iter_mut().enumerate().filter(|(index, _)| *index != source) {
            let factor = row[pivot];
            for (value, cleared) in row.iter_mut().zip(cleared) {
                *value -= factor * cleared;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    #[test]
    fn rows_of_a_surface_are_the_surface() {
        let picture = RgbImage::from_fn(9, 7, |x, y| Rgb([x as u8 * 20, y as u8 * 30, (x * y) as u8]));
        let surface = [
            [100.0, 5.0, -7.0, 3.0, 2.0, -4.0],
            [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, -1.0, 2.0, -3.0, 4.0, -5.0],
        ];
        let found = from_surface(&picture, &surface);
        for (pixel, found) in (0..).zip(&found) {
            let (x, y) = (pixel % 9, pixel / 9);
            let value = picture.get_pixel(x, y).0.map(f32::from);
            let expected = difference(&surface, &terms(&picture, x, y), &value);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{found} at {x}, {y}, not {expected}");
            }
        }
        assert_eq!(found.len(), 63);
    }
}
