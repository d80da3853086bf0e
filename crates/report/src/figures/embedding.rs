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
///
/// The components of the points are eigenvectors of the matrix of the points' products with one another, `G / count`, of which a
/// few steps of Lanczos' method find the largest: neither `G` nor a matrix of `width * width` is ever made.
fn plane(points: &[f32], width: usize) -> (Vec<(f64, f64)>, [f64; 2]) {
    let cloud = Cloud::new(points, width);
    let (basis, mut matrix) = cloud.projected();
    let components = [(); 2].map(|()| {
        let (parts, variance) = widest(&matrix);
        deflate(&mut matrix, &parts, variance);
        let mut component = vec![0.0; cloud.count];
        basis.iter().zip(&parts).for_each(|(vector, part)| add(&mut component, *part, vector));
        // The largest entry of the direction is positive, so that equal points make equal figures.
        let direction = cloud.direction(&component);
        let largest =
            direction.into_iter().fold(0.0f64, |most, x| if x.abs() > most.abs() { x } else { most });
        let length = (variance * cloud.count as f64).sqrt().copysign(largest);
        component.iter_mut().for_each(|x| *x *= length);
        (component, variance)
    });
    let places = components[0].0.iter().copied().zip(components[1].0.iter().copied()).collect();
    let share = |variance: f64| if cloud.variance > 0.0 { variance / cloud.variance } else { 0.0 };
    (places, components.each_ref().map(|(_, variance)| share(*variance)))
}

/// Points around their mean.
struct Cloud<'a> {
    points: &'a [f32],
    count: usize,
    mean: Vec<f64>,
    /// That of all directions together.
    variance: f64,
}

impl<'a> Cloud<'a> {
    fn new(points: &'a [f32], width: usize) -> Self {
        let count = points.len() / width;
        let mut mean = vec![0.0; width];
        for row in points.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        mean.iter_mut().for_each(|sum| *sum /= count as f64);
        let mut cloud = Self { points, count, mean, variance: 0.0 };
        let squares = cloud.rows().map(|row| cloud.centered(row).map(|x| x * x).sum::<f64>());
        cloud.variance = squares.sum::<f64>() / count.max(1) as f64;
        cloud
    }

    fn rows(&self) -> impl Iterator<Item = &'a [f32]> {
        self.points.chunks_exact(self.mean.len())
    }

    fn centered(&self, row: &[f32]) -> impl Iterator<Item = f64> {
        row.iter().zip(&self.mean).map(|(&x, mean)| f64::from(x) - mean)
    }

    /// The points, each as often as `parts` says, added up.
    fn direction(&self, parts: &[f64]) -> Vec<f64> {
        let mut direction = vec![0.0; self.mean.len()];
        for (row, part) in self.rows().zip(parts) {
            direction.iter_mut().zip(self.centered(row)).for_each(|(sum, x)| *sum += part * x);
        }
        direction
    }

    /// `G / count` times a vector.
    fn image(&self, vector: &[f64]) -> Vec<f64> {
        let direction = self.direction(vector);
        let along = |row| self.centered(row).zip(&direction).map(|(x, a)| x * a).sum::<f64>();
        self.rows().map(|row| along(row) / self.count as f64).collect()
    }

    /// Orthonormal vectors whose span holds the widest components, and `G / count` in their coordinates.
    fn projected(&self) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        const STEPS: usize = 40;
        const NOTHING: f64 = 1e-12;
        let (mut basis, mut images) = (Vec::<Vec<f64>>::new(), Vec::<Vec<f64>>::new());
        let mut missing = self.variance;
        while basis.len() < STEPS.min(self.count) && missing > NOTHING * self.variance {
            let step = basis.len() as f64;
            // No vector that symmetric points could be at right angles to.
            let fresh = || (0..self.count).map(|at| 1.0 + (at as f64 * (step + 0.7)).sin()).collect();
            let next = images.last().and_then(|image| apart(image.clone(), &basis));
            let Some(vector) = next.or_else(|| apart(fresh(), &basis)) else { break };
            let image = self.image(&vector);
            missing -= product(&vector, &image);
            basis.push(vector);
            images.push(image);
        }
        let matrix = basis.iter().map(|row| images.iter().map(|image| product(row, image)).collect());
        let matrix = matrix.collect();
        (basis, matrix)
    }
}

