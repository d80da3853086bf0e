//! The layers after the convolutions, for the rows of a task.

use super::fold::ChannelNorm;
use super::{Addends, TrainedNetwork};
use crate::dense::{Matrix, multiply};
use crate::head::HeadSpec;
use crate::shape::check_len;
use crate::{Error, Isa, Result};

/// The embedding, hidden and classifying layers, with their norms in their weights.
#[derive(Debug)]
pub(super) struct FoldedHeads {
    pub(super) spec: HeadSpec,
    isa: Isa,
    embedding: FoldedLayer,
    hidden: FoldedLayer,
    /// Both heads side by side, `[hidden, digits + sums]`.
    classes: Matrix,
}

/// A linear layer with a bias.
#[derive(Debug)]
struct FoldedLayer {
    /// `[in, out]`. For the hidden layer, the rows of the addends follow those of the embedding.
    weight: Matrix,
    /// `[1, out]`.
    bias: Matrix,
}

/// The memory of a task.
#[derive(Debug, Default)]
pub(super) struct HeadsScratch {
    features: Matrix,
    /// `[images, embedding]`, after the ReLU.
    pub(super) embedding: Matrix,
    /// Of the hidden layer before the addends are added, `[images, hidden]`.
    shared: Matrix,
    /// `[pairs, hidden]`, after the ReLU.
    hidden: Matrix,
    logits: Matrix,
}

impl HeadsScratch {
    /// Room for the features of so many images, all zero.
    pub(super) fn features(&mut self, images: usize) -> &mut Matrix {
        self.features.clear(images);
        &mut self.features
    }
}

impl FoldedHeads {
    pub(super) fn new(network: &TrainedNetwork<'_>, feature_norm: &ChannelNorm, isa: Isa) -> Result<Self> {
        let (spec, params) = (*network.head, network.head_params);
        spec.check()?;
        check_len("head_params", params, spec.parameters())?;
        let channels = feature_norm.scale.len();
        if spec.features != channels {
            let expected = format!("the last block's {channels} channels");
            return Err(Error::Dimension { argument: "features", found: spec.features, expected });
        }
        let layout = spec.layout();
        let [gamma, beta] = [layout.embedding_gamma, layout.embedding_beta].map(|range| &params[range]);
        let norm = ChannelNorm::new(gamma, beta, network.embedding_statistics, "embedding_statistics")?;
        let embedding = FoldedLayer::new(&params[layout.embedding_weight], feature_norm, &norm);
        let [gamma, beta] = [layout.hidden_gamma, layout.hidden_beta].map(|range| &params[range]);
        let norm = ChannelNorm::new(gamma, beta, network.hidden_statistics, "hidden_statistics")?;
        let inputs = ChannelNorm::identity(spec.hidden_inputs());
        let hidden = FoldedLayer::new(&params[layout.hidden_weight], &inputs, &norm);
        let mut classes = Matrix::new(spec.classes());
        classes.transpose_from(&params[layout.digit_weight.start..layout.sum_weight.end], spec.hidden);
        Ok(Self { spec, isa, embedding, hidden, classes })
    }

    pub(super) fn scratch(&self) -> HeadsScratch {
        HeadsScratch {
            features: Matrix::new(self.spec.features),
            embedding: Matrix::new(self.spec.embedding),
            shared: Matrix::new(self.spec.hidden),
            hidden: Matrix::new(self.spec.hidden),
            logits: Matrix::new(self.spec.classes()),
        }
    }

    /// From the features in the scratch to the embeddings there.
    pub(super) fn embed(&self, scratch: &mut HeadsScratch) {
        let HeadsScratch { features, embedding, .. } = scratch;
        self.embedding.run(self.isa, features, embedding);
        relu(embedding);
    }

    /// From the embeddings in the scratch to the logits of every pair.
    pub(super) fn answer(
        &self,
        addends: Addends<'_>,
        scratch: &mut HeadsScratch,
        digit_logits: &mut [f32],
        sum_logits: &mut [f32],
    ) {
        let HeadsScratch { embedding, shared, hidden, logits, .. } = scratch;
        self.hidden.run(self.isa, embedding, shared);
        match addends {
            Addends::Each(addends) => {
                hidden.clear(addends.len());
                for (image, &addend) in addends.iter().enumerate() {
                    self.add(shared.row(image), addend.into(), hidden.row_mut(image));
                }
            }
            Addends::All => {
                hidden.clear(shared.rows() * self.spec.addends);
                for pair in 0..hidden.rows() {
                    let (image, addend) = (pair / self.spec.addends, pair % self.spec.addends);
                    self.add(shared.row(image), addend, hidden.row_mut(pair));
                }
            }
        }
        relu(hidden);
        logits.clear(hidden.rows());
        multiply(self.isa, hidden, &self.classes, logits);

        let digits = digit_logits.chunks_exact_mut(self.spec.digits);
        for (pair, (digits, sums)) in digits.zip(sum_logits.chunks_exact_mut(self.spec.sums)).enumerate() {
            let (digit_row, rest) = logits.row(pair).split_at(digits.len());
            digits.copy_from_slice(digit_row);
            sums.copy_from_slice(&rest[..sums.len()]);
        }
    }

    /// A one-hot addend times the weight is one of the weight's rows.
    fn add(&self, shared: &[f32], addend: usize, hidden: &mut [f32]) {
        let of_addend = self.hidden.weight.row(self.spec.embedding + addend);
        for ((hidden, shared), of_addend) in hidden.iter_mut().zip(shared).zip(of_addend) {
            *hidden = shared + of_addend;
        }
    }
}

impl FoldedLayer {
    /// A layer of weight `[out, in]` between a norm of its inputs and one of its outputs.
    fn new(weight: &[f32], before: &ChannelNorm, after: &ChannelNorm) -> Self {
        let (inputs, outputs) = (before.scale.len(), after.scale.len());
        let (mut folded, mut bias) = (Vec::with_capacity(weight.len()), Vec::with_capacity(outputs));
        for (out, row) in weight.chunks_exact(inputs).enumerate() {
            let mut offset = 0.0;
            for (inp, &weight) in row.iter().enumerate() {
                folded.push((after.scale[out] * f64::from(weight) * before.scale[inp]) as f32);
                offset += f64::from(weight) * before.shift[inp];
            }
            bias.push((after.scale[out] * offset + after.shift[out]) as f32);
        }
        let mut layer = Self { weight: Matrix::new(outputs), bias: Matrix::new(outputs) };
        layer.weight.transpose_from(&folded, inputs);
        layer.bias.copy_from(&bias, outputs);
        layer
    }

    /// The layer without one-hot inputs: bias, then products.
    fn run(&self, isa: Isa, input: &Matrix, output: &mut Matrix) {
        output.clear(input.rows());
        for row in output.values_mut().chunks_exact_mut(self.bias.stride()) {
            row.copy_from_slice(self.bias.values());
        }
        multiply(isa, input, &self.weight, output);
    }
}

/// Negative values become zero; a NaN stays.
fn relu(matrix: &mut Matrix) {
    for value in matrix.values_mut() {
        if *value < 0.0 {
            *value = 0.0;
        }
    }
}
