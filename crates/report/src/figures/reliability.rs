//! The reliability of a head's confidence.

use adder_model::thousands;
use adder_train::analysis::{Analysis, Calibration};

use crate::chart::{Axis, Panel, Scale, ScaleKind, Shape};
use crate::drawing::{Anchor, Drawing, Figure, Rect};

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;

/// Reliability diagrams of both heads: the accuracy of the answers given with each confidence, and how many there are. On the
/// dashed line confidence and accuracy are equal.
pub fn reliability(analysis: &Analysis) -> Figure {
    let mut drawing = Drawing::default();
    let heads = [("digit", &analysis.digit.calibration), ("sum", &analysis.sum.calibration)];
    for (number, (head, calibration)) in heads.into_iter().enumerate() {
        let left = number as f64 * WIDTH / 2.0;
        accuracies(&mut drawing, Rect::new(left, 0.0, WIDTH / 2.0, 350.0), head, number, calibration);
        counts(&mut drawing, Rect::new(left, 340.0, WIDTH / 2.0, HEIGHT - 340.0), number, calibration);
    }
    drawing.finish(WIDTH, HEIGHT, "Reliability of both heads: accuracy of the answers by their confidence")
}

fn percent(words: &'static str) -> Axis {
    Axis { scale: Scale::new(ScaleKind::Linear, 0.0, 100.0), words }
}

fn accuracies(drawing: &mut Drawing, place: Rect, head: &str, number: usize, calibration: &Calibration) {
    let title = format!("Reliability of the {head}");
    let mut panel = Panel::new(drawing, place, &title, [percent("confidence (%)"), percent("right (%)")]);
    for bin in &calibration.bins {
        if let (Some(confidence), Some(accuracy)) = (bin.confidence, bin.accuracy) {
            let pairs = thousands(bin.pairs);
            let title = format!("{pairs} answers, confidence {confidence:.1} %, right {accuracy:.1} %");
            panel.bar(number, bin.from, bin.to, accuracy, &title);
        }
    }
    panel.guide((0.0, 0.0), (100.0, 100.0));
    for bin in &calibration.bins {
        if let (Some(confidence), Some(accuracy)) = (bin.confidence, bin.accuracy) {
            let title = format!("confidence {confidence:.1} %, right {accuracy:.1} %");
            panel.mark(number, Shape::Circle, (confidence, accuracy), &title);
        }
    }
    if let Some(error) = calibration.expected_error {
        let words = format!("expected calibration error {error:.2} %");
        panel.note("", (3.0, 92.0), Anchor::Start, &words);
    }
}

fn counts(drawing: &mut Drawing, place: Rect, number: usize, calibration: &Calibration) {
    let most = calibration.bins.iter().map(|bin| bin.pairs).max().unwrap_or(1).max(10);
    let y = Axis { scale: Scale::new(ScaleKind::Logarithmic, 0.5, 2.0 * most as f64), words: "answers" };
    let mut panel = Panel::new(drawing, place, "", [percent("confidence (%)"), y]);
    for bin in calibration.bins.iter().filter(|bin| bin.pairs > 0) {
        let title = format!("{} answers", thousands(bin.pairs));
        panel.bar(number, bin.from, bin.to, bin.pairs as f64, &title);
    }
}
