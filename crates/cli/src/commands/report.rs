//! `adder report`: a run as a page for people to look at.

use std::path::Path;

use adder_data::Dataset;
use adder_report::figures::{Compared, comparison};
use adder_report::{Inspection, Record, Samples, run_figures, save_page};
use adder_train::RunDirectory;
use anyhow::{Context as _, Result};

use crate::args::{RUNS, ReportArgs};
use crate::context::Context;
use crate::error::{UsageError, hint};
use crate::output::{print, say, shown};
use crate::run_data::run_data;
use crate::run_name::find_run;

pub(crate) fn run(args: &ReportArgs, context: &Context) -> Result<()> {
    let runs = match args.runs.as_slice() {
        [] => vec![RunDirectory::newest(Path::new(RUNS))?],
        paths => paths.iter().map(|path| find_run(path)).collect::<Result<_>>()?,
    };
    let (records, place) = match runs.as_slice() {
        [run] => {
            // Before anything is drawn: images that are not the run's are refused.
            let data = args.data.as_deref().map(|data| run_data(run, Some(data), context)).transpose()?;
            (vec![complete(run, data, context)?], run.report_path())
        }
        _ if args.data.is_some() => {
            return Err(UsageError("--data: expected one run, found several".into()).into());
        }
        runs => (runs.iter().map(Record::read).collect::<Result<_, _>>()?, "comparison.html".into()),
    };
    let path = args.out.clone().unwrap_or(place);
    save_page(&path, &records)?;
    if let Some(folder) = &args.figures {
        save_figures(folder, &records)?;
    }
    let printed = print(format_args!("{}\n", shown(&path)));
    if args.open {
        opener::open(&path).with_context(|| format!("cannot open {}", shown(&path)))?;
    }
    printed
}

/// The run with what needs its data, `data` if they are loaded already: samples, and from its first epoch on what its network says of the evaluation set. Where
/// the data is not at hand, say a folder of another machine, the record has what the run's files tell.
pub(crate) fn complete(run: &RunDirectory, data: Option<Dataset>, context: &Context) -> Result<Record> {
    let mut record = Record::read(run)?;
    let data = match data.map_or_else(|| run_data(run, None, context), Ok) {
        Ok(data) => data,
        Err(error) => {
            say(format_args!("warning: no samples, errors and inside in the report: {error}"));
            if let Some(hint) = hint(&error) {
                say(format_args!("hint: {hint}"));
            }
            record.missing_data = Some(error.to_string());
            return Ok(record);
        }
    };
    record.samples = Some(Samples::new(&record.config, &data, &run.split()?)?);
    if !record.history.epochs.is_empty() {
        let model = run.evaluated_model(&context.device, context.backend())?;
        let indices = record.config.data.limited(data.evaluation.indices());
        record.inspection = Some(Inspection::new(&model, &data.evaluation, &indices, record.config.seed)?);
    }
    Ok(record)
}

/// Each figure by its name, as SVG and, twice as large, as PNG.
fn save_figures(folder: &Path, records: &[Record]) -> Result<()> {
    let figures = match records {
        [record] => run_figures(record),
        records => {
            let runs = records.iter().map(|record| Compared { name: &record.name, history: &record.history });
            vec![("comparison", comparison(&runs.collect::<Vec<_>>()))]
        }
    };
    for (name, figure) in figures {
        figure.save_svg(&folder.join(format!("{name}.svg")))?;
        figure.save_png(&folder.join(format!("{name}.png")), 2.0)?;
    }
    Ok(())
}