/// What of a vector is at right angles to all of a basis, of length 1; nothing where that is rounding alone.
fn apart(mut vector: Vec<f64>, basis: &[Vec<f64>]) -> Option<Vec<f64>> {
    let before = product(&vector, &vector).sqrt();
    // Once more, for what rounding left.
    for known in basis.iter().chain(basis) {
        let part = product(&vector, known);
        add(&mut vector, -part, known);
    }
    let length = product(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    (length > 1e-10 * before).then_some(vector)
}

fn product(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

fn add(sum: &mut [f64], factor: f64, vector: &[f64]) {
    sum.iter_mut().zip(vector).for_each(|(sum, x)| *sum += factor * x);
}

/// The eigenvector with the largest eigenvalue, and that, by power iteration.
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

    /// Points in two directions of other variances.
    fn flat_cloud(count: usize) -> Vec<[f32; 2]> {
        let mut stream = adder_random::Stream::new(3, adder_random::Purpose::Test, 0, 0);
        (0..count).map(|_| [stream.uniform(-5.0, 5.0), stream.uniform(-2.0, 2.0)]).collect()
    }

    /// The same places, each component up to its sign.
    #[track_caller]
    fn same(found: &[(f64, f64)], expected: &[(f64, f64)], within: f64) {
        assert_eq!(found.len(), expected.len());
        for component in [|place: &(f64, f64)| place.0, |place: &(f64, f64)| place.1] {
            let apart = |sign: f64| {
                let pairs = found.iter().map(component).zip(expected.iter().map(component));
                pairs.map(|(found, expected)| (found - sign * expected).abs()).fold(0.0, f64::max)
            };
            assert!(apart(1.0).min(apart(-1.0)) < within, "{} {}", apart(1.0), apart(-1.0));
        }
    }

    #[test]
    fn two_directions_are_found_among_tens_of_thousands() {
        const WIDTH: usize = 20_000;
        let cloud = flat_cloud(800);
        let small: Vec<f32> =
            cloud.iter().flat_map(|[u, v]| [0.6 * u + 0.8 * v, 0.8 * u - 0.6 * v]).collect();
        // Two directions at right angles, each in every feature, far from the origin.
        let scale = (1.0 / WIDTH as f32).sqrt();
        let sign = |at: usize| if at.is_multiple_of(2) { scale } else { -scale };
        let wide: Vec<f32> = cloud
            .iter()
            .flat_map(|[u, v]| (0..WIDTH).map(move |at| scale * u + sign(at) * v + 0.5))
            .collect();
        let (expected, expected_shares) = plane(&small, 2);
        let (found, shares) = plane(&wide, WIDTH);
        same(&found, &expected, 1e-4);
        assert!((shares[0] - expected_shares[0]).abs() < 1e-6 && (shares[0] + shares[1] - 1.0).abs() < 1e-6);
    }

    #[test]
    fn directions_are_the_covariances_eigenvectors() {
        for width in [3, 40, 300] {
            let mut stream = adder_random::Stream::new(4, adder_random::Purpose::Test, 0, 0);
            let points: Vec<f32> = flat_cloud(60)
                .iter()
                .flat_map(|[u, v]| [4.0 * u + 1.0, 4.0 * v].into_iter().chain(vec![0.0; width - 2]))
                .map(|x| x + stream.uniform(-0.3, 0.3))
                .collect();
            let cloud = Cloud::new(&points, width);
            let mut covariance = vec![vec![0.0; width]; width];
            for row in cloud.rows() {
                let row: Vec<f64> = cloud.centered(row).collect();
                row.iter().zip(&mut covariance).for_each(|(x, line)| add(line, x / 60.0, &row));
            }
            let mut expected = [(); 2].map(|()| {
                let (axis, variance) = widest(&covariance);
                deflate(&mut covariance, &axis, variance);
                let along = |row| cloud.centered(row).zip(&axis).map(|(x, a)| x * a).sum::<f64>();
                (cloud.rows().map(along).collect::<Vec<_>>(), variance / cloud.variance)
            });
            let (places, shares) = plane(&points, width);
            let [first, second] = expected.each_mut().map(|(places, _)| std::mem::take(places));
            same(&places, &first.into_iter().zip(second).collect::<Vec<_>>(), 1e-6);
            assert!(shares.iter().zip(&expected).all(|(found, expected)| (found - expected.1).abs() < 1e-9));
        }
    }

    #[test]
    fn two_directions_of_one_variance_are_two() {
        let (places, shares) = plane(&[1.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, -1.0], 2);
        assert!(shares.iter().all(|share| (share - 0.5).abs() < 1e-9), "{shares:?}");
        assert!(places.iter().all(|place| (place.0.hypot(place.1) - 1.0).abs() < 1e-9), "{places:?}");
    }
}
