//! The layers after the convolutions, for the rows of a task.

use super::network::TrainedNetwork;
use crate::dense::DenseSpec;
use crate::fold::{ChannelAffine, fold_linear};
use crate::matrix::{Matrix, multiply};
use crate::shape::check_len;
use crate::{Error, Isa, Result};

/// The dense layers and the heads, with the norms in their weights.
#[derive(Debug)]
pub(super) struct FoldedDense {
    pub(super) spec: DenseSpec,
    /// The layer whose input is the embedding: that with the one-hot input, or the heads where there is none.
    pub(super) embedding: usize,
    isa: Isa,
    /// The norm that the features still need; it is in the weights of the layer that reads them.
    feature_norm: ChannelAffine,
    layers: Vec<FoldedLayer>,
    /// All heads side by side, `[in, all classes]`.
    heads: FoldedLayer,
}

/// A linear layer with a bias.
#[derive(Debug)]
struct FoldedLayer {
    /// `[in, out]`. The rows of one-hot classes follow those of the other inputs.
    weight: Matrix,
    /// `[1, out]`.
    bias: Matrix,
}

/// The memory of a task.
#[derive(Debug, Default)]
pub(super) struct DenseScratch {
    /// The input of each layer and of the heads, `[rows, in]`, after the ReLU of the layer before: rows are images up to
    /// the embedding.
    inputs: Vec<Matrix>,
    /// The output of the layer with the one-hot input before the class is added, `[images, out]`.
    shared: Matrix,
    logits: Matrix,
}

impl DenseScratch {
    /// Room for the features of so many images, all zero.
    pub(super) fn features(&mut self, images: usize) -> &mut Matrix {
        self.inputs[0].clear(images);
        &mut self.inputs[0]
    }
}

impl FoldedDense {
    pub(super) fn new(network: &TrainedNetwork<'_>, feature_norm: &ChannelAffine, isa: Isa) -> Result<Self> {
        let (spec, params) = (network.dense.clone(), network.dense_params);
        spec.check()?;
        check_len("dense_params", params, spec.parameters())?;
        check_len("dense_statistics", network.dense_statistics, spec.layers.len())?;
        let channels = feature_norm.scale.len();
        if spec.inputs != channels {
            let expected = format!("the last block's {channels} channels");
            return Err(Error::Dimension { argument: "inputs", found: spec.inputs, expected });
        }
        let layout = spec.layout();
        let before = |layer: usize, inputs: usize| match layer {
            0 => feature_norm.clone().extended(inputs),
            _ => ChannelAffine::identity(inputs),
        };
        let mut layers = Vec::with_capacity(spec.layers.len());
        for (layer, (at, statistics)) in layout.layers.iter().zip(network.dense_statistics).enumerate() {
            let norm = statistics
                .fold(&params[at.gamma.clone()], &params[at.beta.clone()])
                .map_err(|source| Error::Layer { layer, source: source.into() })?;
            let before = before(layer, spec.row_length(layer));
            layers.push(FoldedLayer::new(&params[at.weight.clone()], None, &before, &norm));
        }
        if let Some(bias) = network.head_bias {
            check_len("head_bias", bias, spec.classes())?;
        }
        let heads = FoldedLayer::new(
            &params[layout.heads_range()],
            network.head_bias,
            &before(layers.len(), spec.last_width()),
            &ChannelAffine::identity(spec.classes()),
        );
        let embedding = spec.one_hot.map_or(layers.len(), |input| input.layer);
        Ok(Self { spec, embedding, isa, feature_norm: feature_norm.clone(), layers, heads })
    }

    pub(super) fn scratch(&self) -> DenseScratch {
        let layers = 0..=self.layers.len();
        let joined = self.layers.get(self.embedding).map_or(0, |layer| layer.weight.columns());
        DenseScratch {
            inputs: layers.map(|layer| Matrix::new(self.spec.width_before(layer))).collect(),
            shared: Matrix::new(joined),
            logits: Matrix::new(self.spec.classes()),
        }
    }

    /// Computes the embeddings in the scratch from the features there.
    pub(super) fn embed(&self, scratch: &mut DenseScratch) {
        self.run(0..self.embedding, scratch);
    }

    /// Writes the embeddings in the scratch, `[images, width]`.
    pub(super) fn write_embeddings(&self, scratch: &DenseScratch, embeddings: &mut [f32]) {
        let found = &scratch.inputs[self.embedding];
        found.copy_to(embeddings, found.columns());
        if self.embedding == 0 {
            let ChannelAffine { scale, shift } = &self.feature_norm;
            for row in embeddings.chunks_exact_mut(scale.len()) {
                for ((value, scale), shift) in row.iter_mut().zip(scale).zip(shift) {
                    *value = (f64::from(*value) * scale + shift) as f32;
                }
            }
        }
    }

    /// Computes the logits of all heads from the embeddings in the scratch, for the class of each image or, without one,
    /// for every class of the one-hot input, if there is such an input.
    pub(super) fn logits<'a>(&self, one_hot: Option<&[u8]>, scratch: &'a mut DenseScratch) -> &'a Matrix {
        let mut next = self.embedding;
        if let Some(input) = self.spec.one_hot {
            let DenseScratch { inputs, shared, .. } = &mut *scratch;
            self.layers[next].run(self.isa, &inputs[next], shared);
            let joined = &mut inputs[next + 1];
            match one_hot {
                Some(classes) => {
                    joined.clear(classes.len());
                    for (image, &class) in classes.iter().enumerate() {
                        self.add_class(shared.row(image), class.into(), joined.row_mut(image));
                    }
                }
                None => {
                    joined.clear(shared.rows() * input.classes);
                    for row in 0..joined.rows() {
                        let (image, class) = (row / input.classes, row % input.classes);
                        self.add_class(shared.row(image), class, joined.row_mut(row));
                    }
                }
            }
            relu(joined);
            next += 1;
        }
        self.run(next..self.layers.len(), scratch);
        let DenseScratch { inputs, logits, .. } = scratch;
        self.heads.run(self.isa, &inputs[self.layers.len()], logits);
        logits
    }

    /// Runs some layers, none of them with a one-hot input.
    fn run(&self, layers: std::ops::Range<usize>, scratch: &mut DenseScratch) {
        for layer in layers {
            let (before, after) = scratch.inputs.split_at_mut(layer + 1);
            self.layers[layer].run(self.isa, &before[layer], &mut after[0]);
            relu(&mut after[0]);
        }
    }

    /// A one-hot class times the weight is one of the weight's rows.
    fn add_class(&self, shared: &[f32], class: usize, joined: &mut [f32]) {
        let of_class = self.layers[self.embedding].weight.row(self.spec.width_before(self.embedding) + class);
        for ((joined, shared), of_class) in joined.iter_mut().zip(shared).zip(of_class) {
            *joined = shared + of_class;
        }
    }
}

impl FoldedLayer {
    /// A layer of weight `[out, in]`, and perhaps a bias, between a norm of its inputs and one of its outputs.
    fn new(weight: &[f32], bias: Option<&[f32]>, before: &ChannelAffine, after: &ChannelAffine) -> Self {
        let (inputs, outputs) = (before.scale.len(), after.scale.len());
        let (folded, bias) = fold_linear(weight, bias, 1, before, after);
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
