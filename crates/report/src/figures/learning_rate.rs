//! The learning rate: of a run, and the search for one.

use crate::History;
use crate::chart::{Axis, Panel, Scale, Shape, Spread, plain, smooth};
use crate::drawing::{Anchor, Drawing, Figure, Rect};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 280.0;

/// The learning rate at each step.
pub fn learning_rate(history: &History) -> Figure {
    let mut drawing = Drawing::default();
    let points: Vec<_> = history.steps.iter().map(|step| (step.step as f64, step.learning_rate)).collect();
    let highest = points.iter().map(|point| point.1).fold(0.0, f64::max);
    let axes = [
        Axis {
            scale: Scale::new(Spread::Linear, 0.0, points.last().map_or(1.0, |point| point.0)),
            words: "step",
        },
        Axis { scale: Scale::new(Spread::Linear, 0.0, 1.08 * highest), words: "learning rate" },
    ];
    let mut panel = Panel::new(&mut drawing, Rect::new(0.0, 0.0, WIDTH, HEIGHT), "Learning rate", axes);
    panel.line(2, &corners(&points));
    drawing.finish(WIDTH, HEIGHT, "The learning rate at each step")
}

/// The points at which a line of constant steps turns: of a constant rate, its two ends.
fn corners(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (place, &point) in points.iter().enumerate() {
        let straight = match (kept.last(), points.get(place + 1)) {
            (Some(before), Some(after)) => {
                let along = (point.0 - before.0) / (after.0 - before.0);
                (before.1 + along * (after.1 - before.1) - point.1).abs() <= 1e-3 * point.1.abs()
            }
            _ => false,
        };
        if !straight {
            kept.push(point);
        }
    }
    kept
}

/// The search for a learning rate: the loss at each rate tried, and the rate that is suggested.
pub fn learning_rate_search(losses: &[(f64, f64)], suggestion: Option<f64>) -> Figure {
    let mut drawing = Drawing::default();
    let smoothed = smooth(losses);
    let lowest = smoothed.line.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    // Where the loss explodes, its height says nothing more.
    let first = smoothed.line.first().map_or(1.0, |point| point.1);
    let ends = losses.iter().map(|point| point.0);
    let (from, to) =
        ends.fold((f64::INFINITY, 0.0), |(low, high), rate| (f64::min(low, rate), f64::max(high, rate)));
    let axes = [
        Axis { scale: Scale::new(Spread::Logarithmic, from, to), words: "learning rate" },
        Axis { scale: Scale::new(Spread::Linear, 0.9 * lowest, 1.3 * first), words: "loss (nats)" },
    ];
    let title = "Loss while the learning rate grows";
    let mut panel = Panel::new(&mut drawing, Rect::new(0.0, 0.0, WIDTH, HEIGHT), title, axes);
    panel.line(6, losses);
    panel.line(0, &smoothed.line);
    if let Some(rate) = suggestion {
        panel.guide((rate, 0.0), (rate, 2.0 * first));
        // Towards the middle of the chart, where the loss does not explode.
        let (anchor, nudge) = if rate * rate > from * to { (Anchor::End, 0.9) } else { (Anchor::Start, 1.1) };
        panel.note("bold", (rate * nudge, 1.2 * first), anchor, &format!("suggested: {}", plain(rate)));
        let at = smoothed.line.iter().find(|point| point.0 >= rate).map_or(first, |point| point.1);
        panel.mark(1, Shape::Circle, (rate, at), &format!("suggested: {rate}"));
    }
    drawing.finish(WIDTH, HEIGHT, "The loss at each learning rate of a search")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_straight_line_is_its_corners() {
        let flat: Vec<_> = (1..=100).map(|step| (f64::from(step), 0.01)).collect();
        assert_eq!(corners(&flat), [(1.0, 0.01), (100.0, 0.01)]);
        let bent: Vec<_> =
            (0..=10i32).map(|step| (f64::from(step), f64::from(10 - (step - 5).abs()))).collect();
        assert_eq!(corners(&bent), [(0.0, 5.0), (5.0, 10.0), (10.0, 5.0)]);
        assert_eq!(corners(&[]), []);
    }
}
