//! The gradient of a convolution's input, one image at a time.

use super::algorithm::{Algorithm, AnyConvolution};
use super::forward::{Activation, Reduction};
use super::layout::{BlockedLayout, ChannelBlock, Channels, Packing};
use super::shape::ConvShape;
use super::tile::{Overlap, Region, Tile, accumulators, cover};
use crate::Isa;
use crate::arch::{Distances, Kernel, Lanes, Prefetch, Width};

/// The input gradient of a convolution, planned for an instruction set, in the way that is the less work.
#[derive(Clone, Debug)]
pub(super) enum InputGradient {
    /// As a convolution of stride 1 of the gradient at the output, in zeros, with flipped weights: every value is written
    /// once.
    Gathered(AnyConvolution),
    /// Tap by tap: what each output pixel gives is added to the input pixel under the tap. Nothing is multiplied by zeros.
    Scattered(Scatter),
}

impl InputGradient {
    /// Plans the gradient for a convolution of `shape`.
    pub(super) fn new(isa: Isa, algorithm: Algorithm, shape: &ConvShape) -> Self {
        let kernel = [shape.kernel, shape.stride];
        if shape.padding < shape.kernel
            && algorithm.is_winograd(
                kernel,
                [shape.out_channels, shape.in_channels],
                [shape.height, shape.width],
            )
        {
            return Self::Gathered(AnyConvolution::new(
                isa,
                algorithm,
                kernel,
                shape.grad_output(),
                shape.grad_input(),
            ));
        }
        // The padded input's pixels that a gathered gradient computes, against the outputs that a scattered one reads: with
        // its additions, that takes about a tenth more for the same work.
        let [height, width] = shape.output_size();
        let gathers = 10 * shape.height * shape.width <= 11 * height * width;
        if gathers && shape.stride == 1 && shape.padding < shape.kernel {
            let (from, to) = (shape.grad_output(), shape.grad_input());
            Self::Gathered(AnyConvolution::new(isa, Algorithm::Direct, kernel, from, to))
        } else {
            Self::Scattered(Scatter::new(isa, shape))
        }
    }

    /// The gradient at the output as it is read, with or without a border of zeros.
    pub(super) fn from(&self, shape: &ConvShape) -> BlockedLayout {
        match self {
            Self::Gathered(_) => shape.grad_output(),
            Self::Scattered(_) => shape.output(),
        }
    }

    /// The gradient at the input as it is written, with or without the padding's part of it.
    pub(super) fn to(&self, shape: &ConvShape) -> BlockedLayout {
        match self {
            Self::Gathered(_) => shape.grad_input(),
            Self::Scattered(_) => BlockedLayout { border: shape.padding, ..shape.grad_input() },
        }
    }

    /// Packed weights.
    pub(super) fn packed_len(&self) -> usize {
        match self {
            Self::Gathered(convolution) => convolution.weights_len(),
            Self::Scattered(scatter) => scatter.packing.len(),
        }
    }

    /// Packs `weight`, `[out, in, k, k]`.
    pub(super) fn pack(&self, weight: &[f32], packed: &mut [f32]) {
        match self {
            Self::Gathered(convolution) => convolution.pack_flipped(weight, packed),
            Self::Scattered(scatter) => scatter.packing.pack_by_tap(weight, packed),
        }
    }

    /// The values of working memory that it takes.
    pub(super) fn scratch_len(&self) -> usize {
        match self {
            Self::Gathered(convolution) => convolution.scratch_len(),
            Self::Scattered(_) => 0,
        }
    }

    /// Computes one image.
    pub(super) fn run(
        &self,
        grad_output: &[f32],
        weights: &[f32],
        scratch: &mut [f32],
        grad_input: &mut [f32],
    ) {
        match self {
            Self::Gathered(convolution) => {
                let activation = Activation::Identity;
                convolution.run(grad_output, weights, activation, Prefetch::NOTHING, scratch, grad_input);
            }
            Self::Scattered(scatter) => scatter.run(grad_output, weights, grad_input),
        }
    }
}

/// An input gradient that is added up tap by tap.
///
/// For each tap, a value is the sum over output channels, one fused multiply-add after the other; these sums are added in
/// the order of the taps, row by row. That is the same on every instruction set.
#[derive(Clone, Debug)]
pub(super) struct Scatter {
    isa: Isa,
    stride: usize,
    /// From the channels of the output to those of the input.
    packing: Packing,
    grad_output: BlockedLayout,
    grad_input: BlockedLayout,
    /// The tiles of output pixels for a block of 16 input channels, and for one of 8.
    regions: [Vec<Region>; 2],
    /// The tiles for two blocks of 16 at a time, where the instruction set has them.
    twin_regions: Option<Vec<Region>>,
}

impl Scatter {
    fn new(isa: Isa, shape: &ConvShape) -> Self {
        let grad_output = shape.output();
        let grad_input = BlockedLayout { border: shape.padding, ..shape.grad_input() };
        let (input, output) = (grad_output.channels, Channels::computed(shape.in_channels));
        let size = [grad_output.height, grad_output.width];
        let [sixteen, eight] = [Width::Sixteen, Width::Eight].map(|width| accumulators(isa, width));
        let regions =
            [sixteen, eight].map(|accumulators| cover(TILES, Overlap::Forbidden, accumulators, size));
        let twin_regions = isa.has_twins().then(|| cover(TILES, Overlap::Forbidden, sixteen / 2, size));
        let packing = Packing { kernel: shape.kernel, input, output };
        Self { isa, stride: shape.stride, packing, grad_output, grad_input, regions, twin_regions }
    }

