//! Loading data with a bar while it is fetched.

use adder_data::{Dataset, Source};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Context;

/// The data of `source`.
pub(crate) fn load(source: &Source, context: &Context) -> Result<Dataset> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    bar.set_style(ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}, {eta} left")?);
    let dataset = adder_data::load(source, &mut |progress| {
        if bar.is_hidden() && !context.quiet {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        if bar.message() != progress.file {
            bar.set_message(progress.file.to_owned());
        }
        bar.set_length(progress.total);
        bar.set_position(progress.received);
    });
    bar.finish_and_clear();
    Ok(dataset?)
}
