//! The embeddings of images in two dimensions: those in which the cloud of points is widest.

use crate::chart::{Axis, Panel, Scale, ScaleKind};
use crate::drawing::style::COLORS;
use crate::drawing::{Drawing, Figure, Rect};

/// Embeddings, `[count * width]` row by row, in the plane of their two principal components, each drawn as the digit in its image.
pub fn embedding(embeddings: &[f32], width: usize, digits: &[u8]) -> Figure {
    let mut drawing = Drawing::default();
    let side = (700.0, 520.0);
    let (places, shares) = plane(embeddings, width.max(1));
    let axes = [
        Axis {
            scale: Scale::around(ScaleKind::Linear, places.iter().map(|place| place.0)),
            words: "first component",
        },
        Axis {
            scale: Scale::around(ScaleKind::Linear, places.iter().map(|place| place.1)),
            words: "second component",
        },
    ];
    let title = format!(
        "Embeddings: two components with {:.0} and {:.0} % of the variance",
        100.0 * shares[0],
        100.0 * shares[1]
    );
    let mut panel = Panel::new(&mut drawing, Rect::new(0.0, 0.0, side.0, side.1), &title, axes);
    for (&place, &digit) in places.iter().zip(digits) {
        // The digit itself tells the groups apart where colors repeat.
        let class = format!("fill-{}", usize::from(digit) % COLORS);
        panel.glyph(&class, place, &digit.to_string());
    }
    for digit in 0..10 {
        let group: Vec<_> =
            places.iter().zip(digits).filter(|pair| *pair.1 == digit).map(|pair| *pair.0).collect();
        if group.is_empty() {
            continue;
        }
        let mean = |value: fn(&(f64, f64)) -> f64| group.iter().map(value).sum::<f64>() / group.len() as f64;
        panel.badge((mean(|place| place.0), mean(|place| place.1)), &digit.to_string());
    }
    drawing.finish(side.0, side.1, "Embeddings of images in the plane of their two principal components")
}

/// The points, `[count * width]` row by row, in the plane of their two widest directions, and the share of the variance that each
/// direction has, from 0 to 1.
fn plane(points: &[f32], width: usize) -> (Vec<(f64, f64)>, [f64; 2]) {
    let rows: Vec<Vec<f64>> =
        points.chunks_exact(width).map(|row| row.iter().map(|&x| x.into()).collect()).collect();
    let count = rows.len().max(1) as f64;
    let mean: Vec<f64> = (0..width).map(|at| rows.iter().map(|row| row[at]).sum::<f64>() / count).collect();
    let centered: Vec<Vec<f64>> =
        rows.iter().map(|row| row.iter().zip(&mean).map(|(x, mean)| x - mean).collect()).collect();
    let mut covariance = vec![vec![0.0; width]; width];
    for row in &centered {
        for (from, line) in row.iter().zip(&mut covariance) {
            for (to, cell) in row.iter().zip(line) {
                *cell += from * to / count;
            }
        }
    }
    let total: f64 = (0..width).map(|at| covariance[at][at]).sum();
    let axes = [(); 2].map(|()| {
        let (axis, variance) = widest(&covariance);
        deflate(&mut covariance, &axis, variance);
        (axis, variance)
    });
    let along = |row: &[f64], axis: &[f64]| row.iter().zip(axis).map(|(x, a)| x * a).sum::<f64>();
    let places = centered.iter().map(|row| (along(row, &axes[0].0), along(row, &axes[1].0))).collect();
    (places, axes.map(|(_, variance)| if total > 0.0 { variance / total } else { 0.0 }))
}

/// The eigenvector with the largest eigenvalue, and that, by power iteration. Its largest entry is positive, so that equal points
/// make equal figures.
fn widest(matrix: &[Vec<f64>]) -> (Vec<f64>, f64) {
    const ITERATIONS: usize = 300;
    // No direction that symmetric points could be at right angles to.
    let mut axis: Vec<f64> = (0..matrix.len()).map(|at| 1.0 + (at as f64 * 0.7).sin()).collect();
    let mut variance = 0.0;
    for _ in 0..ITERATIONS {
        let next: Vec<f64> =
            matrix.iter().map(|row| row.iter().zip(&axis).map(|(a, b)| a * b).sum()).collect();
        variance = next.iter().map(|x| x * x).sum::<f64>().sqrt();
        if variance <= f64::MIN_POSITIVE {
            break;
        }
        axis = next.iter().map(|x| x / variance).collect();
    }
    let largest =
        axis.iter().copied().fold(0.0f64, |largest, x| if x.abs() > largest.abs() { x } else { largest });
    if largest < 0.0 {
        axis.iter_mut().for_each(|x| *x = -*x);
    }
    (axis, variance)
}

fn deflate(matrix: &mut [Vec<f64>], axis: &[f64], variance: f64) {
    for (row, a) in matrix.iter_mut().zip(axis) {
        for (cell, b) in row.iter_mut().zip(axis) {
            *cell -= variance * a * b;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_directions_are_found() {
        // Wide along (3, 4) / 5, narrow along (4, -3) / 5, nothing along the third axis.
        let points: Vec<f32> = [(10.0, 0.0), (-10.0, 0.0), (0.0, 2.0), (0.0, -2.0)]
            .into_iter()
            .flat_map(|(u, v): (f32, f32)| [0.6 * u + 0.8 * v + 1.0, 0.8 * u - 0.6 * v - 7.0, 3.0])
            .collect();
        let (places, shares) = plane(&points, 3);
        let expected = [(10.0, 0.0), (-10.0, 0.0), (0.0, 2.0), (0.0, -2.0)];
        for (found, expected) in places.iter().zip(expected) {
            assert!(
                (found.0 - expected.0).abs() < 1e-4 && (found.1.abs() - f64::abs(expected.1)).abs() < 1e-4,
                "{places:?}"
            );
        }
        assert!(
            (shares[0] - 200.0 / 208.0).abs() < 1e-6 && (shares[1] - 8.0 / 208.0).abs() < 1e-6,
            "{shares:?}"
        );
    }

    #[test]
    fn points_in_one_place_have_no_direction() {
        let (places, shares) = plane(&[2.0; 12], 4);
        assert_eq!((places.len(), shares), (3, [0.0, 0.0]));
        assert!(places.iter().all(|place| place.0.abs() < 1e-9));
    }
}
