//! `adder report`: what a run came to, for people to look at.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use adder_model::{Backend, weights};
use adder_report::{Inspection, Record, save_page};
use adder_train::RunDirectory;
use anyhow::{Context as _, Result};

use crate::args::ReportArgs;
use crate::subject::{RUNS, find_run};
use crate::{Context, loading};

pub(crate) fn run(args: &ReportArgs, context: &Context) -> Result<()> {
    let runs = match args.runs.as_slice() {
        [] => vec![RunDirectory::newest(Path::new(RUNS))?],
        paths => paths.iter().map(|path| find_run(path)).collect::<Result<_>>()?,
    };
    let path = match runs.as_slice() {
        [run] => {
            let record = inspected(run, context)?;
            save(args.out.clone().unwrap_or_else(|| run.report_path()), &[record])?
        }
        runs => {
            let records = runs.iter().map(Record::read).collect::<Result<Vec<_>, _>>()?;
            save(args.out.clone().unwrap_or_else(|| "comparison.html".into()), &records)?
        }
    };
    writeln!(stdout(), "{}", path.display())?;
    if args.open {
        opener::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
    }
    Ok(())
}

/// The run with what its network says of the evaluation set; without that before its first epoch.
pub(crate) fn inspected(run: &RunDirectory, context: &Context) -> Result<Record> {
    let mut record = Record::read(run)?;
    if record.history.epochs.is_empty() {
        return Ok(record);
    }
    let (model, _) = weights::load(&run.weights(record.config.training.evaluate)?, &context.device)?;
    let model = model.with_backend(context.backend.unwrap_or(Backend::default_for(&context.device)))?;
    let data = loading::load(&record.config.data.source, context)?.evaluation;
    let mut indices = data.indices();
    if record.config.data.limit > 0 {
        indices.truncate(record.config.data.limit);
    }
    record.inspection = Some(Inspection::new(&model, &data, &indices, record.config.seed)?);
    Ok(record)
}

fn save(path: PathBuf, records: &[Record]) -> Result<PathBuf> {
    save_page(&path, records)?;
    Ok(path)
}
