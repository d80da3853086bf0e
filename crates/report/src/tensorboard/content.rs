//! The records of a run: the content of its event file, as far as the run's own record goes.

use adder_model::Metrics;
use adder_train::Report;
use adder_train::events::{EpochEvent, Event, StepEvent};

use super::event_file::{Kind, SummaryMessage, Value, What};

/// A record without its time: its step, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) step: u64,
    pub(super) what: What,
}

/// The first record of every file: what is not of this version is not read. None marks a start.
pub(super) fn head() -> Record {
    Record { step: 0, what: What::FileVersion("brain.Event:2".into()) }
}

pub(super) fn event(event: &Event) -> Record {
    match event {
        Event::Step(event) => step(event),
        Event::Epoch(event) => epoch(event),
    }
}

pub(super) fn step(event: &StepEvent) -> Record {
    let values = [
        ("step/loss", event.loss),
        ("step/accuracy", event.accuracy),
        ("step/learning_rate", event.learning_rate),
        ("step/gradient_norm", event.gradient_norm),
    ];
    scalars(event.step, values.map(|(tag, value)| (tag.to_owned(), value)))
}

pub(super) fn epoch(event: &EpochEvent) -> Record {
    let sets = [("training", &event.training), ("validation", &event.validation)];
    scalars(event.step, sets.into_iter().flat_map(|(set, metrics)| heads(set, metrics)))
}

pub(super) fn evaluation(step: u64, report: &Report) -> Record {
    scalars(step, heads("evaluation", &report.metrics))
}

/// Scalars under their tags; TensorBoard has them as `f32`.
fn scalars(step: u64, values: impl IntoIterator<Item = (String, f64)>) -> Record {
    let value = |(tag, value): (String, f64)| Value { tag, kind: Some(Kind::Scalar(value as f32)) };
    Record { step, what: What::Summary(SummaryMessage { value: values.into_iter().map(value).collect() }) }
}

fn heads(set: &str, metrics: &Metrics) -> Vec<(String, f64)> {
    [("digit", metrics.digit), ("sum", metrics.sum), ("both", metrics.both)]
        .into_iter()
        .flat_map(|(head, of)| {
            [(format!("{set}_loss/{head}"), of.loss), (format!("{set}_accuracy/{head}"), of.accuracy)]
        })
        .collect()
}
