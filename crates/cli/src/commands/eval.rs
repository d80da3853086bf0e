//! `adder eval`: loss and accuracy of a trained network.

use std::fmt::{self, Display, Formatter};

use adder_data::EvaluationAddends;
use adder_model::Metrics;
use adder_train::{Analysis, EvaluationSet, EvaluationSplit, PairParts, Report, Tta};
use anyhow::Result;
use serde::Serialize;

use crate::args::{EvalArgs, SplitChoice, TtaAddends};
use crate::context::Context;
use crate::loaded_model::LoadedModel;
use crate::output::{print, print_json, say, shown};
use adder_report::format::{metrics_table, parts_text, report_text};

pub(crate) fn run(args: &EvalArgs, context: &Context) -> Result<()> {
    let tta = args.tta.tta()?;
    let loaded = LoadedModel::open(args.weights.as_deref(), args.checkpoint, context)?;
    if !context.quiet {
        say(format_args!("weights: {}", shown(&loaded.path)));
    }
    let measured = loaded.data(args.data.as_deref(), args.orientation, args.limit, context)?;
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
    let (held_out, tta_off) = (measured.held_out, Tta::default());
    let set = EvaluationSet { split, data, indices, addends, held_out, tta: tta_off };
    let worst = args.analysis.then_some(args.worst);
    let (report, analysis) = measure(&loaded, &set, worst)?;
    let augmented = tta.map(|tta| -> Result<Augmented> {
        let (report, analysis) = measure(&loaded, &EvaluationSet { tta, ..set }, worst)?;
        Ok(Augmented {
            shift: args.tta.tta_shift,
            addends: args.tta.tta_addends,
            views: tta.count(),
            average: "probabilities",
            metrics: report.metrics,
            parts: report.parts,
            analysis,
        })
    });
    let found = Found { report, analysis, tta: augmented.transpose()? };
    if args.json { print_json(&found) } else { print(found) }
}

fn measure(
    loaded: &LoadedModel,
    set: &EvaluationSet<'_>,
    worst: Option<usize>,
) -> Result<(Report, Option<Analysis>)> {
    Ok(match worst {
        Some(worst) => {
            let (report, analysis) = set.analyze(&loaded.model, worst)?;
            (report, Some(analysis))
        }
        None => (set.evaluate(&loaded.model)?, None),
    })
}

/// The report, and beside its keys what else was asked for.
#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    report: Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Analysis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tta: Option<Augmented>,
}

/// The same, with test-time augmentation.
#[derive(Serialize)]
struct Augmented {
    shift: u8,
    addends: TtaAddends,
    views: usize,
    /// The quantity that is averaged over the views.
    average: &'static str,
    #[serde(flatten)]
    metrics: Metrics,
    #[serde(flatten)]
    parts: PairParts,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Analysis>,
}

impl Display for Found {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", report_text(&self.report))?;
        if let Some(analysis) = &self.analysis {
            write!(f, "\n{analysis}")?;
        }
        if let Some(Augmented { shift, addends, views, metrics, parts, analysis, .. }) = &self.tta {
            let beside = match addends {
                TtaAddends::All => "all ten addends",
                TtaAddends::Asked => "the addend asked for",
            };
            writeln!(
                f,
                "\nwith test-time augmentation: mean probabilities of {views} views, shifts of up to {shift} px \
                 beside {beside}"
            )?;
            write!(f, "{}{}", metrics_table(metrics), parts_text(parts))?;
            if let Some(analysis) = analysis {
                write!(f, "\nwith test-time augmentation, {analysis}")?;
            }
        }
        Ok(())
    }
}
