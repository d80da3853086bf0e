//! The buffers of a network: everything that a training step or a prediction reads and writes, at fixed places.

use crate::error::Result;
use crate::memory::{Layout, Region};
use crate::settings::{OptimizerKind, Settings};
use crate::spec::{Block, Hidden, Spec};
use crate::step::Step;
use crate::tiling::{Tiling, Tuning, WARP, WeightTiling};

/// Numbers of a step in the ring before those of the heads, as `Metric` in `loss.cu`.
pub(crate) const METRICS: usize = 4;
/// Rows of a norm's numbers, as `Row` in `block.cuh`.
const NORM_ROWS: usize = 8;
/// Numbers of an image's change, as `CHANGE` in `augment.cu`.
pub(crate) const CHANGE: usize = 61;
/// Words of an image of 28x28 bytes.
pub(crate) const IMAGE_WORDS: usize = 28 * 28 / 4;

/// The buffers of a block.
#[derive(Clone, Debug)]
pub(crate) struct BlockRegions {
    /// relu(convolution), its sign bits dropout's.
    pub(crate) values: Region,
    pub(crate) exact: Region,
    pub(crate) numbers: Region,
    /// The norm with running statistics.
    pub(crate) folded: Region,
    /// The gradient of the block's output; the last block's comes from the dense layers.
    pub(crate) grad: Option<Region>,
    pub(crate) partials: Region,
    /// Partial sums of each channel.
    pub(crate) slots: usize,
    pub(crate) forward: Tiling,
    /// The way back to the block before; none for the first.
    pub(crate) backward: Option<Tiling>,
    pub(crate) weight: WeightTiling,
}

/// The buffers of a hidden layer.
#[derive(Clone, Debug)]
pub(crate) struct HiddenRegions {
    pub(crate) standard: Region,
    pub(crate) output: Region,
    pub(crate) statistics: Region,
    pub(crate) grad: Region,
    pub(crate) folded: Region,
}

/// The images as bytes and what becomes of them.
#[derive(Clone, Debug)]
pub(crate) struct AugmentRegions {
    pub(crate) bytes: Region,
    pub(crate) indices: Region,
    pub(crate) changes: Region,
}

/// All buffers.
#[derive(Clone, Debug)]
pub(crate) struct Regions {
    pub(crate) step: Region,
    pub(crate) images: Region,
    pub(crate) one_hot: Region,
    pub(crate) labels: Region,
    pub(crate) soft: Option<Region>,
    /// Parameters, then running statistics.
    pub(crate) state: Region,
    pub(crate) average: Option<Region>,
    pub(crate) grads: Region,
    pub(crate) first: Region,
    pub(crate) second: Region,
    pub(crate) flags: Region,
    pub(crate) factor: Region,
    pub(crate) stopped: Region,
    pub(crate) ring: Region,
    pub(crate) first_class: Region,
    /// First and last + 1 of each block's weight.
    pub(crate) ranges: Region,
    pub(crate) matrices: Region,
    pub(crate) muon_room: Region,
    pub(crate) counters: Region,
    pub(crate) blocks: Vec<BlockRegions>,
    /// The weights' gradients of each image.
    pub(crate) weight_partials: Region,
    pub(crate) features: Region,
    pub(crate) grad_features: Region,
    pub(crate) hidden: Vec<HiddenRegions>,
    pub(crate) logits: Region,
    pub(crate) grad_logits: Region,
    pub(crate) row_loss: Region,
    pub(crate) row_correct: Region,
    pub(crate) augment: Option<AugmentRegions>,
    /// Values of a feature over the batch: the batch, rounded up to whole warps.
    pub(crate) pitch: usize,
    /// Where the parameters of the last block end.
    pub(crate) trunk_parameters: usize,
}

