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
        let mut digits = self.digits();
        if each && !digits.is_empty() {
            return Found::Each(digits);
        }
        match one_of(&mut digits) {
            Ok(digit) => Found::One(digit),
            Err(reason @ NoDigit::Several { .. }) => Found::Several(digits, reason),
            Err(reason) => Found::Nothing(reason),
        }
    }

    /// The digit in the picture, as MNIST would show it.
    ///
    /// # Errors
    /// [`NoDigit`] where there is none, or more than one.
    pub fn digit(&self) -> Result<Digit, NoDigit> {
        one_of(&mut self.digits())
    }
}

/// The only digit, taken out of the list, or the reason why there is none.
fn one_of(digits: &mut Vec<Digit>) -> Result<Digit, NoDigit> {
    match digits.len() {
        0 => Err(NoDigit::Nothing),
        1 => Ok(digits.remove(0)),
        count => Err(NoDigit::Several { count }),
    }
}
