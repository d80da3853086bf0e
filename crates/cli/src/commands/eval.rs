//! `adder eval`: loss and accuracy of a trained network.

use std::io::{Write, stdout};

use adder_data::EvaluationAddends;
use adder_model::thousands;
use adder_train::{Analysis, EvaluationSet, EvaluationSplit, Report};
use anyhow::Result;
use serde::Serialize;

use crate::Context;
use crate::args::{EvalArgs, SplitChoice};
use crate::subject::Subject;
use crate::words::metrics_table;

pub(crate) fn run(args: &EvalArgs, context: &Context) -> Result<()> {
    let subject = Subject::open(args.weights.as_deref(), args.checkpoint, &context.device, context.backend)?;
    if !context.quiet {
        eprintln!("weights: {}", subject.path.display());
    }
    let measured = subject.data(args.data.as_deref(), args.limit, context)?;
    let addends = match args.exhaustive {
        true => EvaluationAddends::Exhaustive,
        false => EvaluationAddends::Fixed { seed: measured.seed },
    };
    let (split, data, indices) = match args.split {
        SplitChoice::Val => (EvaluationSplit::Validation, &measured.dataset.train, measured.validation()?),
        SplitChoice::Eval => {
            (EvaluationSplit::Evaluation, &measured.dataset.evaluation, &measured.evaluation[..])
        }
    };
    let set = EvaluationSet { split, data, indices, addends };
    let found = match args.analysis {
        true => {
            let (report, analysis) = set.analyse(&subject.model, args.worst)?;
            Found { report, analysis: Some(analysis) }
        }
        false => Found { report: set.evaluate(&subject.model)?, analysis: None },
    };
    let mut out = stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&found)?)?;
        return Ok(());
    }
    write!(out, "{}", in_words(&found.report))?;
    if let Some(analysis) = &found.analysis {
        write!(out, "\n{analysis}")?;
    }
    Ok(())
}

/// What is printed as JSON: the report, and beside its keys what else was asked for.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    report: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Analysis>,
}

/// The report as a heading and a table.
pub(crate) fn in_words(report: &Report) -> String {
    let set = match report.split {
        EvaluationSplit::Validation => "validation",
        EvaluationSplit::Evaluation => "evaluation",
    };
    let (images, pairs) = (thousands(report.images), thousands(report.pairs));
    format!("{set}: {images} images, {pairs} pairs\n{}", metrics_table(&report.metrics))
}
