//! The tables of a report.

use adder_model::{HeadMetrics, Metrics, Summary, thousands};
use adder_train::environment::Session;
use adder_train::events::EpochEvent;
use maud::{Markup, html};

use crate::format::{SEEN, UNSEEN, duration};
use adder_train::{History, PairMetrics, PairParts};

use crate::record::Record;

/// Loss and accuracy of digit, sum and both.
pub(super) fn metrics(metrics: &Metrics) -> Markup {
    let rows: [(&str, HeadMetrics); 3] =
        [("digit", metrics.digit), ("sum", metrics.sum), ("both", metrics.both)];
    html! {
        table {
            tr { th { "" } th { "loss (nats)" } th { "accuracy" } th { "error" } }
            @for (name, head) in rows {
                tr {
                    td { (name) }
                    td { (format!("{:.4}", head.loss)) }
                    td { (format!("{:.2} %", head.accuracy)) }
                    td { (format!("{:.2} %", 100.0 - head.accuracy)) }
                }
            }
        }
    }
}

/// The same of the pairs that training showed and of those that it held out, where it held out any.
pub(super) fn parts(parts: &PairParts) -> Markup {
    html! {
        @for (name, part) in [(SEEN, parts.seen), (UNSEEN, parts.unseen)] {
            @if let Some(PairMetrics { pairs, metrics: found }) = part {
                p.muted { (thousands(pairs)) " pairs of a digit and an addend " (name) }
                (metrics(&found))
            }
        }
    }
}

/// A line for each layer.
pub(super) fn layers(summary: &Summary) -> Markup {
    let shape = |output: &[usize]| output.iter().map(usize::to_string).collect::<Vec<_>>().join(" \u{d7} ");
    html! {
        div.scroll { table {
            tr { th { "layer" } th { "output" } th { "parameters" } th { "multiply-adds" } th { "receptive field" } }
            @for layer in &summary.layers {
                tr {
                    td { (layer.name) }
                    td { (shape(&layer.output)) }
                    td { (thousands(layer.parameters as u64)) }
                    td { (thousands(layer.multiply_adds as u64)) }
                    td { (layer.receptive_field) }
                }
            }
            tr {
                th { "total" } th { "" }
                th { (thousands(summary.parameters as u64)) } th { (thousands(summary.multiply_adds as u64)) } th { "" }
            }
        } }
    }
}

/// A line for each epoch.
pub(super) fn epochs(epochs: &[EpochEvent]) -> Markup {
    html! {
        div.scroll { table {
            tr {
                th { "epoch" } th { "training loss" } th { "both right" } th { "validation loss" }
                th { "digit" } th { "sum" } th { "both" } th { "seconds" }
            }
            @for epoch in epochs {
                @let validation = &epoch.validation;
                tr {
                    td { (epoch.epoch) }
                    td { (format!("{:.4}", epoch.training.both.loss)) }
                    td { (format!("{:.2} %", epoch.training.both.accuracy)) }
                    td { (format!("{:.4}", validation.both.loss)) }
                    td { (format!("{:.2} %", validation.digit.accuracy)) }
                    td { (format!("{:.2} %", validation.sum.accuracy)) }
                    td { (format!("{:.2} %", validation.both.accuracy)) }
                    td { (format!("{:.1}", epoch.training_seconds + epoch.validation_seconds)) }
                }
            }
        } }
    }
}

/// The machine and versions of a session.
pub(super) fn session(session: &Session) -> Markup {
    let optimized = if session.optimized { "with optimization" } else { "without optimization" };
    let rows = [
        ("started", session.started.clone()),
        ("after step", thousands(session.steps_before)),
        ("device", format!("{}, {} backend", session.device, session.backend)),
        ("processor", session.processor.clone()),
        ("threads", format!("{} of {} cores", session.threads, session.cores)),
        ("version", format!("{}, candle {}, {optimized}", session.version, session.candle)),
        ("compiler", session.rustc.clone()),
        ("target", session.target.clone()),
    ];
    html! {
        div.scroll { table {
            @for (name, value) in rows.iter().filter(|row| !row.1.is_empty()) {
                tr { td.muted { (name) } td.words { (value) } }
            }
        } }
    }
}

/// The time of each part.
pub(super) fn time(record: &Record) -> Markup {
    let epochs = &record.history.epochs;
    let teachers: f64 = record.teachers.iter().map(History::seconds).sum();
    let training: f64 = epochs.iter().map(|epoch| epoch.training_seconds).sum();
    let validation: f64 = epochs.iter().map(|epoch| epoch.validation_seconds).sum();
    html! {
        table {
            @if !record.teachers.is_empty() {
                tr { td.muted { "its teachers (" (record.teachers.len()) ")" } td { (duration(teachers)) } }
            }
            tr { td.muted { "training" } td { (duration(training)) } }
            tr { td.muted { "validation" } td { (duration(validation)) } }
            tr { td.muted { "an epoch, mean" } td { (duration((training + validation) / epochs.len().max(1) as f64)) } }
            tr { td.muted { "throughput in training" } td { (thousands(record.images_per_second() as u64)) " images/s" } }
        }
    }
}
