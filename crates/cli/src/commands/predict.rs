//! `adder predict`: the digit in a picture, and its sum with a number.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use adder_data::whole_file::write_whole;
use adder_model::{Prediction, Predictor};
use adder_photo::{Digit, Found, NetworkImage, Region};
use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::args::PredictArgs;
use crate::context::Context;
use crate::error::{FAILED, UNANSWERED, UsageError, message};
use crate::loaded_model::LoadedModel;
use crate::output::{print, print_json, say, shown};
use crate::pictures::{self, Place, is_stdin};

/// What is said of one picture: an item of the JSON.
#[derive(Serialize)]
struct Item {
    image: String,
    /// The same as lines show it.
    #[serde(skip)]
    name: String,
    addend: u8,
    #[serde(flatten)]
    outcome: Outcome,
    /// What the network saw, for each answer.
    #[serde(skip)]
    seen: Vec<NetworkImage>,
}

#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Outcome {
    Digit(Answer),
    Parts { parts: Vec<Answer> },
    Nothing { reason: String },
    Several { reason: String, boxes: Vec<Region> },
    Error { error: String },
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    prediction: Prediction,
    /// The place of the digit in the picture; none where it was taken as it is.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
    /// Reasons that the answer may be wrong.
    warnings: Vec<String>,
}

pub(crate) fn run(args: &PredictArgs, context: &Context) -> Result<ExitCode> {
    if args.weights.as_deref().is_some_and(is_stdin) && args.images.iter().any(|image| is_stdin(image)) {
        let problem = "`-` may be given once: standard input holds a picture or the weights";
        return Err(UsageError(problem.into()).into());
    }
    let places = pictures::places(&args.images, context.quiet)?;
    let loaded = LoadedModel::open(args.weights.as_deref(), args.checkpoint, context)?;
    if !context.quiet {
        say(format_args!("weights: {}", loaded.described()));
    }
    let reader = Reader { args, predictor: Predictor::new(&loaded.model)? };
    let mut items = Vec::new();
    for place in places {
        let item = reader.item(place)?;
        if let Outcome::Error { error } = &item.outcome {
            say(format_args!("error: {error}"));
        }
        if !args.json {
            print(to_text(&item, args.show))?;
        }
        items.push(item);
    }
    if args.json {
        print_json(&items)?;
    }
    if let Some(path) = &args.saw {
        save(&items, path)?;
    }
    Ok(exit_code(&items))
}

struct Reader<'a> {
    args: &'a PredictArgs,
    predictor: Predictor,
}

impl Reader<'_> {
    /// What is to be said of a picture. That it cannot be read is one of the things that may be said.
    fn item(&self, (path, place): Place) -> Result<Item> {
        let mut seen = Vec::new();
        let outcome = match place.and_then(|()| pictures::read(&path)) {
            Err(error) => Outcome::Error { error: message(&error) },
            Ok(picture) if self.args.raw => {
                seen.push(picture.raw());
                Outcome::Digit(self.answer(&seen[0], None, Vec::new())?)
            }
            Ok(picture) => {
                let found = picture.find(self.args.each);
                if let Found::One(digit) = &found {
                    seen.push(digit.image.clone());
                } else if let Found::Each(digits) = &found {
                    seen.extend(digits.iter().map(|digit| digit.image.clone()));
                }
                self.outcome(found)?
            }
        };
        let (image, name) = (path.display().to_string(), shown(&path));
        Ok(Item { image, name, addend: self.args.add, outcome, seen })
    }

    fn outcome(&self, found: Found) -> Result<Outcome> {
        let answer = |digit: &Digit| {
            let warnings = digit.doubts.iter().map(ToString::to_string).collect();
            self.answer(&digit.image, Some(digit.region), warnings)
        };
        Ok(match found {
            Found::One(digit) => Outcome::Digit(answer(&digit)?),
            Found::Each(digits) => {
                Outcome::Parts { parts: digits.iter().map(answer).collect::<Result<_>>()? }
            }
            Found::Nothing(reason) => Outcome::Nothing { reason: reason.to_string() },
            Found::Several(digits, reason) => Outcome::Several {
                reason: reason.to_string(),
                boxes: digits.iter().map(|digit| digit.region).collect(),
            },
        })
    }

    fn answer(
        &self,
        image: &NetworkImage,
        region: Option<Region>,
        mut warnings: Vec<String>,
    ) -> Result<Answer> {
        let prediction = self.predictor.predict(image.pixels(), self.args.add)?;
        // A picture that is taken as it is is nobody's guess.
        let unfamiliar = region.and_then(|_| image.doubt(prediction.digit));
        warnings.extend(unfamiliar.map(|doubt| doubt.to_string()));
        warnings.extend(prediction.doubts(self.args.add));
        Ok(Answer { prediction, region, warnings })
    }
}

