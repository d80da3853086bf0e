//! The learning rate: of a run, and the search for one.

use adder_experiment::lr_find::Suggestions;
use adder_train::config::OptimizerKind;

use crate::chart::{Axis, Panel, Scale, ScaleKind, Shape, rounded, smooth};
use crate::drawing::{Drawing, Figure, Rect};
use adder_train::History;

use crate::record::Record;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 280.0;

/// The learning rate at each step.
pub fn learning_rate(history: &History) -> Figure {
    let points: Vec<_> = history.steps.iter().map(|step| (step.step as f64, step.learning_rate)).collect();
    let highest = points.iter().map(|point| point.1).fold(0.0, f64::max);
    let axis = Axis { scale: Scale::new(ScaleKind::Linear, 0.0, 1.08 * highest), words: "learning rate" };
    over_steps("Learning rate", axis, &points)
}

/// The momentum at each step, or with AdamW the first beta; `None` where the schedule does not move it.
pub fn momentum(record: &Record) -> Option<Figure> {
    let points = record.momenta();
    if points.is_empty() {
        return None;
    }
    let (title, words) = match record.config.optimizer.kind {
        OptimizerKind::Adamw => ("First beta", "first beta"),
        _ => ("Momentum", "momentum"),
    };
    let scale = Scale::around(ScaleKind::Linear, points.iter().map(|point| point.1));
    Some(over_steps(title, Axis { scale, words }, &points))
}

/// The values that a schedule moves, at each step.
fn over_steps(title: &str, axis: Axis, points: &[(f64, f64)]) -> Figure {
    let mut drawing = Drawing::default();
    let last = points.last().map_or(1.0, |point| point.0);
    let description = format!("The {} at each step", axis.words);
    let axes = [Axis { scale: Scale::new(ScaleKind::Linear, 0.0, last), words: "step" }, axis];
    let mut panel = Panel::new(&mut drawing, Rect::new(0.0, 0.0, WIDTH, HEIGHT), title, axes);
    panel.line(2, &corners(points));
    drawing.finish(WIDTH, HEIGHT, description)
}

/// Few of the points, through which a line stays within a thousandth of their range of all of them (Ramer, Douglas and Peucker).
fn corners(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let heights = || points.iter().map(|point| point.1);
    let range = heights().fold(f64::NEG_INFINITY, f64::max) - heights().fold(f64::INFINITY, f64::min);
    let mut kept: Vec<_> = points.first().copied().into_iter().collect();
    keep_corners(points, 1e-3 * range, &mut kept);
    kept
}

/// Adds the corners behind the first point, the last point among them.
fn keep_corners(points: &[(f64, f64)], slack: f64, kept: &mut Vec<(f64, f64)>) {
    let [first, .., last] = points else { return };
    let slope = (last.1 - first.1) / (last.0 - first.0);
    let distance = |point: &(f64, f64)| (first.1 + slope * (point.0 - first.0) - point.1).abs();
    let inner = 1..points.len() - 1;
    let farthest = inner.max_by(|&a, &b| distance(&points[a]).total_cmp(&distance(&points[b])));
    match farthest {
        Some(place) if distance(&points[place]) > slack => {
            keep_corners(&points[..=place], slack, kept);
            keep_corners(&points[place..], slack, kept);
        }
        _ => kept.push(*last),
    }
}

/// The search for a learning rate: the loss at each rate tried, and the rates that are suggested.
pub fn learning_rate_search(losses: &[(f64, f64)], suggestions: &Suggestions) -> Figure {
    let mut drawing = Drawing::default();
    let smoothed = smooth(losses);
    let lowest = smoothed.line.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    // Where the loss explodes, its height says nothing more.
    let first = smoothed.line.first().map_or(1.0, |point| point.1);
    let ends = losses.iter().map(|point| point.0);
    let (from, to) =
        ends.fold((f64::INFINITY, 0.0), |(low, high), rate| (f64::min(low, rate), f64::max(high, rate)));
    let axes = [
        Axis { scale: Scale::new(ScaleKind::Logarithmic, from, to), words: "learning rate" },
        Axis { scale: Scale::new(ScaleKind::Linear, 0.9 * lowest, 1.3 * first), words: "loss (nats)" },
    ];
    let mut panel = Panel::new(&mut drawing, Rect::new(0.0, 0.0, WIDTH, HEIGHT), "Range test", axes);
    panel.line(6, losses);
    panel.line(0, &smoothed.line);
    // Named above the chart: beside the marks, two names would meet where the rates are close.
    let named = [(1, "valley", suggestions.valley), (2, "steepest", suggestions.steepest)];
    let marked: Vec<(usize, f64, String)> = named
        .into_iter()
        .filter_map(|(series, name, rate)| Some((series, rate?, format!("{name} {}", rounded(rate?)))))
        .collect();
    for (series, rate, words) in &marked {
        panel.guide((*rate, 0.0), (*rate, 2.0 * first));
        panel.mark(*series, Shape::of(*series), (*rate, height_at(&smoothed.line, *rate)), words);
    }
    let legend: Vec<_> =
        marked.iter().map(|(series, _, words)| (*series, Shape::of(*series), words.as_str())).collect();
    panel.legend(&legend);
    drawing.finish(WIDTH, HEIGHT, "The loss at each learning rate of a search")
}

/// The height of a line over the logarithm of rates at one of them.
fn height_at(line: &[(f64, f64)], rate: f64) -> f64 {
    let place = line.partition_point(|point| point.0 < rate).clamp(1, line.len().max(2) - 1);
    let (Some(before), Some(after)) = (line.get(place - 1), line.get(place)) else {
        return line.first().map_or(0.0, |point| point.1);
    };
    let along = ((rate / before.0).ln() / (after.0 / before.0).ln()).clamp(0.0, 1.0);
    before.1 + along * (after.1 - before.1)
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
        assert_eq!(corners(&[(1.0, 3.0)]), [(1.0, 3.0)]);
    }

    #[test]
    fn marks_stand_on_the_line() {
        let line = [(0.01, 5.0), (0.1, 3.0), (1.0, 4.0)];
        let heights = [0.001, 0.01, 10f64.powf(-1.5), 0.1, 10f64.powf(-0.5), 1.0, 7.0];
        for (rate, expected) in heights.into_iter().zip([5.0, 5.0, 4.0, 3.0, 3.5, 4.0, 4.0]) {
            let found = height_at(&line, rate);
            assert!((found - expected).abs() < 1e-9, "{found} at {rate}, not {expected}");
        }
        assert_eq!(height_at(&line[..1], 0.5), 5.0);
    }

    #[test]
    fn a_long_curve_stays_a_curve() {
        let height = |step: f64| (step / 5000.0 * std::f64::consts::PI).cos();
        let points: Vec<_> = (0..=5000).map(|step| (f64::from(step), height(f64::from(step)))).collect();
        let corners = corners(&points);
        assert!(corners.len() < 100, "{} corners", corners.len());
        for pair in corners.windows(2) {
            let middle = ((pair[0].0 + pair[1].0) / 2.0, (pair[0].1 + pair[1].1) / 2.0);
            assert!((height(middle.0) - middle.1).abs() < 2.5e-3, "{middle:?}");
        }
    }
}
