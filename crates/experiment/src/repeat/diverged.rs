//! A run of a repetition that diverged.

use std::fmt;

use adder_train::Divergence;
use serde::{Deserialize, Serialize};

use crate::series::SeriesError;

/// A seed whose run, or a teacher of it, came to a number that is infinite or not a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DivergedRun {
    /// The seed of the run.
    pub seed: u64,
    /// The number of the teacher, counted from 1, where it was one that diverged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<u64>,
    /// The number and its place.
    #[serde(flatten)]
    pub divergence: Divergence,
}

impl DivergedRun {
    /// The run of `seed`, if `error` says that it diverged.
    pub fn of(seed: u64, error: &SeriesError) -> Option<Self> {
        let divergence = error.divergence()?.clone();
        Some(Self { seed, teacher: error.teacher(), divergence })
    }
}

impl fmt::Display for DivergedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {} diverged: ", self.seed)?;
        if let Some(teacher) = self.teacher {
            write!(f, "in teacher {teacher}, ")?;
        }
        write!(f, "{}", self.divergence)
    }
}
