//! The launches of the convolution blocks.

use crate::launch::Launch;
use crate::memory::Region;
use crate::regions::{BlockRegions, Regions};
use crate::settings::Settings;
use crate::spec::{Block, Spec};
use crate::tiling::{CHANNELS, WARP};

/// Threads of the kernels that give a warp to each channel.
const CHANNEL_THREADS: u32 = 256;

/// What all launches of the blocks are made from.
#[derive(Clone, Copy)]
pub(crate) struct Trunk<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) regions: &'a Regions,
    pub(crate) settings: &'a Settings,
}

impl Trunk<'_> {
    /// The forward pass in training, up to the features.
    pub(crate) fn forward(self) -> Vec<Launch> {
        let convolutions = (0..self.spec.blocks.len()).map(|index| self.convolution(index, true));
        convolutions.chain([self.features(true)]).collect()
    }

    /// The same with running statistics and without dropout.
    pub(crate) fn predict(self) -> Vec<Launch> {
        let Self { spec, regions, .. } = self;
        let folds = spec
            .blocks
            .iter()
            .zip(&regions.blocks)
            .map(|(block, at)| fold_norm(regions, &block.norm, at.folded));
        let convolutions = (0..spec.blocks.len()).map(|index| self.convolution(index, false));
        folds.chain(convolutions).chain([self.features(false)]).collect()
    }

    /// The backward pass, from the gradient of the features to those of all parameters.
    pub(crate) fn backward(self) -> Vec<Launch> {
        let Self { spec, regions, .. } = self;
        let last = spec.blocks.len() - 1;
        let mut launches = vec![self.output_sums(last)];
        for index in (0..=last).rev() {
            launches.push(self.weight_gradient(index));
            launches.extend(self.input_gradient(index));
        }
        launches.push(
            Launch::for_each("gather_gradients", regions.trunk_parameters)
                .pointer(regions.step)
                .pointer(regions.weight_partials)
                .pointer(regions.grads)
                .pointer(regions.ranges)
                .word(spec.blocks.len())
                .word(regions.trunk_parameters),
        );
        launches
    }

    fn convolution(self, index: usize, training: bool) -> Launch {
        let (block, at) = (&self.spec.blocks[index], &self.regions.blocks[index]);
        let kernel = at.forward.kernel(["conv_forward_1", "conv_forward_2", "conv_forward_4"]);
        let blocks = self.settings.batch * block.output[0].div_ceil(CHANNELS) * at.forward.bands;
        Launch::new(kernel, blocks, at.forward.threads)
            .shared(at.forward.shared_words)
            .pointer(self.regions.step)
            .with(|launch| self.input(launch, index, training))
            .pointer(self.regions.parameters().part(block.weight.start, block.weight.len()))
            .pointer(at.values)
            .pointer(at.partials)
            .pointer(self.counter(2 * index))
            .with(|launch| self.norm(launch, block, at))
            .with(|launch| at.forward.pass(launch))
            .word(block.output[0])
            .word(at.slots)
            .word(block.mask)
            .word(if training { block.rate.threshold() as usize } else { 0 })
            .word(usize::from(training))
            .word(0)
    }

    fn features(self, training: bool) -> Launch {
        let Self { spec, regions, settings } = self;
        let channels = spec.blocks[spec.blocks.len() - 1].output[0];
        let warps = CHANNEL_THREADS as usize / WARP;
        Launch::new("features", (settings.batch * channels).div_ceil(warps), CHANNEL_THREADS)
            .pointer(regions.step)
            .with(|launch| self.input(launch, spec.blocks.len(), training))
            .pointer(regions.features)
            .word(regions.pitch)
            .word(usize::from(spec.global_average))
    }

    fn output_sums(self, last: usize) -> Launch {
        let (block, at) = (&self.spec.blocks[last], &self.regions.blocks[last]);
        Launch::new("output_gradient_sums", self.settings.batch, CHANNEL_THREADS)
            .pointer(self.regions.step)
            .with(|launch| self.gradient(launch, last))
            .with(|launch| self.norm(launch, block, at))
            .with(|launch| self.norm_gradients(launch, block))
            .pointer(at.partials)
            .pointer(self.counter(2 * last + 1))
            .word(at.slots)
            .word(0)
    }

    /// The way back through a block's convolution; none for the first, since nobody wants the gradient of the images.
    fn input_gradient(self, index: usize) -> Option<Launch> {
        let (block, at) = (&self.spec.blocks[index], &self.regions.blocks[index]);
        let tiling = at.backward?;
        let before = index - 1;
        let (block_before, at_before) = (&self.spec.blocks[before], &self.regions.blocks[before]);
        let kernel = tiling.kernel(["input_gradient_1", "input_gradient_2", "input_gradient_4"]);
        let blocks = self.settings.batch * block.input[0].div_ceil(CHANNELS) * tiling.bands;
        let launch = Launch::new(kernel, blocks, tiling.threads)
            .shared(tiling.shared_words)
            .pointer(self.regions.step)
            .with(|launch| self.gradient(launch, index))
            .pointer(self.regions.parameters().part(block.weight.start, block.weight.len()))
            .pointer_or_null(at_before.grad)
            .with(|launch| self.gradient(launch, before))
            .with(|launch| self.norm(launch, block_before, at_before))
            .with(|launch| self.norm_gradients(launch, block_before))
            .pointer(at_before.partials)
            .pointer(self.counter(2 * before + 1))
            .with(|launch| tiling.pass(launch))
            .word(block.input[0])
            .word(at_before.slots);
        Some(launch)
    }

    fn weight_gradient(self, index: usize) -> Launch {
        let (block, at) = (&self.spec.blocks[index], &self.regions.blocks[index]);
        let parts = block.output[0].div_ceil(CHANNELS) * block.input[0].div_ceil(at.weight.chunk);
        let partials = self.regions.weight_partials;
        Launch::new("weight_gradient", self.settings.batch * parts, at.weight.threads)
            .shared(at.weight.shared_words)
            .pointer(self.regions.step)
            .with(|launch| self.input(launch, index, true))
            .with(|launch| self.gradient(launch, index))
            .pointer(partials.part(block.weight.start, block.weight.len()))
            .word(self.regions.trunk_parameters)
            .word(block.padding)
            .word(at.weight.band)
            .word(at.weight.chunk)
    }

    /// `Source`: what a block reads, the images or the output of the block before.
    fn input(self, launch: Launch, index: usize, training: bool) -> Launch {
        let Some(before) = index.checked_sub(1) else {
            let [channels, height, width] = self.spec.blocks[0].input;
            let launch = launch.pointer(self.regions.images).pointer_or_null(None).pointer_or_null(None);
            return [channels, height, width, 0].into_iter().fold(launch, Launch::word);
        };
        let (block, at) = (&self.spec.blocks[before], &self.regions.blocks[before]);
        source(launch, block, at, if training { at.numbers } else { at.folded })
    }

    /// `Gradient`: that at a block's convolution.
    fn gradient(self, launch: Launch, index: usize) -> Launch {
        let Self { spec, regions, .. } = self;
        let (block, at) = (&spec.blocks[index], &regions.blocks[index]);
        let pixels: usize = block.pooled().iter().product();
        let launch = source(launch, block, at, at.numbers).pointer(at.numbers);
        match at.grad {
            Some(grad) => launch.pointer(grad).word(block.output[0] * pixels).word(pixels).word(1).float(1.0),
            None if spec.global_average => {
                let launch = launch.pointer(regions.grad_features).word(1).word(regions.pitch).word(0);
                launch.float(1.0 / pixels as f32)
            }
            None => {
                let launch = launch.pointer(regions.grad_features).word(1).word(pixels * regions.pitch);
                launch.word(regions.pitch).float(1.0)
            }
        }
    }

    /// `Norm`: that of a block.
    fn norm(self, launch: Launch, block: &Block, at: &BlockRegions) -> Launch {
        let scale = block.rate.scale();
        let launch = norm_parameters(launch, self.regions, &block.norm);
        launch.pointer(at.exact).pointer(at.numbers).float(scale).float(self.settings.norm_momentum)
    }

    fn norm_gradients(self, launch: Launch, block: &Block) -> Launch {
        let grads = self.regions.grads;
        launch
            .pointer(grads.part(block.norm.gamma.start, block.norm.channels))
            .pointer(grads.part(block.norm.beta.start, block.norm.channels))
    }

    fn counter(self, index: usize) -> Region {
        self.regions.counters.part(index, 1)
    }
}

fn source(launch: Launch, block: &Block, at: &BlockRegions, numbers: Region) -> Launch {
    let [channels, height, width] = block.output;
    let launch = launch
        .pointer(at.values)
        .pointer(numbers.part(0, channels))
        .pointer(numbers.part(channels, channels));
    [channels, height, width, usize::from(block.pool)].into_iter().fold(launch, Launch::word)
}

/// Gamma, beta, and the running mean and variance.
pub(crate) fn norm_parameters(launch: Launch, regions: &Regions, norm: &crate::spec::NormPlace) -> Launch {
    let running = regions.parameters().len + norm.running;
    launch
        .pointer(regions.state.part(norm.gamma.start, norm.channels))
        .pointer(regions.state.part(norm.beta.start, norm.channels))
        .pointer(regions.state.part(running, norm.channels))
        .pointer(regions.state.part(running + norm.channels, norm.channels))
}

/// A norm with its running statistics as a factor and an offset.
pub(crate) fn fold_norm(regions: &Regions, norm: &crate::spec::NormPlace, folded: Region) -> Launch {
    Launch::for_each("fold_norm", norm.channels)
        .with(|launch| norm_parameters(launch, regions, norm))
        .pointer(folded)
        .word(norm.channels)
        .word(0)
}
