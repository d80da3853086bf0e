//! The widths of a head and where its parameters lie.

use std::ops::Range;

use crate::shape::volume;
use crate::{Error, Result};

/// The widths of a head. Each is at least 1, and classes and addends are numbered by a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadSpec {
    /// Values that describe an image: the channels after the global average pool.
    pub features: usize,
    /// Outputs of the embedding layer.
    pub embedding: usize,
    /// How many addends there are.
    pub addends: usize,
    /// Outputs of the hidden layer.
    pub hidden: usize,
    /// Classes of the digit head.
    pub digits: usize,
    /// Classes of the sum head.
    pub sums: usize,
}

/// Where each parameter lies in a head's flat parameters, in this order. Weights are `[out, in]`, as in PyTorch; the
/// hidden layer's inputs are the embedding, then the one-hot addend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadLayout {
    /// `[embedding, features]`.
    pub embedding_weight: Range<usize>,
    /// `[embedding]`.
    pub embedding_gamma: Range<usize>,
    /// `[embedding]`.
    pub embedding_beta: Range<usize>,
    /// `[hidden, embedding + addends]`.
    pub hidden_weight: Range<usize>,
    /// `[hidden]`.
    pub hidden_gamma: Range<usize>,
    /// `[hidden]`.
    pub hidden_beta: Range<usize>,
    /// `[digits, hidden]`.
    pub digit_weight: Range<usize>,
    /// `[sums, hidden]`.
    pub sum_weight: Range<usize>,
}

impl HeadSpec {
    /// Where each parameter lies.
    pub fn layout(&self) -> HeadLayout {
        let mut end = 0;
        let mut next = |len| {
            let start = end;
            end += len;
            start..end
        };
        HeadLayout {
            embedding_weight: next(self.embedding * self.features),
            embedding_gamma: next(self.embedding),
            embedding_beta: next(self.embedding),
            hidden_weight: next(self.hidden * self.hidden_inputs()),
            hidden_gamma: next(self.hidden),
            hidden_beta: next(self.hidden),
            digit_weight: next(self.digits * self.hidden),
            sum_weight: next(self.sums * self.hidden),
        }
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.layout().sum_weight.end
    }

    pub(crate) fn check(&self) -> Result<()> {
        let classes = [("addends", self.addends), ("digits", self.digits), ("sums", self.sums)];
        for (field, found) in
            [("features", self.features), ("embedding", self.embedding), ("hidden", self.hidden)]
        {
            if found == 0 {
                return Err(Error::Dimension { argument: field, found, expected: "at least 1".into() });
            }
        }
        for (field, found) in classes {
            if !(1..=256).contains(&found) {
                return Err(Error::Dimension { argument: field, found, expected: "1 to 256 classes".into() });
            }
        }
        // With this, no sum or product of widths can overflow.
        let widths = [self.features, self.embedding.saturating_add(self.addends), self.hidden];
        volume("spec", &widths.map(|width| width.saturating_add(512))).map(|_| ())
    }

    /// Inputs of the hidden layer.
    pub(crate) fn hidden_inputs(&self) -> usize {
        self.embedding + self.addends
    }

    /// Classes of both heads.
    pub(crate) fn classes(&self) -> usize {
        self.digits + self.sums
    }
}
