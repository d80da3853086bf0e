//! The report of one run.

use adder_model::{counted, thousands};
use adder_train::analysis::{Analysis, Joint};
use maud::{Markup, html};

use super::frame::{card, drawing, page};
use super::{mistakes, tables};
use crate::figures::{
    confusion, curve_charts, embedding, error_map, feature_maps, kernels, learning_rate, momentum,
    predictions, reliability, sample_grids, training_and_validation,
};
use crate::format::duration;
use crate::{Inspection, Record, Result, Samples};

/// The report of a run as one HTML file.
///
/// # Errors
/// [`Error::Model`](crate::Error::Model) where the run's network cannot be.
pub fn run_page(record: &Record) -> Result<String> {
    let summary = record.config.model.summary().map_err(adder_model::Error::from)?;
    let has_steps = !record.history.steps.is_empty();
    let body = html! {
        header {
            h1 { (record.name) }
            p.muted { (sentence(record, summary.parameters)) }
            (cards(record))
        }
        main {
            @if let Some(report) = &record.evaluation {
                h2 { "Evaluation" }
                div.columns {
                    div.scroll { (tables::metrics(&report.metrics)) (tables::parts(&report.parts)) }
                    @if let Some(inspection) = &record.inspection { (analysis_text(&inspection.analysis)) }
                }
            }
            @if let Some(reason) = &record.missing_data {
                p.muted { "Samples, errors and the inside of the network are left out, for the run's data cannot be read: "
                    (reason) }
            }
            @if has_steps { (course(record)) }
            @if let Some(samples) = &record.samples { (data(samples)) }
            @if let Some(inspection) = &record.inspection { (errors(inspection)) (inside(inspection)) }
            h2 { "Network" }
            (tables::layers(&summary))
            h2 { "How it was made" }
            div.columns {
                div { pre { (record.config.to_toml()) } }
                div {
                    @if !record.history.epochs.is_empty() {
                        (tables::time(record))
                    }
                    @for session in &record.environment.sessions { br; (tables::session(session)) }
                }
            }
        }
        footer { "Everything here is drawn from the run's folder, " (record.path.display()) ". "
            "`adder report` draws it again." }
    };
    Ok(page(&format!("{} \u{b7} identity-adder", record.name), &body, include_str!("script.js")))
}

fn sentence(record: &Record, parameters: usize) -> String {
    let training = &record.config.training;
    let done = record.history.epochs.len() as u64;
    let state = match (&record.evaluation, record.is_trained()) {
        (Some(_), _) => "",
        (None, true) => ", not evaluated yet",
        (None, false) => ", not finished",
    };
    format!(
        "{} parameters, {done} of {} in batches of {}, seed {}{state}. Two answers to an image and an addend: \
         the digit, and the sum.",
        thousands(parameters as u64),
        counted(training.epochs, "epoch"),
        training.batch_size,
        record.config.seed
    )
}

fn cards(record: &Record) -> Markup {
    let history = &record.history;
    html! {
        div.cards {
            @if let Some(report) = &record.evaluation {
                (card(&format!("{:.2} %", report.metrics.both.accuracy), "both right, evaluation"))
                (card(&format!("{:.2} %", report.metrics.digit.accuracy), "digit right, evaluation"))
                (card(&format!("{:.2} %", report.metrics.sum.accuracy), "sum right, evaluation"))
                @if let Some(unseen) = &report.parts.unseen {
                    (card(&format!("{:.2} %", unseen.metrics.both.accuracy), "both right, pairs held out of training"))
                }
            }
            @if let Some(best) = history.best() {
                (card(
                    &format!("{:.2} %", best.validation.both.accuracy),
                    &format!("best validation, epoch {}", best.epoch),
                ))
                (card(&duration(record.seconds()), "training and validation"))
                (card(&thousands(record.images_per_second() as u64), "images/s in training"))
            }
        }
    }
}

/// The analysis in sentences.
fn analysis_text(analysis: &Analysis) -> Markup {
    let Joint { pairs, both_right, digit_only, sum_only, neither_right, misread, .. } = analysis.joint;
    let share = |part: u64, whole: u64| format!("{:.2} %", 100.0 * part as f64 / whole.max(1) as f64);
    html! {
        div {
            p { "Asked with all ten addends, the network answers " (thousands(pairs)) " pairs and gets both right in "
                b { (share(both_right, pairs)) } "." }
            p { "Only the digit is right in " (thousands(digit_only)) ", only the sum in " (thousands(sum_only))
                ", neither in " (thousands(neither_right)) ". Of those, " (share(misread, neither_right))
                " are a digit misread and then added rightly." }
            @if let (Some(digit), Some(sum)) =
                (analysis.digit.calibration.expected_error, analysis.sum.calibration.expected_error) {
                p { (format!("Expected calibration error: {digit:.2} % of the digit, {sum:.2} % of the sum.")) }
            }
        }
    }
}

fn course(record: &Record) -> Markup {
    let history = &record.history;
    html! {
        h2 { "Training" }
        p.muted { "The band is the range of the batches, the line their moving average. Accuracies are drawn by what is missing "
            "to 100 %; training is measured with dropout and augmentation, validation without." }
        div.figures {
            @for (name, figure) in curve_charts(history) { (drawing(name, &figure)) }
            @if !history.epochs.is_empty() { (drawing("training-and-validation", &training_and_validation(history))) }
            (drawing("learning-rate", &learning_rate(history)))
            @if let Some(figure) = momentum(record) { (drawing("momentum", &figure)) }
        }
        @if !history.epochs.is_empty() {
            details { summary { "Each epoch as numbers" } (tables::epochs(&history.epochs)) }
        }
    }
}

/// Images of each set with the answers that are wanted.
fn data(samples: &Samples) -> Markup {
    html! {
        h2 { "Data" }
        p.muted { "Training images as the first step saw them; an image gets another addend in each epoch. Those of validation and "
            "evaluation are neither augmented nor do they change." }
        div.figures.three {
            @for (name, figure) in sample_grids(samples) { (drawing(name, &figure)) }
        }
    }
}

fn errors(inspection: &Inspection) -> Markup {
    let analysis = &inspection.analysis;
    html! {
        h2 { "Errors" }
        p.muted { "Each image of the evaluation set with all ten addends. Rest the pointer on a square for its numbers." }
        div.figures {
            (drawing("confusion-digit", &confusion("digit", &analysis.digit.confusion)))
            (drawing("errors", &error_map(&analysis.errors)))
            (drawing("confusion-sum", &confusion("sum", &analysis.sum.confusion)))
            (drawing("reliability", &reliability(analysis)))
        }
        h2 { "Mistakes" }
        p.muted { (inspection.mistakes.len()) " images that fail with at least one addend, the worst first. Percentages are the "
            "network's certainty, a mean over the addends." }
        (mistakes::mistakes(&inspection.mistakes))
    }
}

fn inside(inspection: &Inspection) -> Markup {
    let Inspection { embeddings, embedding_width, embedded_digits, .. } = inspection;
    html! {
        h2 { "Inside" }
        div.figures {
            (drawing("predictions", &predictions(&inspection.predictions)))
            (drawing("embedding", &embedding(embeddings, *embedding_width, embedded_digits)))
            @if let Some(found) = &inspection.kernels { (drawing("kernels", &kernels(found))) }
            (drawing("feature-maps", &feature_maps(&inspection.feature_maps)))
        }
    }
}
