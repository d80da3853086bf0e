//! Training against validation.

use crate::chart::{Axis, Panel, Scale, Shape, Spread};
use crate::drawing::{Anchor, Drawing, Figure, Rect};
use adder_train::History;

/// The accuracy of both heads after each epoch: in training, as the batches were trained on, with dropout and augmentation, and
/// in validation.
pub fn training_and_validation(history: &History) -> Figure {
    let mut drawing = Drawing::default();
    let (width, height) = (480.0, 280.0);
    let of = |value: fn(&adder_train::events::EpochEvent) -> f64| -> Vec<(f64, f64)> {
        history.epochs.iter().map(|epoch| (epoch.epoch as f64, value(epoch))).collect()
    };
    let series = [
        ("training", of(|epoch| epoch.training.both.accuracy)),
        ("validation", of(|epoch| epoch.validation.both.accuracy)),
    ];
    let values = series.iter().flat_map(|(_, points)| points.iter().map(|point| point.1));
    let last = history.epochs.last().map_or(1.0, |epoch| epoch.epoch as f64);
    let axes = [
        Axis { scale: Scale::new(Spread::Linear, 0.0, last), words: "epoch" },
        Axis { scale: Scale::around(Spread::Missing, values), words: "both right (%)" },
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
