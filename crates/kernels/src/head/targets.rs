//! What a pass is measured against.

use super::HeadSpec;
use crate::Result;
use crate::shape::{check_classes, check_len, check_part, check_probability};

/// What both heads should say of each pair: the labels, and distributions beside them.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The digit of each pair, `[b]`.
    pub digits: &'a [u8],
    /// The sum of each pair, `[b]`.
    pub sums: &'a [u8],
    /// Smoothing `s` makes a label's distribution `1 - s` at its class plus `s / classes` at every class, as in PyTorch.
    pub label_smoothing: f32,
    /// Distributions that take the place of the labels, or of a part of them.
    pub soft: Option<SoftTargets<'a>>,
}

/// Distributions over the classes of each head, such as the probabilities of other networks (Hinton, Vinyals and Dean,
/// "Distilling the Knowledge in a Neural Network", 2015, at a temperature of 1).
#[derive(Clone, Copy, Debug)]
pub struct SoftTargets<'a> {
    /// `[b, digits]`, each row summing to 1.
    pub digits: &'a [f32],
    /// `[b, sums]`, each row summing to 1.
    pub sums: &'a [f32],
    /// The part of the target, 0 to 1, that they are. The rest is the label's.
    pub weight: f32,
}

impl Targets<'_> {
    /// Refuses what is not of `rows` pairs or no class of `spec`.
    pub(super) fn check(&self, spec: &HeadSpec, rows: usize) -> Result<()> {
        check_len("digits", self.digits, rows)?;
        check_len("sums", self.sums, rows)?;
        check_classes("digits", self.digits, spec.digits)?;
        check_classes("sums", self.sums, spec.sums)?;
        check_probability("label_smoothing", self.label_smoothing)?;
        if let Some(soft) = &self.soft {
            check_len("soft digits", soft.digits, rows * spec.digits)?;
            check_len("soft sums", soft.sums, rows * spec.sums)?;
            check_part("weight", soft.weight)?;
        }
        Ok(())
    }
}
