//! `adder predict`: the digit in a picture, and its sum with a number.

use std::io::{Write, stdout};
use std::path::Path;

use adder_model::{Addends, Answer, Predictor};
use anyhow::Result;
use serde::Serialize;

use crate::Context;
use crate::args::PredictArgs;
use crate::subject::Subject;

/// One line of the JSON.
#[derive(Serialize)]
struct Line<'a> {
    image: &'a Path,
    addend: u8,
    #[serde(flatten)]
    answer: Answer,
}

pub(crate) fn run(args: &PredictArgs, context: &Context) -> Result<()> {
    // Every picture is read first: a broken one shall not leave half an answer.
    let mut pixels = Vec::new();
    for path in &args.images {
        let picture = adder_photo::read(path)?;
        pixels.extend(picture.as_raw().iter().map(|&byte| adder_data::normalise(f32::from(byte))));
    }
    let subject = Subject::open(args.weights.as_deref(), args.checkpoint, &context.device, context.backend)?;
    if !context.quiet {
        eprintln!("weights: {}", subject.path.display());
    }
    let addends = vec![args.add; args.images.len()];
    let prediction = Predictor::new(&subject.model)?.predict(&pixels, Addends::Each(&addends))?;
    let lines: Vec<Line> = args
        .images
        .iter()
        .zip(prediction.answers())
        .map(|(image, answer)| Line { image, addend: args.add, answer })
        .collect();
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string(&lines)?)?;
        return Ok(());
    }
    for line in &lines {
        writeln!(stdout(), "{}", in_words(line))?;
    }
    Ok(())
}

fn in_words(line: &Line) -> String {
    let Line { image, addend, answer } = line;
    let Answer { digit, sum, digit_probabilities, sum_probabilities } = answer;
    format!(
        "{}: {digit} + {addend} = {sum}  (digit {digit}: {:.2} %, sum {sum}: {:.2} %)",
        image.display(),
        100.0 * digit_probabilities[usize::from(*digit)],
        100.0 * sum_probabilities[usize::from(*sum)]
    )
}
