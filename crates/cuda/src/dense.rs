//! The launches of the dense layers, the heads and their loss.

use crate::launch::Launch;
use crate::memory::Region;
use crate::regions::Regions;
use crate::settings::Settings;
use crate::spec::{Hidden, Spec};
use crate::tiling::WARP;
use crate::trunk::{fold_norm, norm_parameters};

/// Threads of a unit's block: one for each row of the usual batch.
const THREADS: u32 = 128;
/// Threads of a block for 32 rows of the heads.
const HEAD_THREADS: u32 = 256;

/// What all launches of the dense layers are made from.
#[derive(Clone, Copy)]
pub(crate) struct Dense<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) regions: &'a Regions,
    pub(crate) settings: &'a Settings,
}

impl Dense<'_> {
    /// From the features to the loss and its gradient at the logits.
    pub(crate) fn forward(self) -> Vec<Launch> {
        let Self { spec, regions, settings } = self;
        let mut launches: Vec<Launch> = (0..spec.hidden.len()).map(|index| self.layer(index)).collect();
        launches.push(
            Launch::new("heads_and_loss", settings.batch.div_ceil(WARP), HEAD_THREADS)
                .pointer(regions.step)
                .pointer(self.input_of(spec.hidden.len()))
                .pointer(self.weight(&spec.head_weight))
                .pointer(regions.first_class)
                .pointer(regions.labels)
                .pointer_or_null(regions.soft)
                .pointer(regions.logits)
                .pointer(regions.grad_logits)
                .pointer(regions.row_loss)
                .pointer(regions.row_correct)
                .pointer(regions.ring)
                .pointer(regions.stopped)
                .pointer(regions.counters.part(2 * spec.blocks.len(), 1))
                .word(spec.head_inputs())
                .word(spec.heads.len())
                .word(regions.pitch)
                .word(0),
        );
        launches
    }

    /// From the gradient at the logits to those of the parameters and of the features.
    pub(crate) fn backward(self) -> Vec<Launch> {
        let Self { spec, regions, .. } = self;
        let mut launches = vec![
            Launch::new("head_backward", spec.classes(), THREADS)
                .pointer(regions.step)
                .with(|launch| self.inputs(launch, spec.hidden.len()))
                .pointer(regions.grad_logits)
                .pointer(regions.grads.part(spec.head_weight.start, spec.head_weight.len()))
                .word(regions.pitch)
                .word(0),
        ];
        launches.extend((0..spec.hidden.len()).rev().map(|index| self.layer_backward(index)));
        launches.push(
            Launch::new("feature_gradient", spec.features(), THREADS)
                .pointer(regions.step)
                .with(|launch| self.next(launch, 0))
                .pointer(regions.grad_features)
                .word(regions.pitch)
                .word(0),
        );
        launches
    }

    /// The logits with running statistics.
    pub(crate) fn predict(self) -> Vec<Launch> {
        let Self { spec, regions, .. } = self;
        let mut launches = Vec::new();
        for (index, (layer, at)) in spec.hidden.iter().zip(&regions.hidden).enumerate() {
            launches.push(fold_norm(regions, &layer.norm, at.folded));
            let weight = self.weight(&layer.weight);
            launches.push(self.linear(index, weight, Some(at.folded), at.output, layer.outputs));
        }
        let (weight, classes) = (self.weight(&spec.head_weight), spec.classes());
        launches.push(self.linear(spec.hidden.len(), weight, None, regions.logits, classes));
        launches
    }

    fn linear(
        self,
        index: usize,
        weight: Region,
        folded: Option<Region>,
        output: Region,
        outputs: usize,
    ) -> Launch {
        Launch::new("dense_predict", outputs, THREADS)
            .pointer(self.regions.step)
            .with(|launch| self.inputs(launch, index))
            .pointer(weight)
            .pointer_or_null(folded)
            .pointer(output)
            .word(outputs)
            .word(self.regions.pitch)
    }

    fn layer(self, index: usize) -> Launch {
        let (layer, at) = (&self.spec.hidden[index], &self.regions.hidden[index]);
        Launch::new("dense_forward", layer.outputs, THREADS)
            .pointer(self.regions.step)
            .with(|launch| self.inputs(launch, index))
            .pointer(self.weight(&layer.weight))
            .with(|launch| norm_parameters(launch, self.regions, &layer.norm))
            .pointer(at.standard)
            .pointer(at.output)
            .pointer(at.statistics)
            .word(layer.outputs)
            .word(self.regions.pitch)
            .float(self.settings.norm_momentum)
            .word(0)
    }

    fn layer_backward(self, index: usize) -> Launch {
        let (layer, at) = (&self.spec.hidden[index], &self.regions.hidden[index]);
        let grads = self.regions.grads;
        Launch::new("dense_backward", layer.outputs, THREADS)
            .pointer(self.regions.step)
            .with(|launch| self.next(launch, index + 1))
            .with(|launch| self.inputs(launch, index))
            .pointer(self.regions.state.part(layer.norm.gamma.start, layer.outputs))
            .pointer(at.standard)
            .pointer(at.output)
            .pointer(at.statistics)
            .pointer(at.grad)
            .pointer(grads.part(layer.weight.start, layer.weight.len()))
            .pointer(grads.part(layer.norm.gamma.start, layer.outputs))
            .pointer(grads.part(layer.norm.beta.start, layer.outputs))
            .word(layer.outputs)
            .word(self.regions.pitch)
    }

    /// The values that a layer reads, or the heads for the index behind the last.
    fn input_of(self, index: usize) -> Region {
        index.checked_sub(1).map_or(self.regions.features, |before| self.regions.hidden[before].output)
    }

    /// `Inputs` of a layer, or of the heads.
    fn inputs(self, launch: Launch, index: usize) -> Launch {
        let (inputs, classes) = match self.spec.hidden.get(index) {
            Some(&Hidden { inputs, classes, .. }) => (inputs, classes),
            None => (self.spec.head_inputs(), 0),
        };
        launch
            .pointer(self.input_of(index))
            .pointer_or_null((classes > 0).then_some(self.regions.one_hot))
            .word(inputs)
            .word(classes)
    }

    /// `Next`: a layer, or the heads, as the one before sees it.
    fn next(self, launch: Launch, index: usize) -> Launch {
        let Self { spec, regions, .. } = self;
        match spec.hidden.get(index) {
            Some(layer) => launch
                .pointer(regions.hidden[index].grad)
                .pointer(self.weight(&layer.weight))
                .word(layer.outputs)
                .word(layer.inputs + layer.classes),
            None => launch
                .pointer(regions.grad_logits)
                .pointer(self.weight(&spec.head_weight))
                .word(spec.classes())
                .word(spec.head_inputs()),
        }
    }

    fn weight(self, range: &std::ops::Range<usize>) -> Region {
        self.regions.state.part(range.start, range.len())
    }
}
