//! What a picture holds, where one digit is asked for or each.

use crate::{Digit, NoDigit, Picture};

/// What was found in a picture.
#[derive(Clone, Debug)]
pub enum Found {
    /// The digit, where one was asked for.
    One(Digit),
    /// Each digit, line by line from left to right, where each was asked for; one at least.
    Each(Vec<Digit>),
    /// None, and why.
    Nothing(NoDigit),
    /// Several where one was asked for: those there are, and what is to be said of it.
    Several(Vec<Digit>, NoDigit),
}

impl Picture {
    /// Finds the digit, or each.
    pub fn find(&self, each: bool) -> Found {
        let reason = match self.digit() {
            Ok(digit) if each => return Found::Each(vec![digit]),
            Ok(digit) => return Found::One(digit),
            Err(reason) => reason,
        };
        match reason {
            NoDigit::Several { .. } if each => Found::Each(self.digits()),
            NoDigit::Several { .. } => Found::Several(self.digits(), reason),
            _ => Found::Nothing(reason),
        }
    }
}
