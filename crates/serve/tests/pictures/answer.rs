//! What is answered to a picture, and whether that is right.

use adder_model::Predictor;
use adder_photo::cases::Expected;
use adder_photo::{NetworkImage, NoDigit, Picture};

/// The answer to a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A digit, with the reasons why it may be wrong.
    Digit { digit: u8, doubts: Vec<String> },
    /// More than one digit: none is answered.
    Several,
    /// No digit found.
    Nothing,
}

/// An answer held against what is in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Judgment {
    Right,
    RightDoubted,
    WrongDoubted,
    /// What must not be: a wrong digit without a word.
    Wrong,
    /// Several digits are said to be where there are not.
    Several,
    /// Nothing is said to be where there is something.
    Nothing,
}

impl Answer {
    /// The answer of the network beside an addend, and the image that it read.
    pub(crate) fn of(predictor: &Predictor, picture: &Picture, addend: u8) -> (Self, Option<NetworkImage>) {
        let digit = match picture.digit() {
            Ok(digit) => digit,
            Err(NoDigit::Several { .. }) => return (Self::Several, None),
            Err(_) => return (Self::Nothing, None),
        };
        let prediction = predictor.predict(digit.image.pixels(), addend).unwrap();
        let unfamiliar = digit.image.doubt(prediction.digit);
        let of_picture = digit.doubts.iter().chain(&unfamiliar).map(ToString::to_string);
        let doubts = of_picture.chain(prediction.doubts(addend)).collect();
        (Self::Digit { digit: prediction.digit, doubts }, Some(digit.image))
    }

    /// `true` if each digit of a picture is found and read, in its order.
    pub(crate) fn reads_each(predictor: &Predictor, picture: &Picture, expected: &[u8]) -> bool {
        let digits = picture.digits();
        let read = digits.iter().map(|digit| predictor.predict(digit.image.pixels(), 0).unwrap().digit);
        read.eq(expected.iter().copied())
    }

    /// Holds the answer against what is in the picture.
    pub(crate) fn judge(&self, expected: &Expected) -> Judgment {
        match (expected, self) {
            (Expected::Digit(expected) | Expected::Perhaps(expected), Self::Digit { digit, doubts }) => {
                match (digit == expected, doubts.is_empty()) {
                    (true, true) => Judgment::Right,
                    (true, false) => Judgment::RightDoubted,
                    (false, false) => Judgment::WrongDoubted,
                    (false, true) => Judgment::Wrong,
                }
            }
            (_, Self::Digit { doubts, .. }) if doubts.is_empty() => Judgment::Wrong,
            (_, Self::Digit { .. }) => Judgment::WrongDoubted,
            (Expected::Several(_), Self::Several)
            | (Expected::Nothing, Self::Nothing)
            | (Expected::NoDigit, _) => Judgment::Right,
            (_, Self::Several) => Judgment::Several,
            (_, Self::Nothing) => Judgment::Nothing,
        }
    }
}
