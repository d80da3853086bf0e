//! The background behind the digit: a smooth surface for each color, fitted to what most pixels show.

use image::RgbImage;

/// Terms of a quadratic in two variables.
const TERMS: usize = 6;
/// Pixels that the fit looks at: more of them move it less than one gray level.
const SAMPLES: u32 = 8192;
const ROUNDS: usize = 8;

/// The difference of each pixel from the background, red, green and blue, row by row, in gray levels.
///
/// The background is a quadratic surface, fitted again and again with weights that fall with the distance from it
/// (Cauchy's): the foreground, being the minority, soon counts for nothing, and a lamp on one side of the page does not look like it.
pub(crate) fn differences(picture: &RgbImage) -> Vec<[f32; 3]> {
    let mut surface = start(picture);
    let step = ((picture.width() * picture.height() / SAMPLES) as f32).sqrt().max(1.0) as usize;
    let grid = |from: u32| (0..from).step_by(step);
    let samples: Vec<([f32; TERMS], [f32; 3])> = grid(picture.height())
        .flat_map(|y| grid(picture.width()).map(move |x| (x, y)))
        .map(|(x, y)| (terms(picture, x, y), picture.get_pixel(x, y).0.map(f32::from)))
        .collect();
    for _ in 0..ROUNDS {
        let distances: Vec<f32> =
            samples.iter().map(|(terms, value)| distance(&surface, terms, value)).collect();
        let mut sorted = distances.clone();
        let (_, &mut median, _) = sorted.select_nth_unstable_by(distances.len() / 2, f32::total_cmp);
        let scale = median + 2.0;
        let weights = distances.iter().map(|distance| 1.0 / (1.0 + (distance / scale).powi(2)).powi(2));
        match fit(samples.iter().zip(weights)) {
            Some(better) => surface = better,
            None => break,
        }
    }
    from_surface(picture, &surface)
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

/// The median of the border: a digit seldom fills it.
fn start(picture: &RgbImage) -> Surface {
    let (width, height) = picture.dimensions();
    let rows = (0..width).flat_map(|x| [(x, 0), (x, height - 1)]);
    let border: Vec<_> = rows.chain((0..height).flat_map(|y| [(0, y), (width - 1, y)])).collect();
    std::array::from_fn(|channel| {
        let mut values: Vec<u8> = border.iter().map(|&(x, y)| picture.get_pixel(x, y)[channel]).collect();
        let middle = values.len() / 2;
        let (_, &mut median, _) = values.select_nth_unstable(middle);
        [f32::from(median), 0.0, 0.0, 0.0, 0.0, 0.0]
    })
}

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
    difference(surface, terms, value).iter().map(|value| value * value).sum::<f32>().sqrt()
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
