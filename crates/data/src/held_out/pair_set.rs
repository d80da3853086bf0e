//! A set of the hundred pairs of a digit and an addend.

use crate::{ADDENDS, DIGITS};

/// A set of pairs of a digit and an addend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairSet {
    /// For each digit, a bit for each addend.
    addends: [u16; DIGITS],
}

impl PairSet {
    /// All hundred pairs `[digit, addend]`.
    pub fn all() -> impl Iterator<Item = [u8; 2]> {
        (0..DIGITS as u8).flat_map(|digit| (0..ADDENDS as u8).map(move |addend| [digit, addend]))
    }

    /// Whether the pair is in the set; one of numbers above 9 never is.
    pub fn contains(&self, digit: u8, addend: u8) -> bool {
        let row = self.addends.get(usize::from(digit)).copied().unwrap_or(0);
        usize::from(addend) < ADDENDS && row & (1 << addend) != 0
    }

    /// Adds the pair `[digit, addend]`; one of numbers above 9 is left out.
    pub fn insert(&mut self, [digit, addend]: [u8; 2]) {
        if let Some(row) = self.addends.get_mut(usize::from(digit))
            && usize::from(addend) < ADDENDS
        {
            *row |= 1 << addend;
        }
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.addends.iter().map(|row| row.count_ones() as usize).sum()
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The smallest number of addends that are left beside a digit.
    pub fn fewest_left(&self) -> usize {
        self.addends.iter().map(|row| ADDENDS - row.count_ones() as usize).min().unwrap_or(ADDENDS)
    }
}

impl FromIterator<[u8; 2]> for PairSet {
    fn from_iter<I: IntoIterator<Item = [u8; 2]>>(pairs: I) -> Self {
        let mut set = Self::default();
        pairs.into_iter().for_each(|pair| set.insert(pair));
        set
    }
}
