//! Runs side by side.

use crate::chart::{Axis, Panel, Scale, ScaleKind, Shape, smooth};
use crate::drawing::style::COLORS;
use crate::drawing::{Anchor, Drawing, Figure, Rect};
use adder_train::History;

const WIDTH: f64 = 960.0;
const PANEL: f64 = 330.0;
const LINE: f64 = 20.0;

/// A run among others.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its course.
    pub history: &'a History,
}

/// The training loss, smoothed, and the validation accuracy of both heads, a line for each run. The names stand below.
pub fn comparison(runs: &[Compared<'_>]) -> Figure {
    let mut drawing = Drawing::default();
    losses(&mut drawing, Rect::new(0.0, 0.0, WIDTH / 2.0, PANEL), runs);
    accuracies(&mut drawing, Rect::new(WIDTH / 2.0, 0.0, WIDTH / 2.0, PANEL), runs);
    for (number, run) in runs.iter().enumerate() {
        let baseline = PANEL + 14.0 + number as f64 * LINE;
        let series = number % COLORS;
        drawing.line(&format!("line-{series}"), (58.0, baseline - 4.0), (82.0, baseline - 4.0));
        Shape::of(number).draw_at(&mut drawing, series, (70.0, baseline - 4.0));
        drawing.text("", (92.0, baseline), Anchor::Start, 13.0, run.name);
    }
    let height = PANEL + 14.0 + runs.len() as f64 * LINE;
    drawing.finish(WIDTH, height, "Training loss and validation accuracy of the runs")
}

fn losses(drawing: &mut Drawing, place: Rect, runs: &[Compared<'_>]) {
    let lines: Vec<Vec<(f64, f64)>> = runs
        .iter()
        .map(|run| run.history.steps.iter().map(|step| (step.step as f64, step.loss)).collect::<Vec<_>>())
        .map(|points| smooth(&points).line)
        .collect();
    let last = lines.iter().filter_map(|line| line.last()).map(|point| point.0).fold(1.0, f64::max);
    let values = lines.iter().flatten().map(|point| point.1);
    let axes = [
        Axis { scale: Scale::new(ScaleKind::Linear, 0.0, last), words: "step" },
        Axis { scale: Scale::around(ScaleKind::Logarithmic, values), words: "loss (nats)" },
    ];
    let mut panel = Panel::new(drawing, place, "Training loss, both heads, smoothed", axes);
    for (number, line) in lines.iter().enumerate() {
        panel.line(number % COLORS, line);
    }
}

fn accuracies(drawing: &mut Drawing, place: Rect, runs: &[Compared<'_>]) {
    let epochs = || runs.iter().flat_map(|run| &run.history.epochs);
    let last = epochs().map(|epoch| epoch.epoch as f64).fold(1.0, f64::max);
    let values = epochs().map(|epoch| epoch.validation.both.accuracy);
    let axes = [
        Axis { scale: Scale::new(ScaleKind::Linear, 0.0, last), words: "epoch" },
        Axis { scale: Scale::around(ScaleKind::Missing, values), words: "both right (%)" },
    ];
    let mut panel = Panel::new(drawing, place, "Validation accuracy", axes);
    for (number, run) in runs.iter().enumerate() {
        let points =
            run.history.epochs.iter().map(|epoch| (epoch.epoch as f64, epoch.validation.both.accuracy));
        let points: Vec<_> = points.collect();
        panel.line(number % COLORS, &points);
        for &(epoch, accuracy) in &points {
            let title = format!("{}, epoch {epoch}: {accuracy:.2} %", run.name);
            panel.mark(number % COLORS, Shape::of(number), (epoch, accuracy), &title);
        }
    }
}