/// The worst that happened, and how often where there is more than one picture.
fn exit_code(items: &[Item]) -> ExitCode {
    let unread = items.iter().filter(|item| matches!(item.outcome, Outcome::Error { .. })).count();
    if unread > 0 {
        if items.len() > 1 {
            say(format_args!("error: {unread} of {} pictures could not be read", items.len()));
        }
        return ExitCode::from(FAILED);
    }
    let unanswered = |item: &Item| matches!(item.outcome, Outcome::Nothing { .. } | Outcome::Several { .. });
    if items.iter().any(unanswered) { ExitCode::from(UNANSWERED) } else { ExitCode::SUCCESS }
}

/// Writes what the network saw, and a dark image for each picture of which it saw nothing.
fn save(items: &[Item], path: &Path) -> Result<()> {
    let mut images = Vec::new();
    for item in items {
        match item.seen.is_empty() {
            true => images.push(NetworkImage::dark()),
            false => images.extend_from_slice(&item.seen),
        }
    }
    let file = NetworkImage::to_png(&images)?;
    let unwritable = || format!("{}: cannot be written", shown(path));
    write_whole(path, |out| out.write_all(&file)).with_context(unwritable)
}

/// The lines of a picture; none for one that could not be read, which standard error says.
fn to_text(item: &Item, show: bool) -> String {
    let (name, addend) = (&item.name, item.addend);
    match &item.outcome {
        Outcome::Error { .. } => String::new(),
        Outcome::Nothing { reason } => format!("{name}: {reason}\n"),
        Outcome::Several { reason, .. } => format!("{name}: {reason} (--each reads each)\n"),
        Outcome::Digit(answer) => picture(item, 0, show) + &answer_to_text(name, addend, answer),
        Outcome::Parts { parts } => {
            let lines = parts.iter().enumerate().map(|(at, part)| {
                let place = part.region.map_or(String::new(), |Region { left, top, width, height }| {
                    format!(" at {left},{top} ({width}x{height})")
                });
                let name = format!("{name}, {} of {}{place}", at + 1, parts.len());
                picture(item, at, show) + &answer_to_text(&name, addend, part)
            });
            lines.collect()
        }
    }
}

fn picture(item: &Item, at: usize, show: bool) -> String {
    item.seen.get(at).filter(|_| show).map(NetworkImage::to_text).unwrap_or_default()
}

fn answer_to_text(name: &str, addend: u8, answer: &Answer) -> String {
    let Prediction { digit, sum, digit_probabilities, sum_probabilities } = &answer.prediction;
    let mut words = format!(
        "{name}: {digit} + {addend} = {sum}  (digit {digit}: {:.2} %, sum {sum}: {:.2} %)\n",
        100.0 * digit_probabilities[usize::from(*digit)],
        100.0 * sum_probabilities[usize::from(*sum)]
    );
    for warning in &answer.warnings {
        writeln!(words, "  warning: {warning}").expect("a string takes everything");
    }
    words
}
