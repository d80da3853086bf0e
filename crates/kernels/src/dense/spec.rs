//! The widths of a stack of dense layers and where its parameters lie.

use std::ops::Range;

use crate::shape::volume;
use crate::{Error, Result};

/// The widths of dense layers and of the heads on the last of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseSpec {
    /// Values of an input row, at least 1.
    pub inputs: usize,
    /// Outputs of each hidden layer, at least 1: linear without bias -> batch norm -> ReLU. There may be no such layer.
    pub layers: Vec<usize>,
    /// A one-hot input of one of the hidden layers.
    pub one_hot: Option<OneHotInput>,
    /// Classes of each head, 1 to 256: linear layers without bias that read the last hidden layer side by side. There is at
    /// least one.
    pub heads: Vec<usize>,
}

/// A one-hot input that is joined behind the other inputs of a hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OneHotInput {
    /// The layer, as an index into [`DenseSpec::layers`].
    pub layer: usize,
    /// The number of classes, 1 to 256.
    pub classes: usize,
}

/// The place of each parameter in the flat parameters of dense layers: weight, gamma and beta of each layer, then the
/// weights of the heads. Weights are `[out, in]`, as in PyTorch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseLayout {
    /// The parameters of each hidden layer.
    pub layers: Vec<LayerLayout>,
    /// The weight of each head, `[classes, in]`.
    pub heads: Vec<Range<usize>>,
}

/// The place of one hidden layer's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerLayout {
    /// The weight, `[out, in]`; the columns of one-hot classes follow those of the other inputs.
    pub weight: Range<usize>,
    /// The norm's factors, `[out]`.
    pub gamma: Range<usize>,
    /// The norm's offsets, `[out]`.
    pub beta: Range<usize>,
}

impl DenseLayout {
    /// The weights of all heads.
    pub(crate) fn heads_range(&self) -> Range<usize> {
        match self.heads.as_slice() {
            [first, .., last] => first.start..last.end,
            [only] => only.clone(),
            [] => 0..0,
        }
    }
}

impl DenseSpec {
    /// The place of each parameter.
    pub fn layout(&self) -> DenseLayout {
        let mut end = 0;
        let mut next = |len| {
            end += len;
            end - len..end
        };
        let layers = self.layers.iter().enumerate().map(|(layer, &outputs)| LayerLayout {
            weight: next(outputs * self.row_length(layer)),
            gamma: next(outputs),
            beta: next(outputs),
        });
        let layers = layers.collect();
        let heads = self.heads.iter().map(|classes| next(classes * self.last_width())).collect();
        DenseLayout { layers, heads }
    }

    /// The number of parameters.
    pub fn parameters(&self) -> usize {
        self.layout().heads.last().map_or(0, |head| head.end)
    }

    /// Refuses widths that cannot be.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a width of zero, a one-hot input of a layer that there is not, classes that a byte cannot
    /// number or no head at all; [`Error::TooLarge`] for more parameters than can be counted.
    pub fn check(&self) -> Result<()> {
        let dimension = |argument, found, expected: &str| {
            Err(Error::Dimension { argument, found, expected: expected.into() })
        };
        if self.inputs == 0 {
            return dimension("inputs", 0, "at least 1");
        }
        if self.layers.contains(&0) {
            return dimension("layers", 0, "outputs of at least 1");
        }
        if self.heads.is_empty() {
            return dimension("heads", 0, "at least 1 head");
        }
        let one_hot = self.one_hot.map(|input| ("one_hot.classes", input.classes));
        for (argument, classes) in one_hot.into_iter().chain(self.heads.iter().map(|&head| ("heads", head))) {
            if !(1..=256).contains(&classes) {
                return dimension(argument, classes, "1 to 256 classes");
            }
        }
        if let Some(OneHotInput { layer, .. }) = self.one_hot
            && layer >= self.layers.len()
        {
            return dimension("one_hot.layer", layer, &format!("below {} layers", self.layers.len()));
        }
        // With this, no sum or product of widths can overflow.
        let classes = self.heads.len().saturating_mul(256);
        let widths = [self.inputs].into_iter().chain(self.layers.iter().copied()).chain([classes]);
        let widths: Vec<usize> = widths.map(|width| width.saturating_add(512)).collect();
        let mut total = 0usize;
        for pair in widths.windows(2) {
            total = total
                .checked_add(volume("spec", pair)?)
                .ok_or_else(|| Error::TooLarge { argument: "spec", shape: widths.clone() })?;
        }
        Ok(())
    }

    /// Inputs of a hidden layer without one-hot classes, or of the heads for the index behind the last layer.
    pub(crate) fn width_before(&self, layer: usize) -> usize {
        if layer == 0 { self.inputs } else { self.layers[layer - 1] }
    }

    /// Inputs of the heads.
    pub(crate) fn last_width(&self) -> usize {
        self.width_before(self.layers.len())
    }

    /// Inputs of a hidden layer, one-hot classes included.
    pub(crate) fn row_length(&self, layer: usize) -> usize {
        let one_hot = self.one_hot.filter(|input| input.layer == layer);
        self.width_before(layer) + one_hot.map_or(0, |input| input.classes)
    }

    /// Classes of all heads.
    pub(crate) fn classes(&self) -> usize {
        self.heads.iter().sum()
    }
}
