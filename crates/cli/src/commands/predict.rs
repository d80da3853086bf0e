//! `adder predict`: the digit in a picture, and its sum with a number.

use std::fmt::Write as _;
use std::io::{Write, stdout};
use std::path::Path;

use adder_data::whole_file::write_whole;
use adder_model::{Prediction, Predictor};
use adder_photo::NetworkImage;
use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::args::PredictArgs;
use crate::context::Context;
use crate::loaded_model::LoadedModel;
use crate::pictures::{self, Seen};

/// One line of the JSON.
#[derive(Serialize)]
struct Line<'a> {
    image: &'a Path,
    addend: u8,
    #[serde(flatten)]
    answer: Prediction,
    /// Reasons that the answer may be wrong.
    warnings: Vec<String>,
}

pub(crate) fn run(args: &PredictArgs, context: &Context) -> Result<()> {
    // Every picture is read first: a broken one shall not leave half an answer.
    let seen = pictures::read(&args.images, args.raw)?;
    let loaded = LoadedModel::open(args.weights.as_deref(), args.checkpoint, context)?;
    if !context.quiet {
        eprintln!("weights: {}", loaded.path.display());
    }
    if let Some(path) = &args.saw {
        save(&seen, path)?;
    }
    let lines = answers(&seen, args.add, &Predictor::new(&loaded.model)?)?;
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string(&lines)?)?;
        return Ok(());
    }
    for (line, seen) in lines.iter().zip(&seen) {
        if args.show {
            write!(stdout(), "{}", seen.image.to_text())?;
        }
        write!(stdout(), "{}", to_text(line))?;
    }
    Ok(())
}

fn answers<'a>(seen: &'a [Seen], addend: u8, predictor: &Predictor) -> Result<Vec<Line<'a>>> {
    let line = |seen: &'a Seen| {
        let answer = predictor.predict(seen.image.pixels(), addend)?;
        let warnings = warnings(seen, addend, &answer);
        Ok(Line { image: &seen.path, addend, answer, warnings })
    };
    seen.iter().map(line).collect()
}

fn warnings(seen: &Seen, addend: u8, answer: &Prediction) -> Vec<String> {
    let mut warnings: Vec<String> = seen.doubts.iter().map(ToString::to_string).collect();
    warnings.extend(answer.doubts(addend));
    warnings
}

fn save(seen: &[Seen], path: &Path) -> Result<()> {
    let images: Vec<NetworkImage> = seen.iter().map(|seen| seen.image.clone()).collect();
    let file = NetworkImage::to_png(&images)?;
    let unwritable = || format!("{}: cannot be written", path.display());
    write_whole(path, |out| out.write_all(&file)).with_context(unwritable)
}

fn to_text(line: &Line) -> String {
    let Line { image, addend, answer, warnings } = line;
    let Prediction { digit, sum, digit_probabilities, sum_probabilities } = answer;
    let mut words = format!(
        "{}: {digit} + {addend} = {sum}  (digit {digit}: {:.2} %, sum {sum}: {:.2} %)\n",
        image.display(),
        100.0 * digit_probabilities[usize::from(*digit)],
        100.0 * sum_probabilities[usize::from(*sum)]
    );
    for warning in warnings {
        writeln!(words, "  warning: {warning}").expect("a string takes everything");
    }
    words
}
