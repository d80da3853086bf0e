//! Every figure, drawn from made-up numbers, is what it was when a person looked at it.
//!
//! `ADDER_BLESS=1 cargo test -p adder-report --test figures` writes the snapshots anew; look at them before you commit.

use std::path::PathBuf;

use adder_data::PIXELS;
use adder_experiment::lr_find::Suggestions;
use adder_model::{HeadMetrics, Metrics};
use adder_report::Figure;
use adder_report::figures::{
    Compared, FeatureMaps, Kernels, Tile, comparison, confusion, embedding, error_map, feature_maps, kernels,
    learning_rate, learning_rate_search, reliability, tiles, training_and_validation, training_curves,
};
use adder_train::History;
use adder_train::analysis::{Analysis, Confusion};
use adder_train::events::{EpochEvent, StepEvent};
use serde_json::json;

#[track_caller]
fn check(name: &str, figure: &Figure) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.svg"));
    let drawn = figure.to_svg();
    if std::env::var_os("ADDER_BLESS").is_some() {
        std::fs::write(&path, &drawn).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (known, drawn))) =
        (1..).zip(known.lines().zip(drawn.lines())).find(|(_, (known, drawn))| known != drawn)
    {
        panic!("{name}.svg, line {line}: was\n{known}\nis\n{drawn}");
    }
    assert_eq!(known.lines().count(), drawn.lines().count(), "{name}.svg has another length");
    assert!(figure.to_png(0.5).unwrap().starts_with(b"\x89PNG"));
}

/// A run that learns, with some noise.
fn history(epochs: u64, pace: f64) -> History {
    let mut history = History::default();
    for step in 1..=epochs * 20 {
        let noise = 1.0 + 0.1 * ((step * 7 % 11) as f64 - 5.0) / 5.0;
        history.steps.push(StepEvent {
            epoch: (step - 1) / 20 + 1,
            step,
            loss: noise * 5.0 / (1.0 + pace * step as f64),
            accuracy: 100.0 - noise * 100.0 / (1.0 + pace * step as f64),
            learning_rate: 0.01 * (1.0 - step as f64 / (epochs as f64 * 20.0)),
            gradient_norm: noise,
        });
    }
    for epoch in 1..=epochs {
        let head = |factor: f64| HeadMetrics {
            loss: factor / (1.0 + pace * epoch as f64),
            accuracy: 100.0 - 10.0 * factor / (1.0 + pace * epoch as f64),
        };
        let metrics =
            |factor: f64| Metrics { digit: head(factor), sum: head(1.5 * factor), both: head(2.0 * factor) };
        history.epochs.push(EpochEvent {
            epoch,
            step: 20 * epoch,
            training: metrics(2.0),
            validation: metrics(1.0),
            training_seconds: 2.0,
            validation_seconds: 0.5,
        });
    }
    history
}

fn analysis() -> Analysis {
    let counts = |digit: usize, addend: usize| {
        let wrong = (2 * digit + addend) % 7;
        json!({"pairs": 100, "digit": wrong, "sum": wrong / 2, "either": wrong})
    };
    let by_digit_and_addend: Vec<Vec<_>> =
        (0..10).map(|digit| (0..10).map(|addend| counts(digit, addend)).collect()).collect();
    let bin = |place: usize| {
        let (from, to) = (100.0 * place as f64 / 15.0, 100.0 * (place + 1) as f64 / 15.0);
        let full = place > 4;
        json!({
            "from": from, "to": to, "pairs": if full { 10u64.pow(place as u32 / 4) } else { 0 },
            "confidence": full.then_some((from + to) / 2.0), "accuracy": full.then_some(0.9 * to)
        })
    };
    let head = json!({
        "confusion": [[3]], "classes": [],
        "calibration": {"expected_error": 1.25, "bins": (0..15).map(bin).collect::<Vec<_>>()}
    });
    let joint = json!({
        "pairs": 100, "both_right": 90, "digit_only": 4, "sum_only": 2, "neither_right": 4, "consistent": 92, "misread": 2,
        "sum_given_digit": 95.0, "digit_given_sum": 96.0, "consistency": 92.0
    });
    let errors = json!({"by_digit": [], "by_addend": [], "by_digit_and_addend": by_digit_and_addend});
    let analysis = json!({
        "pairs": 100, "exhaustive": true, "digit": head, "sum": head, "joint": joint, "errors": errors, "worst": []
    });
    serde_json::from_value(analysis).unwrap()
}

