//! The course of loss and accuracy: the notebook's four charts, and training against validation.

use adder_model::{HeadMetrics, Metrics};
use adder_train::History;
use adder_train::events::EpochEvent;

use crate::chart::{Axis, Panel, Scale, ScaleKind, Shape, smooth};
use crate::drawing::{Anchor, Drawing, Figure, Rect};

/// The size of one chart.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 280.0;

/// A head by its name.
type Head = (&'static str, fn(&Metrics) -> HeadMetrics);

/// The value that is drawn of each validation.
const HEADS: [Head; 3] =
    [("digit", |metrics| metrics.digit), ("sum", |metrics| metrics.sum), ("both", |metrics| metrics.both)];

/// Training loss and accuracy of both heads at each step (the range of the values, and their moving average); validation loss and
/// accuracy after each epoch for the digit, the sum and both.
pub fn training_curves(history: &History) -> Figure {
    let mut drawing = Drawing::default();
    for (number, chart) in CHARTS.into_iter().enumerate() {
        let (column, row) = ((number % 2) as f64, (number / 2) as f64);
        (chart.draw)(&mut drawing, Rect::new(column * WIDTH, row * HEIGHT, WIDTH, HEIGHT), history);
    }
    let description = "Loss and accuracy in training at each step and in validation after each epoch";
    drawing.finish(2.0 * WIDTH, 2.0 * HEIGHT, description)
}

/// The charts of [`training_curves`] each by itself, for a page that may be narrow.
pub fn curve_charts(history: &History) -> Vec<(&'static str, Figure)> {
    let alone = |chart: Chart| {
        let mut drawing = Drawing::default();
        (chart.draw)(&mut drawing, Rect::new(0.0, 0.0, WIDTH, HEIGHT), history);
        (chart.name, drawing.finish(WIDTH, HEIGHT, chart.description))
    };
    CHARTS.map(alone).into()
}

/// One of the four.
struct Chart {
    name: &'static str,
    description: &'static str,
    draw: fn(&mut Drawing, Rect, &History),
}

const CHARTS: [Chart; 4] = [
    Chart {
        name: "training-loss",
        description: "Training loss of both heads at each step",
        draw: |drawing, place, history| {
            let points: Vec<_> = history.steps.iter().map(|step| (step.step as f64, step.loss)).collect();
            steps(drawing, place, "Training loss, both heads", LOSS, &points);
        },
    },
    Chart {
        name: "training-accuracy",
        description: "Training accuracy of both heads at each step",
        draw: |drawing, place, history| {
            let points: Vec<_> = history.steps.iter().map(|step| (step.step as f64, step.accuracy)).collect();
            steps(drawing, place, "Training accuracy, both right", ACCURACY, &points);
        },
    },
    Chart {
        name: "validation-loss",
        description: "Validation loss of digit, sum and both after each epoch",
        draw: |drawing, place, history| {
            validation(drawing, place, "Validation loss", LOSS, history, |head| head.loss);
        },
    },
    Chart {
        name: "validation-accuracy",
        description: "Validation accuracy of digit, sum and both after each epoch",
        draw: |drawing, place, history| {
            validation(drawing, place, "Validation accuracy", ACCURACY, history, |head| head.accuracy);
        },
    },
];

/// The quantity of a chart: its unit, and the spread of its axis.
type Measure = (&'static str, ScaleKind);
const LOSS: Measure = ("loss (nats)", ScaleKind::Logarithmic);
const ACCURACY: Measure = ("accuracy (%)", ScaleKind::Missing);

fn steps(drawing: &mut Drawing, place: Rect, title: &str, (unit, spread): Measure, points: &[(f64, f64)]) {
    let smoothed = smooth(points);
    let ends = smoothed.band.iter().flat_map(|piece| [piece.low, piece.high]);
    // A single lucky batch must not stretch the axis.
    let middle = smoothed.line.iter().map(|&(_, y)| y);
    let y = match spread {
        ScaleKind::Missing => Scale::around(spread, middle),
        _ => Scale::around(spread, ends.chain(middle)),
    };
    let x = Scale::new(ScaleKind::Linear, 0.0, points.last().map_or(1.0, |point| point.0));
    let axes = [Axis { scale: x, words: "step" }, Axis { scale: y, words: unit }];
    let mut panel = Panel::new(drawing, place, title, axes);
    panel.band(0, &smoothed.band);
    panel.line(0, &smoothed.line);
}

fn validation(
    drawing: &mut Drawing,
    place: Rect,
    title: &str,
    (unit, spread): Measure,
    history: &History,
    value: fn(HeadMetrics) -> f64,
) {
    let series = HEADS.map(|(name, head)| {
        let points: Vec<_> =
            history.epochs.iter().map(|epoch| (epoch.epoch as f64, value(head(&epoch.validation)))).collect();
        (name, points)
    });
    let values = series.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let x = Scale::new(ScaleKind::Linear, 0.0, history.epochs.last().map_or(1.0, |epoch| epoch.epoch as f64));
    let y = Scale::around(spread, values);
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

/// The accuracy of both heads after each epoch: in training, as the batches were trained on, with dropout and augmentation, and
/// in validation.
pub fn training_and_validation(history: &History) -> Figure {
    let mut drawing = Drawing::default();
    let (width, height) = (480.0, 280.0);
    let of = |value: fn(&EpochEvent) -> f64| -> Vec<(f64, f64)> {
        history.epochs.iter().map(|epoch| (epoch.epoch as f64, value(epoch))).collect()
    };
    let series = [
        ("training", of(|epoch| epoch.training.both.accuracy)),
        ("validation", of(|epoch| epoch.validation.both.accuracy)),
    ];
    let values = series.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let last = history.epochs.last().map_or(1.0, |epoch| epoch.epoch as f64);
    let axes = [
        Axis { scale: Scale::new(ScaleKind::Linear, 0.0, last), words: "epoch" },
        Axis { scale: Scale::around(ScaleKind::Missing, values), words: "both right (%)" },
    ];
    let place = Rect::new(0.0, 0.0, width, height);
    let mut panel = Panel::new(&mut drawing, place, "Training and validation accuracy", axes);
    for (number, (name, points)) in series.iter().enumerate() {
        panel.line(number, points);
        for &(epoch, accuracy) in points {
            let title = format!("{name}, epoch {epoch}: {accuracy:.2} %");
            panel.mark(number, Shape::of(number), (epoch, accuracy), &title);
        }
    }
    if let Some(best) = history.best() {
        let (epoch, accuracy) = (best.epoch as f64, best.validation.both.accuracy);
        panel.guide((epoch, 0.0), (epoch, accuracy));
        let anchor = if epoch > 0.7 * last { Anchor::End } else { Anchor::Start };
        let nudge = if epoch > 0.7 * last { -0.01 } else { 0.01 } * last;
        panel.note(
            "muted",
            (epoch + nudge, 80.0),
            anchor,
            &format!("best: {accuracy:.2} % after epoch {epoch}"),
        );
    }
    panel.legend(&[(0, Shape::of(0), "training"), (1, Shape::of(1), "validation")]);
    drawing.finish(width, height, "Accuracy of both heads after each epoch, in training and in validation")
}
