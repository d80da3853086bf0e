//! What a head should say of each row.

use candle_core::Tensor;

use crate::{Error, Result};

/// The targets of one head.
#[derive(Clone, Copy, Debug)]
pub struct HeadTargets<'a> {
    /// The class of each row, u32 `[rows]`.
    pub labels: &'a Tensor,
    /// Part of each label that is spread evenly over all classes, 0 to below 1, as in PyTorch's `CrossEntropyLoss`.
    pub label_smoothing: f32,
    /// Distributions, f32 `[rows, classes]`, each row summing to 1, and the part of the target, 0 to 1, that they are; the rest
    /// is the label's.
    pub soft: Option<(&'a Tensor, f32)>,
}

impl<'a> HeadTargets<'a> {
    /// The labels as they are, u32 `[rows]`.
    pub fn labels(labels: &'a Tensor) -> Self {
        Self { labels, label_smoothing: 0.0, soft: None }
    }

    /// The part of the target that distributions are.
    ///
    /// # Errors
    /// [`Error::Argument`] where it is not from 0 to 1.
    pub(crate) fn soft_weight(&self) -> Result<f64> {
        let weight = self.soft.map_or(0.0, |(_, weight)| f64::from(weight));
        if (0.0..=1.0).contains(&weight) {
            return Ok(weight);
        }
        let (expected, found) = ("0 to 1".into(), weight.to_string());
        Err(Error::Argument { what: "weight of the soft targets", expected, found })
    }
}