#[test]
fn the_course_of_a_run() {
    let history = history(6, 0.2);
    check("curves", &training_curves(&history));
    check("training-and-validation", &training_and_validation(&history));
    check("learning-rate", &learning_rate(&history));
    let other = self::history(4, 0.5);
    let runs =
        [Compared { name: "slow", history: &history }, Compared { name: "fast & short", history: &other }];
    check("comparison", &comparison(&runs));
}

#[test]
fn a_search_for_a_rate() {
    let losses: Vec<(f64, f64)> = (0..60)
        .map(|at| {
            let rate = 1e-5 * 10f64.powf(at as f64 / 12.0);
            (rate, 5.4 - 3.0 * rate.min(0.1).powf(0.3) + 40.0 * (rate - 0.1).max(0.0))
        })
        .collect();
    let suggestions = Suggestions { valley: Some(0.0146), steepest: Some(0.083) };
    check("learning-rate-search", &learning_rate_search(&losses, &suggestions));
}

#[test]
fn what_went_wrong() {
    let rows: Vec<Vec<u64>> = (0..10u64)
        .map(|row| {
            (0..10)
                .map(|column| if row == column { 900 + 20 * row } else { (2 * row + column) % 5 })
                .collect()
        })
        .collect();
    let counts: Confusion = serde_json::from_value(json!(rows)).unwrap();
    check("confusion", &confusion("digit", &counts));
    let analysis = analysis();
    check("reliability", &reliability(&analysis));
    check("errors", &error_map(&analysis.errors));
    let tile = |number: u8| Tile {
        pixels: std::array::from_fn(|at| if at % 29 < usize::from(number) + 1 { 255 } else { 0 }),
        title: format!("{number} + 1 = {}", number + 1),
        lines: vec!["digit 9: 98.2 %".into(), "sum 10: 97.0 %".into()],
    };
    check("tiles", &tiles("Mistakes", &[0, 1, 2, 3, 4].map(tile), 3));
}

#[test]
fn the_inside() {
    let weights: Vec<f32> = (0..72).map(|at| ((at * 37 % 21) as f32 - 10.0) / 20.0).collect();
    check("kernels", &kernels(&Kernels { side: 3, weights }));
    let map = |layer: &str, side: usize, channels: usize| FeatureMaps {
        layer: layer.into(),
        side,
        values: (0..channels * side * side).map(|at| (at * 13 % 17) as f32).collect(),
    };
    check("feature-maps", &feature_maps(&[map("image", 8, 1), map("block 1", 4, 3)]));
    let digits: Vec<u8> = (0..60).map(|at| at % 10).collect();
    let points: Vec<f32> = digits
        .iter()
        .enumerate()
        .flat_map(|(at, &digit)| [3.0 * f32::from(digit % 4), f32::from(digit), 0.3 * (at % 7) as f32])
        .collect();
    check("embedding", &embedding(&points, 3, &digits));
}

#[test]
fn kernels_of_any_side_are_drawn_up_to_a_number() {
    for (side, count, shown) in [(1, 3, 3), (5, 6, 6), (5, 100, 64), (28, 20, 10)] {
        let figure = kernels(&Kernels { side, weights: vec![0.5; count * side * side] }).to_svg();
        let weights = figure.matches("<title>0.500</title>").count();
        assert_eq!(weights, shown * side * side, "{count} of {side}x{side}");
        assert_eq!(figure.contains(&format!("{shown} of {count}")), shown < count);
    }
}

#[test]
fn runs_without_a_step_are_drawn_too() {
    let empty = History::default();
    for figure in
        [training_curves(&empty), training_and_validation(&empty), learning_rate(&empty), tiles("", &[], 3)]
    {
        assert!(!figure.to_svg().contains("NaN"), "{}", figure.description);
        figure.to_png(1.0).unwrap();
    }
    let one = Tile { pixels: [0; PIXELS], title: "<&>".into(), lines: vec![] };
    assert!(tiles("", &[one], 9).to_svg().contains("&lt;&amp;&gt;"));
}
