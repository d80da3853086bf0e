//! What the server says of an image.

use adder_model::{Answer, SURE};
use serde::Serialize;

use crate::batcher::Answers;
use crate::request::Input;

/// The answer for a list of inputs.
#[derive(Serialize)]
pub(crate) struct List {
    pub(crate) answers: Vec<Reply>,
}

/// The answer for one input.
#[derive(Serialize)]
pub(crate) struct Reply {
    #[serde(flatten)]
    asked: Asked,
    /// Why the answer may be wrong.
    warnings: Vec<String>,
    /// 784 bytes, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Vec<u8>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Asked {
    One {
        addend: u8,
        #[serde(flatten)]
        answer: Answer,
    },
    /// For all ten addends; the digit is that of addend 0.
    All { digit: u8, digit_probabilities: Vec<f32>, sums: Vec<Sum> },
}

#[derive(Serialize)]
struct Sum {
    addend: u8,
    #[serde(flatten)]
    answer: Answer,
}

impl Reply {
    pub(crate) fn new(input: Input, answers: Answers) -> Self {
        let mut warnings = input.warnings;
        let decisive = &answers[usize::from(input.addend.unwrap_or(0))];
        warnings.extend(doubts(decisive, input.addend.unwrap_or(0)));
        let seen = input.seen.then(|| input.image.pixels().to_vec());
        let asked = match input.addend {
            Some(addend) => Asked::One { addend, answer: decisive.clone() },
            None => Asked::All {
                digit: decisive.digit,
                digit_probabilities: decisive.digit_probabilities.clone(),
                sums: (0..).zip(answers).map(|(addend, answer)| Sum { addend, answer }).collect(),
            },
        };
        Self { asked, warnings, seen }
    }
}

fn doubts(answer: &Answer, addend: u8) -> impl Iterator<Item = String> {
    let Answer { digit, sum, digit_probabilities, sum_probabilities } = answer;
    let least = digit_probabilities[usize::from(*digit)].min(sum_probabilities[usize::from(*sum)]);
    let unsure = (least < SURE).then(|| "the network is unsure".to_owned());
    let disagree =
        (digit + addend != *sum).then(|| format!("the heads disagree: digit {digit}, but sum {sum}"));
    unsure.into_iter().chain(disagree)
}
