//! A network looked into: its mistakes, its certainty, its inside.

use adder_data::{EvaluationAddends, Labeled, PIXELS, PairSet, SIDE, pairing};
use adder_model::{Addends, IdentityAdder, Mode, Prediction, Predictor};
use adder_network::{LayerKind, Node};
use adder_train::analysis::{Analysis, WorstImage};
use adder_train::{EvaluationSet, EvaluationSplit, Tta};
use candle_core::{DType, Tensor};

use crate::Result;
use crate::figures::{FeatureMaps, Kernels};

/// Mistakes that are kept with their images. A trained network makes fewer.
const MOST_MISTAKES: usize = 300;
/// Predictions that are shown, right or wrong.
const PREDICTIONS: usize = 9;
/// Points in the figure of embeddings: enough to see the groups.
const EMBEDDED: usize = 800;

/// The answers of a network for the evaluation set, each image with all ten addends, and its inside.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Classes, calibration, the two heads together.
    pub analysis: Analysis,
    /// The images that fail most, the worst first, with their pixels.
    pub mistakes: Vec<(WorstImage, [u8; PIXELS])>,
    /// The first images with the addends of the run's evaluation.
    pub predictions: Vec<AnsweredImage>,
    /// The first convolution's kernels of its first input channel; none where there is no convolution.
    pub kernels: Option<Kernels>,
    /// The first image on its way through the network.
    pub feature_maps: Vec<FeatureMaps>,
    /// Embeddings of the first images, `[count * embedding_width]`.
    pub embeddings: Vec<f32>,
    /// Numbers in an embedding.
    pub embedding_width: usize,
    /// The digits in those images.
    pub embedded_digits: Vec<u8>,
}

/// One image, asked with one addend.
#[derive(Clone, Debug)]
pub struct AnsweredImage {
    /// 28x28 bytes.
    pub pixels: [u8; PIXELS],
    /// The digit in the image.
    pub digit: u8,
    /// The number to add.
    pub addend: u8,
    /// The network's answer.
    pub answer: Prediction,
}

impl Inspection {
    /// Asks `model` about the images of `data` at `indices`; `seed` is the run's, for its addends.
    ///
    /// # Errors
    /// [`Error::Evaluation`](crate::Error::Evaluation), [`Error::Model`](crate::Error::Model).
    pub fn new(model: &IdentityAdder, data: &Labeled, indices: &[u32], seed: u64) -> Result<Self> {
        let addends = EvaluationAddends::Exhaustive;
        let (held_out, tta) = (PairSet::default(), Tta::default());
        let split = EvaluationSplit::Evaluation;
        let set = EvaluationSet { split, data, indices, addends, held_out, tta };
        let (_, analysis) = set.analyze(model, MOST_MISTAKES)?;
        let with_pixels = |worst: &WorstImage| (worst.clone(), *data.image(worst.index));
        let mistakes = analysis.worst.iter().map(with_pixels).collect();
        let embedded = &indices[..EMBEDDED.min(indices.len())];
        let embeddings = model.embed(&batch(model, data, embedded)?, Mode::Evaluate)?;
        Ok(Self {
            predictions: predictions(model, data, &indices[..PREDICTIONS.min(indices.len())], seed)?,
            kernels: kernels(model)?,
            feature_maps: feature_maps(model, data, indices[0])?,
            embedding_width: embeddings.dim(1)?,
            embeddings: embeddings.flatten_all()?.to_vec1()?,
            embedded_digits: embedded.iter().map(|&index| data.label(index)).collect(),
            analysis,
            mistakes,
        })
    }
}

fn normalized(data: &Labeled, indices: &[u32]) -> Vec<f32> {
    let pixels = indices.iter().flat_map(|&index| data.image(index));
    pixels.map(|&byte| adder_data::normalize(f32::from(byte))).collect()
}

fn batch(model: &IdentityAdder, data: &Labeled, indices: &[u32]) -> Result<Tensor> {
    Ok(Tensor::from_vec(normalized(data, indices), (indices.len(), 1, SIDE, SIDE), model.device())?)
}

fn predictions(
    model: &IdentityAdder,
    data: &Labeled,
    indices: &[u32],
    seed: u64,
) -> Result<Vec<AnsweredImage>> {
    let addends: Vec<u8> = indices.iter().map(|&index| pairing::evaluation_addend(seed, index)).collect();
    let said = Predictor::new(model)?.predict_batch(&normalized(data, indices), Addends::Each(&addends))?;
    let prediction = |((&index, &addend), answer)| AnsweredImage {
        pixels: *data.image(index),
        digit: data.label(index),
        addend,
        answer,
    };
    Ok(indices.iter().zip(&addends).zip(said.predictions()).map(prediction).collect())
}

fn kernels(model: &IdentityAdder) -> Result<Option<Kernels>> {
    let Some(first) = first_convolution(model.model().network().nodes()) else { return Ok(None) };
    let weights = model.parameters()[first.parameters.start].var.narrow(1, 0, 1)?;
    let weights = weights.to_dtype(DType::F32)?;
    Ok(Some(Kernels { side: weights.dim(3)?, weights: weights.flatten_all()?.to_vec1()? }))
}

/// The first convolution that an image comes to, which may stand in a residual.
fn first_convolution(nodes: &[Node]) -> Option<&Node> {
    nodes.iter().find_map(|node| match node.kind {
        LayerKind::Conv2d { .. } => Some(node),
        _ => first_convolution(&node.body),
    })
}

fn feature_maps(model: &IdentityAdder, data: &Labeled, index: u32) -> Result<Vec<FeatureMaps>> {
    let image = batch(model, data, &[index])?;
    let outputs = model.block_outputs(&image)?;
    // Blocks are counted in the short form alone; layers given one by one have names.
    let (network, short) = (model.model().network(), model.config().layers.is_empty());
    let names = (1..).zip(network.stages()).map(|(number, stage)| {
        if short { format!("block {number}") } else { network.nodes()[stage].name.clone() }
    });
    let layers = std::iter::once("image".to_owned()).chain(names);
    layers
        .zip(std::iter::once(&image).chain(&outputs))
        .map(|(layer, output)| {
            Ok(FeatureMaps { layer, side: output.dim(3)?, values: output.flatten_all()?.to_vec1()? })
        })
        .collect()
}
