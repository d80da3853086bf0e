//! Pairs of a digit and an addend that training never shows, to see whether a network adds or knows its pairs by heart.

mod pair_set;
mod rule;
#[cfg(test)]
mod tests;

use std::fmt;

use adder_random::{Purpose, Stream};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use crate::{ADDENDS, DIGITS, Error, Result, SUMS};
pub use pair_set::PairSet;
pub use rule::Rule;

/// The words of an error for what the key takes.
const EXPECTED: &str = "a list such as [[3, 4], [7, 2]], a table such as { share = 0.3, seed = 1 }, or a rule such as \
                        \"digit < addend\" or \"sum = 9 and digit < 5\"";
/// The largest share. A pair that cannot go is the last one of its digit, its addend or its sum; there are 39 of those, so 61 of
/// 100 pairs can always go, in whatever order.
const MAX_SHARE: f64 = 0.6;

/// The pairs of a digit and an addend that training never shows, as a person says which. By default none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum HeldOutPairs {
    /// These, each `[digit, addend]`.
    List(Vec<[u8; 2]>),
    /// A part of the hundred, drawn at random.
    Share(HeldOutShare),
    /// All that a rule is true of.
    Rule(Rule),
}

/// A part of the hundred pairs, drawn from a seed of its own: runs of other seeds hold out the same pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldOutShare {
    /// The part, above 0 to 0.6, rounded to whole pairs. With the same seed a smaller part lies in a larger one.
    pub share: f64,
    /// The seed of the draw.
    #[serde(default = "first_seed")]
    pub seed: u32,
}

fn first_seed() -> u32 {
    1
}

impl Default for HeldOutPairs {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl HeldOutPairs {
    /// The pairs.
    pub fn pairs(&self) -> PairSet {
        match self {
            Self::List(pairs) => pairs.iter().copied().collect(),
            Self::Share(share) => share.draw(),
            Self::Rule(rule) => {
                PairSet::all().filter(|[digit, addend]| rule.holds(*digit, *addend)).collect()
            }
        }
    }

    /// `Ok` where every digit, addend and sum still occurs among the pairs that are left.
    ///
    /// # Errors
    /// [`Error::Setting`] that says which does not, or which number is out of its range.
    pub fn check(&self) -> Result<()> {
        let field = "held_out_pairs";
        match self {
            Self::List(pairs) => {
                let outside =
                    pairs.iter().find(|pair| pair.iter().any(|&number| usize::from(number) >= DIGITS));
                if let Some(outside) = outside {
                    let (expected, found) = ("digits and addends from 0 to 9", format!("{outside:?}"));
                    return Err(Error::Setting { field, expected, found });
                }
            }
            Self::Share(HeldOutShare { share, .. }) => {
                let holds = *share > 0.0 && *share <= MAX_SHARE;
                Error::check_setting(
                    holds,
                    "held_out_pairs.share",
                    "a number above 0 and at most 0.6",
                    share,
                )?;
            }
            Self::Rule(_) => {}
        }
        match missing(self.pairs()) {
            None => Ok(()),
            Some(missing) => Err(Error::Setting {
                field,
                expected: "pairs beside which each digit, each addend and each sum still occurs",
                found: format!("none left with the {missing}"),
            }),
        }
    }
}

impl HeldOutShare {
    /// Goes through the pairs in a random order and takes out each whose digit, addend and sum another one still has, up to the
    /// share.
    fn draw(&self) -> PairSet {
        let mut order: Vec<[u8; 2]> = PairSet::all().collect();
        Stream::new(self.seed.into(), Purpose::HeldOutPairs, 0, 0).shuffle(&mut order);
        let wanted = (self.share.clamp(0.0, MAX_SHARE) * (DIGITS * ADDENDS) as f64).round() as usize;
        let mut held_out = PairSet::default();
        for pair in order {
            if held_out.len() == wanted {
                break;
            }
            let mut more = held_out;
            more.insert(pair);
            if missing(more).is_none() {
                held_out = more;
            }
        }
        held_out
    }
}

/// A digit, addend or sum that no pair beside `held_out` has.
fn missing(held_out: PairSet) -> Option<String> {
    let (mut digits, mut addends, mut sums) = ([false; DIGITS], [false; ADDENDS], [false; SUMS]);
    for [digit, addend] in PairSet::all().filter(|&[digit, addend]| !held_out.contains(digit, addend)) {
        digits[usize::from(digit)] = true;
        addends[usize::from(addend)] = true;
        sums[usize::from(digit + addend)] = true;
    }
    let kinds: [(&str, &[bool]); 3] = [("digit", &digits), ("addend", &addends), ("sum", &sums)];
    kinds
        .into_iter()
        .find_map(|(kind, seen)| seen.iter().position(|seen| !seen).map(|number| format!("{kind} {number}")))
}

impl<'de> Deserialize<'de> for HeldOutPairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(AnyForm)
    }
}

/// A list, a table or a rule.
struct AnyForm;

impl<'de> Visitor<'de> for AnyForm {
    type Value = HeldOutPairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<HeldOutPairs, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = items.next_element::<Vec<u8>>()? {
            if pairs.len() == DIGITS * ADDENDS {
                return Err(de::Error::custom("expected at most 100 pairs"));
            }
            let pair = <[u8; 2]>::try_from(pair).map_err(|pair| {
                de::Error::invalid_value(Unexpected::Other(&format!("{pair:?}")), &"pairs [digit, addend]")
            })?;
            pairs.push(pair);
        }
        Ok(HeldOutPairs::List(pairs))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<HeldOutPairs, A::Error> {
        HeldOutShare::deserialize(MapAccessDeserializer::new(map)).map(HeldOutPairs::Share)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<HeldOutPairs, E> {
        let rule = text.parse().map_err(|()| E::invalid_value(Unexpected::Str(text), &self))?;
        Ok(HeldOutPairs::Rule(rule))
    }
}