impl Regions {
    /// Lays out the buffers for a network.
    pub(crate) fn new(spec: &Spec, settings: &Settings, layout: &mut Layout) -> Result<Self> {
        let Settings { batch, ring, .. } = *settings;
        let pitch = batch.next_multiple_of(WARP);
        let trunk_parameters = spec.blocks.iter().map(|block| block.norm.beta.end).max().unwrap_or(0);
        let state = spec.parameters + spec.running;
        let heads = spec.heads.len();
        let image = spec.blocks[0].input;
        // A closure that borrows the layout for each kind of buffer would need four; these are words of 4 bytes.
        let mut words = |name: &str, sizes: &[usize]| layout.take(name, sizes, 1);
        let matrices: Vec<_> = muon_matrices(spec, settings).collect();
        let muon_values = matrices.iter().map(|matrix| matrix.room()).sum();
        let mut regions = Self {
            step: words("step", &[Step::WORDS])?,
            images: words("images", &[batch, image[0], image[1], image[2]])?,
            one_hot: words("one-hot classes", &[pitch])?,
            labels: words("labels", &[heads, pitch])?,
            soft: settings
                .soft_targets
                .then(|| words("soft targets", &[spec.classes(), pitch]))
                .transpose()?,
            state: words("parameters", &[state])?,
            average: settings.average.then(|| words("average", &[state])).transpose()?,
            grads: words("gradients", &[spec.parameters])?,
            first: words("first moments", &[spec.parameters])?,
            second: words("second moments", &[spec.parameters])?,
            flags: words("flags", &[spec.parameters])?,
            factor: words("factor", &[1])?,
            stopped: words("stopped", &[1])?,
            ring: words("ring", &[2, ring, METRICS + 2 * heads])?,
            first_class: words("first classes", &[heads + 1])?,
            ranges: words("ranges", &[spec.blocks.len(), 2])?,
            matrices: words("matrices", &[matrices.len(), 4])?,
            muon_room: words("orthogonalization", &[muon_values])?,
            counters: words("counters", &[2 * spec.blocks.len() + 1])?,
            blocks: Vec::new(),
            weight_partials: words("gradients of weights", &[batch, trunk_parameters])?,
            features: words("features", &[spec.features(), pitch])?,
            grad_features: words("gradient of features", &[spec.features(), pitch])?,
            hidden: Vec::new(),
            logits: words("logits", &[spec.classes(), pitch])?,
            grad_logits: words("gradient of logits", &[spec.classes(), pitch])?,
            row_loss: words("losses", &[heads, pitch])?,
            row_correct: words("right rows", &[heads, pitch])?,
            augment: None,
            pitch,
            trunk_parameters,
        };
        if settings.resident_images > 0 {
            regions.augment = Some(AugmentRegions {
                bytes: words("images as bytes", &[settings.resident_images, IMAGE_WORDS])?,
                indices: words("indices", &[batch])?,
                changes: words("changes", &[batch, CHANGE])?,
            });
        }
        regions.hidden =
            spec.hidden.iter().map(|layer| hidden(layer, pitch, layout)).collect::<Result<_>>()?;
        regions.blocks = blocks(spec, settings, layout)?;
        Ok(regions)
    }

    /// The parameters.
    pub(crate) fn parameters(&self) -> Region {
        self.state.part(0, self.grads.len)
    }
}

fn hidden(layer: &Hidden, pitch: usize, layout: &mut Layout) -> Result<HiddenRegions> {
    let mut map = |name: &str| layout.take(name, &[layer.outputs, pitch], 1);
    Ok(HiddenRegions {
        standard: map("normalized values")?,
        output: map("hidden values")?,
        grad: map("gradient of hidden values")?,
        statistics: layout.take("statistics", &[3, layer.outputs], 1)?,
        folded: layout.take("folded norm", &[2, layer.outputs], 1)?,
    })
}

fn blocks(spec: &Spec, settings: &Settings, layout: &mut Layout) -> Result<Vec<BlockRegions>> {
    let tilings = spec.blocks.iter().map(|block| tilings(block, settings.tuning));
    let tilings = tilings.collect::<Result<Vec<_>>>()?;
    let mut regions = Vec::with_capacity(spec.blocks.len());
    for (index, (block, (forward, backward, weight))) in spec.blocks.iter().zip(&tilings).enumerate() {
        // The sums on the way back are taken where the gradient comes from: the next block, or the dense layers.
        let back = tilings.get(index + 1).map_or(1, |next| next.1.bands);
        let slots = settings.batch.saturating_mul(forward.bands.max(back));
        let [channels, height, width] = block.output;
        let [rows, columns] = block.pooled();
        let is_last = index + 1 == spec.blocks.len();
        let grad = (!is_last)
            .then(|| layout.take("gradient of a map", &[settings.batch, channels, rows, columns], 1));
        regions.push(BlockRegions {
            values: layout.take("a block's values", &[settings.batch, channels, height, width], 1)?,
            exact: layout.take("a norm's statistics", &[2, channels], 2)?,
            numbers: layout.take("a norm's numbers", &[NORM_ROWS, channels], 1)?,
            folded: layout.take("a folded norm", &[2, channels], 1)?,
            grad: grad.transpose()?,
            partials: layout.take("partial sums", &[2, channels, slots], 2)?,
            slots,
            forward: *forward,
            backward: (index > 0).then_some(*backward),
            weight: *weight,
        });
    }
    Ok(regions)
}

fn tilings(block: &Block, tuning: Tuning) -> Result<(Tiling, Tiling, WeightTiling)> {
    let ([in_channels, rows, columns], [out_channels, height, width]) = (block.input, block.output);
    let name = &block.name;
    Ok((
        Tiling::new(name, [height, width], block.padding, in_channels, tuning)?,
        // Back: the gradient of the output with the border that the flipped kernel needs.
        Tiling::new(name, [rows, columns], 2 - block.padding, out_channels, tuning)?,
        WeightTiling::new(name, [height, width], in_channels, tuning)?,
    ))
}

/// The filters of a convolution as a matrix that Muon updates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MuonMatrix {
    /// The first parameter.
    pub(crate) first: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl MuonMatrix {
    /// Values that its orthogonalization works in.
    pub(crate) fn room(self) -> usize {
        2 * self.rows * self.columns + 2 * self.rows.min(self.columns).pow(2)
    }
}

/// The filters of all convolutions that see features and not the image.
pub(crate) fn muon_matrices(spec: &Spec, settings: &Settings) -> impl Iterator<Item = MuonMatrix> {
    let is_muon = settings.optimizer == OptimizerKind::Muon;
    let blocks = spec.blocks.iter().filter(move |block| is_muon && block.input[0] > 1);
    blocks.map(|block| {
        let rows = block.output[0];
        MuonMatrix { first: block.weight.start, rows, columns: block.weight.len() / rows }
    })
}
