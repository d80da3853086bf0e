//! How loss and accuracy went: the notebook's four charts.

use adder_model::{HeadMetrics, Metrics};

use crate::History;
use crate::chart::{Axis, Panel, Scale, Shape, Spread, smooth};
use crate::drawing::{Drawing, Figure, Rect};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;

/// What is drawn of each validation.
const HEADS: [(&str, fn(&Metrics) -> HeadMetrics); 3] =
    [("digit", |metrics| metrics.digit), ("sum", |metrics| metrics.sum), ("both", |metrics| metrics.both)];

/// Training loss and accuracy of both heads at each step (the range of the values, and their moving average); validation loss and
/// accuracy after each epoch for the digit, the sum and both.
pub fn training_curves(history: &History) -> Figure {
    let mut drawing = Drawing::default();
    let place = |column: usize, row: usize| {
        Rect::new(column as f64 * WIDTH / 2.0, row as f64 * HEIGHT / 2.0, WIDTH / 2.0, HEIGHT / 2.0)
    };
    let losses: Vec<_> = history.steps.iter().map(|step| (step.step as f64, step.loss)).collect();
    let accuracies: Vec<_> = history.steps.iter().map(|step| (step.step as f64, step.accuracy)).collect();
    steps(
        &mut drawing,
        place(0, 0),
        "Training loss, both heads",
        "loss (nats)",
        Spread::Logarithmic,
        &losses,
    );
    steps(
        &mut drawing,
        place(1, 0),
        "Training accuracy, both right",
        "accuracy (%)",
        Spread::Missing,
        &accuracies,
    );
    validation(&mut drawing, place(0, 1), "Validation loss", "loss (nats)", history, |head| head.loss);
    validation(&mut drawing, place(1, 1), "Validation accuracy", "accuracy (%)", history, |head| {
        head.accuracy
    });
    drawing.finish(
        WIDTH,
        HEIGHT,
        "Loss and accuracy in training at each step and in validation after each epoch",
    )
}

fn steps(
    drawing: &mut Drawing,
    place: Rect,
    title: &str,
    unit: &'static str,
    spread: Spread,
    points: &[(f64, f64)],
) {
    let smoothed = smooth(points);
    let ends = smoothed.band.iter().flat_map(|piece| [piece.low, piece.high]);
    // A single lucky batch must not stretch the axis.
    let middle = smoothed.line.iter().map(|&(_, y)| y);
    let y = match spread {
        Spread::Missing => Scale::around(spread, middle),
        _ => Scale::around(spread, ends.chain(middle)),
    };
    let x = Scale::new(Spread::Linear, 0.0, points.last().map_or(1.0, |point| point.0));
    let axes = [Axis { scale: x, words: "step" }, Axis { scale: y, words: unit }];
    let mut panel = Panel::new(drawing, place, title, axes);
    panel.band(0, &smoothed.band);
    panel.line(0, &smoothed.line);
}

fn validation(
    drawing: &mut Drawing,
    place: Rect,
    title: &str,
    unit: &'static str,
    history: &History,
    value: fn(HeadMetrics) -> f64,
) {
    let series = HEADS.map(|(name, head)| {
        let points: Vec<_> =
            history.epochs.iter().map(|epoch| (epoch.epoch as f64, value(head(&epoch.validation)))).collect();
        (name, points)
    });
    let values = series.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let x = Scale::new(Spread::Linear, 0.0, history.epochs.last().map_or(1.0, |epoch| epoch.epoch as f64));
    let y = match unit {
        "accuracy (%)" => Scale::around(Spread::Missing, values),
        _ => Scale::around(Spread::Logarithmic, values),
    };
    let axes = [Axis { scale: x, words: "epoch" }, Axis { scale: y, words: unit }];
    let mut panel = Panel::new(drawing, place, title, axes);
    for (number, (name, points)) in series.iter().enumerate() {
        panel.line(number, points);
        for &(epoch, y) in points {
            panel.mark(number, Shape::of(number), (epoch, y), &format!("{name}, epoch {epoch}: {y:.4}"));
        }
    }
    panel.legend(&[0, 1, 2].map(|number| (number, Shape::of(number), HEADS[number].0)));
}
