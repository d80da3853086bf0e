//! The numbers that stand for a class that is given from outside, such as the addend.

use serde::{Deserialize, Serialize};

/// The numbers that a network reads for one of `classes` classes, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassCode {
    /// As many numbers as classes: 1 at the class, 0 elsewhere. Nothing says that classes have an order.
    #[default]
    OneHot,
    /// One number, from 0 for the first class to 1 for the last in equal steps.
    Scalar,
    /// One number less than there are classes: the number at `k` is 1 where the class is above `k`, else 0.
    Thermometer,
}

impl ClassCode {
    /// Numbers for one class.
    pub fn width(self, classes: usize) -> usize {
        match self {
            Self::OneHot => classes,
            Self::Scalar => 1,
            Self::Thermometer => classes.saturating_sub(1),
        }
    }

    /// The numbers for every class, `[classes, width]`, row by row.
    pub fn table(self, classes: usize) -> Vec<f32> {
        let last = classes.saturating_sub(1).max(1) as f32;
        let value = |class: usize, column: usize| match self {
            Self::OneHot => f32::from(u8::from(class == column)),
            Self::Scalar => class as f32 / last,
            Self::Thermometer => f32::from(u8::from(class > column)),
        };
        (0..classes)
            .flat_map(|class| (0..self.width(classes)).map(move |column| value(class, column)))
            .collect()
    }

    /// The code in a word or two.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::OneHot => "one-hot",
            Self::Scalar => "scalar",
            Self::Thermometer => "thermometer",
        }
    }

    /// Whether it is the usual one, which files do not mention.
    pub(crate) fn is_one_hot(&self) -> bool {
        *self == Self::OneHot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_by_hand() {
        assert_eq!(ClassCode::OneHot.table(3), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(ClassCode::Scalar.table(3), [0.0, 0.5, 1.0]);
        assert_eq!(ClassCode::Thermometer.table(3), [0.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
        assert_eq!(ClassCode::Scalar.table(1), [0.0]);
    }
}
