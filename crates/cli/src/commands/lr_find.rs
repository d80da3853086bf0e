//! `adder lr-find`: the learning-rate range test.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use adder_data::whole_file::{make_folder, write_whole};
use adder_experiment::lr_find::{Curve, End, RangeTest, find_learning_rate, left_aside};
use adder_report::figures::learning_rate_search;
use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::args::LrFindArgs;
use crate::configuration;
use crate::context::{Context, stop_flag};
use crate::error::UsageError;
use crate::output::{print, print_json, say, shown};
use crate::signals;

/// Pixels of the PNG for each unit of the figure.
const PNG_SCALE: f32 = 2.0;

pub(crate) fn run(args: &LrFindArgs, context: &Context) -> Result<ExitCode> {
    let test = RangeTest { from: args.from, to: args.to, steps: args.steps };
    test.check().map_err(|error| UsageError(format!("--{error}")))?;
    let config = configuration::training_config(&args.training, None)?;
    let aside = left_aside(&config);
    if !context.quiet && !aside.is_empty() {
        say(format_args!(
            "note: the range test leaves aside what the configuration says of {}",
            aside.join(", ")
        ));
    }
    let data = context.load_checked(&config.data)?;
    let stop = stop_flag()?;
    // Before the search, whose result would be lost.
    make_folder(&args.out).with_context(|| format!("{}: cannot be made", shown(&args.out)))?;
    let machine = context.machine();
    let bar = ProgressBar::new(test.steps);
    if context.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let curve = find_learning_rate(&test, &config, &data, &machine, |_| {
        bar.inc(1);
        if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    bar.finish_and_clear();
    write_files(&args.out, &curve)?;
    if args.json {
        print_json(&curve)?;
    } else {
        print(to_text(&curve))?;
        if !context.quiet {
            say(format_args!("the curve is in {}", shown(&args.out)));
        }
    }
    Ok(if matches!(curve.end, End::Stopped) { signals::exit_code() } else { ExitCode::SUCCESS })
}

fn write_files(folder: &Path, curve: &Curve) -> Result<()> {
    let losses: Vec<_> = curve.points.iter().map(|point| (point.rate, point.loss)).collect();
    let figure = learning_rate_search(&losses, &curve.suggestions);
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        let unwritable = || format!("{}: cannot be written", shown(&path));
        write_whole(&path, |file| file.write_all(bytes)).with_context(unwritable)
    };
    write("lr-find.svg", figure.to_svg().as_bytes())?;
    write("lr-find.png", &figure.to_png(PNG_SCALE)?)?;
    write("lr-find.json", format!("{}\n", serde_json::to_string_pretty(curve)?).as_bytes())
}

fn to_text(curve: &Curve) -> String {
    let end = match curve.end {
        End::Reached => "the last rate was reached",
        End::Diverged => "the loss diverged",
        End::Stopped => "it was stopped",
    };
    let rate = |rate: Option<f64>| rate.map_or_else(|| "-".into(), |rate| format!("{rate:.2e}"));
    let last = curve.points.last().map(|point| point.rate);
    format!(
        "{} of {} steps, from {} to {}: {end}\nvalley    {}\nsteepest  {}\n",
        curve.points.len(),
        curve.test.steps,
        rate(Some(curve.test.from)),
        rate(last),
        rate(curve.suggestions.valley),
        rate(curve.suggestions.steepest)
    )
}
