//! A rule for pairs, such as `sum = 9 and digit < 5`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A rule for pairs of a digit and an addend: comparisons, joined by `and`, of `digit`, `addend`, `sum` and whole numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule(Vec<Comparison>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Comparison {
    left: Term,
    operator: Operator,
    right: Term,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    Digit,
    Addend,
    Sum,
    Number(u8),
}

/// An operator as it is written, and whether it holds for two numbers.
#[derive(Clone, Copy, Debug)]
struct Operator {
    text: &'static str,
    holds: fn(&u8, &u8) -> bool,
}

/// Those that begin like others come first.
const OPERATORS: [Operator; 6] = [
    Operator { text: "<=", holds: u8::le },
    Operator { text: ">=", holds: u8::ge },
    Operator { text: "!=", holds: u8::ne },
    Operator { text: "<", holds: u8::lt },
    Operator { text: ">", holds: u8::gt },
    Operator { text: "=", holds: u8::eq },
];

impl PartialEq for Operator {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Operator {}

impl Rule {
    /// Whether the rule is true of a digit and an addend.
    pub fn holds(&self, digit: u8, addend: u8) -> bool {
        let value = |term: Term| match term {
            Term::Digit => digit,
            Term::Addend => addend,
            Term::Sum => digit.saturating_add(addend),
            Term::Number(number) => number,
        };
        self.0
            .iter()
            .all(|&Comparison { left, operator, right }| (operator.holds)(&value(left), &value(right)))
    }
}

impl FromStr for Rule {
    type Err = ();

    /// Reads a rule; an error says no more than that it is none.
    fn from_str(text: &str) -> Result<Self, ()> {
        text.split(" and ").map(str::parse).collect::<Result<_, ()>>().map(Self)
    }
}

impl FromStr for Comparison {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let split = OPERATORS.iter().find_map(|operator| Some((operator, text.split_once(operator.text)?)));
        let (&operator, (left, right)) = split.ok_or(())?;
        Ok(Self { left: left.parse()?, operator, right: right.parse()? })
    }
}

impl FromStr for Term {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.trim() {
            "digit" => Ok(Self::Digit),
            "addend" => Ok(Self::Addend),
            "sum" => Ok(Self::Sum),
            number => number.parse().map(Self::Number).map_err(|_| ()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Comparison { left, operator, right }) in self.0.iter().enumerate() {
            let and = if at == 0 { "" } else { " and " };
            write!(f, "{and}{left} {} {right}", operator.text)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digit => f.write_str("digit"),
            Self::Addend => f.write_str("addend"),
            Self::Sum => f.write_str("sum"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
