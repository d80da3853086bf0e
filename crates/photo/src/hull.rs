//! The convex hull of points, and how much of it a quadrilateral takes: a sheet of paper seen aslant is one, a disc is none.

/// Across and down.
pub(crate) type Point = [f32; 2];

/// The corners of the convex hull, in order around it (A. M. Andrew, 1979: a lower and an upper chain of the sorted points).
pub(crate) fn convex_hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|one, other| one[0].total_cmp(&other[0]).then(one[1].total_cmp(&other[1])));
    points.dedup();
    let chain = |points: &mut dyn Iterator<Item = Point>| {
        let mut chain: Vec<Point> = Vec::new();
        for point in points {
            while let [.., before, last] = chain[..]
                && cross(before, last, point) <= 0.0
            {
                chain.pop();
            }
            chain.push(point);
        }
        // The last one is the first of the other chain.
        chain.pop();
        chain
    };
    let mut hull = chain(&mut points.iter().copied());
    hull.extend(chain(&mut points.iter().rev().copied()));
    hull
}

/// The area of a polygon whose corners stand in order.
pub(crate) fn area(corners: &[Point]) -> f32 {
    let Some((&first, rest)) = corners.split_first() else { return 0.0 };
    rest.windows(2).map(|pair| cross(first, pair[0], pair[1])).sum::<f32>().abs() / 2.0
}

/// The area of the largest quadrilateral whose corners are among those of a convex polygon. On either side of a diagonal the areas of the
/// triangles rise and then fall, so that the best ones only move on as the diagonal turns.
pub(crate) fn largest_quadrilateral(hull: &[Point]) -> f32 {
    let count = hull.len();
    let at = |index: usize| hull[index % count];
    let mut largest = 0.0_f32;
    for first in 0..count {
        let [mut one, mut other] = [first + 1, first + 2];
        for across in first + 2..first + count {
            let triangle = |corner: usize| cross(at(first), at(across), at(corner)).abs();
            while one + 1 < across && triangle(one + 1) >= triangle(one) {
                one += 1;
            }
            other = other.max(across + 1);
            while other + 1 < first + count && triangle(other + 1) >= triangle(other) {
                other += 1;
            }
            let beyond = if other < first + count { triangle(other) } else { 0.0 };
            largest = largest.max((triangle(one) + beyond) / 2.0);
        }
    }
    largest
}

/// Twice the area of a triangle, with the sign of the way around it.
fn cross([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point) -> f32 {
    (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of its hull that the largest quadrilateral of some points takes.
    fn share(points: Vec<Point>) -> f32 {
        let hull = convex_hull(points);
        largest_quadrilateral(&hull) / area(&hull)
    }

    #[test]
    fn a_hull_goes_around_all_points() {
        let square = vec![[0.0, 0.0], [2.0, 2.0], [1.0, 1.0], [2.0, 0.0], [1.0, 0.0], [0.0, 2.0], [0.0, 0.0]];
        let hull = convex_hull(square);
        assert_eq!(hull, [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]);
        assert_eq!((area(&hull), largest_quadrilateral(&hull)), (4.0, 4.0));
        for few in [vec![], vec![[1.0, 1.0]], vec![[1.0, 1.0], [2.0, 2.0]]] {
            let hull = convex_hull(few);
            assert_eq!((area(&hull), largest_quadrilateral(&hull)), (0.0, 0.0));
        }
    }

    #[test]
    fn the_largest_quadrilateral_is_that_of_all_choices() {
        // Points on an ellipse that are not evenly apart.
        let points: Vec<Point> = (0..17)
            .map(|step| {
                let angle = 0.37 * step as f32 + 0.2 * (step % 3) as f32;
                [300.0 * angle.cos(), 100.0 * angle.sin()]
            })
            .collect();
        let hull = convex_hull(points);
        let count = hull.len();
        let mut largest = 0.0_f32;
        for a in 0..count {
            for b in a + 1..count {
                for c in b + 1..count {
                    for d in c + 1..count {
                        largest = largest.max(area(&[hull[a], hull[b], hull[c], hull[d]]));
                    }
                }
            }
        }
        assert!((largest_quadrilateral(&hull) - largest).abs() < 1e-3 * largest);
    }

    #[test]
    fn a_sheet_seen_aslant_is_a_quadrilateral_and_a_disc_is_none() {
        let rounded = |corners: [Point; 4]| {
            let circle = |[x, y]: Point| {
                (0..12).map(move |step| {
                    let (sine, cosine) = (step as f32 * std::f32::consts::FRAC_PI_6).sin_cos();
                    [x + 2.0 * cosine, y + 2.0 * sine]
                })
            };
            corners.into_iter().flat_map(circle).collect::<Vec<_>>()
        };
        assert!(share(rounded([[30.0, 0.0], [100.0, 5.0], [140.0, 120.0], [0.0, 110.0]])) > 0.95);
        // The largest one in an ellipse takes 2 / pi of it.
        let ellipse = (0..60).map(|step| {
            let (sine, cosine) = (step as f32 * 0.104_72).sin_cos();
            [50.0 * cosine, 90.0 * sine]
        });
        assert!((share(ellipse.collect()) - std::f32::consts::FRAC_2_PI).abs() < 0.01);
    }
}