    fn run(&self, grad_output: &[f32], weights: &[f32], grad_input: &mut [f32]) {
        assert_eq!(grad_output.len(), self.grad_output.len());
        assert_eq!(weights.len(), self.packing.len());
        assert_eq!(grad_input.len(), self.grad_input.len());
        grad_input.fill(0.0);
        let kernel = self.packing.kernel;
        for (channel_block, twin) in self.grad_input.channels.twins(self.isa) {
            let regions = match (&self.twin_regions, channel_block.width()) {
                (Some(regions), _) if twin => regions,
                (_, Width::Sixteen) => &self.regions[0],
                (_, Width::Eight) => &self.regions[1],
            };
            let of_tap = self.packing.input.stored * channel_block.channels;
            let weights = &weights[self.packing.start(channel_block)..];
            for tap in 0..kernel * kernel {
                let (weights, tap) = (&weights[tap * of_tap..], [tap / kernel, tap % kernel]);
                for &region in regions {
                    ScatterTask {
                        scatter: self,
                        channel_block,
                        twin,
                        region,
                        tap,
                        grad_output,
                        weights,
                        grad_input,
                    }
                    .run();
                }
            }
        }
    }
}

/// What one tap gives to one channel block of the input. The lengths were checked by [`Scatter::run`].
struct ScatterTask<'a> {
    scatter: &'a Scatter,
    /// Channels of the input.
    channel_block: ChannelBlock,
    /// Whether the next channel block is computed with it.
    twin: bool,
    /// Pixels of the output.
    region: Region,
    /// Row and column of the tap.
    tap: [usize; 2],
    grad_output: &'a [f32],
    /// The weights from this tap and channel block on.
    weights: &'a [f32],
    grad_input: &'a mut [f32],
}

/// Declares the tiles that the kernel is compiled for.
macro_rules! tiles {
    ($($rows:literal x $columns:literal),*) => {
        const TILES: &[Tile] = &[$(Tile { rows: $rows, columns: $columns }),*];

        impl ScatterTask<'_> {
            fn run(self) {
                let (isa, width, twin) = (self.scatter.isa, self.channel_block.width(), self.twin);
                let distances = Distances {
                    loads: self.scatter.packing.distance(),
                    stores: self.scatter.grad_input.distance(),
                };
                match (self.region.tile.rows, self.region.tile.columns) {
                    $(($rows, $columns) => match twin {
                        true => isa.run_twin(distances, Scattered::<$rows, $columns>(self)),
                        false => isa.run(width, Scattered::<$rows, $columns>(self)),
                    },)*
                    _ => unreachable!("{:?} is not among the tiles", self.region.tile),
                }
            }
        }
    };
}

tiles! {
    2 x 14, 4 x 7, 2 x 7, 5 x 5, 3 x 8, 2 x 8, 4 x 4, 1 x 12, 2 x 6, 3 x 4, 2 x 4, 1 x 8,
    1 x 6, 2 x 3, 3 x 2, 1 x 4, 2 x 2, 1 x 3, 1 x 2, 2 x 1, 1 x 1
}

/// A task done in tiles of `R` rows by `C` columns of the output.
struct Scattered<'a, const R: usize, const C: usize>(ScatterTask<'a>);

impl<const R: usize, const C: usize> Kernel for Scattered<'_, R, C> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let ScatterTask { scatter, channel_block, region, tap, grad_output, weights, grad_input, .. } =
            self.0;
        // The choice of tiles sees to it; told so, the compiler makes no code for those that would not fit.
        assert!(R * C <= L::ACCUMULATORS && channel_block.channels == L::LANES);
        let (from, to, stride) = (scatter.grad_output, scatter.grad_input, scatter.stride);
        for (y, x) in region.corners() {
            let sums = [[lanes.splat(0.0); C]; R];
            let mut reduction = Reduction::<L, R, C, 1> { lanes, kernel: 1, weights: weights.as_ptr(), sums };
            // SAFETY: the tile lies inside the output, so that what is read lies in the gradient at it and the weights of
            // this tap, and what is added to lies under the tap in the input with its border.
            unsafe {
                for outputs in from.channels.blocks() {
                    let pixel = (y * from.row() + x) * outputs.channels;
                    let corner = grad_output.as_ptr().add(from.start(outputs) + pixel);
                    match outputs.channels {
                        16 => reduction.add_channel_block::<16>(corner, from.row()),
                        _ => reduction.add_channel_block::<8>(corner, from.row()),
                    }
                }
                for (r, row) in reduction.sums.into_iter().enumerate() {
                    let pixel = ((y + r) * stride + tap[0]) * to.row() + x * stride + tap[1];
                    let first = to.start(channel_block) + pixel * L::LANES;
                    for (c, sum) in row.into_iter().enumerate() {
                        let target = grad_input.as_mut_ptr().add(first + c * stride * L::LANES);
                        lanes.accumulate(sum, target);
                    }
                }
            }
        }
    }
}
