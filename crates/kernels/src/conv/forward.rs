//! The convolution of one image, which with flipped weights is the input gradient of one of stride 1 too.

use std::array::from_fn;

use rayon::prelude::*;

use super::layout::{BlockedLayout, ChannelBlock, Packing};
use super::tile::{Overlap, Region, Tile, accumulators, cover};
use crate::Isa;
use crate::arch::{Distances, Kernel, Lanes, Prefetch, Width};

/// A convolution of stride 1 or 2 from one feature map to another, planned for an instruction set.
///
/// An output is the sum over input channel blocks, then rows of the kernel, then columns, then channels, one fused
/// multiply-add after the other: the same order, and so the same bits, on every instruction set.
#[derive(Clone, Debug)]
pub(crate) struct Convolution {
    isa: Isa,
    stride: usize,
    packing: Packing,
    input: BlockedLayout,
    output: BlockedLayout,
    /// The tiles of a block of 16 channels, and of one of 8.
    regions: [Vec<Region>; 2],
    /// The tiles of two blocks of 16 channels at a time, where the instruction set has them.
    twin_regions: Option<Vec<Region>>,
    /// Tiles of an image.
    tiles: usize,
}

/// The function that the sums pass before they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// `x`.
    Identity,
    /// `max(x, 0)`.
    Relu,
}

impl Activation {
    /// The value below which no output is.
    pub(crate) fn floor(self) -> f32 {
        match self {
            Self::Identity => f32::NEG_INFINITY,
            Self::Relu => 0.0,
        }
    }
}

impl Convolution {
    /// Plans the convolution of `input`, border included, with a kernel of `kernel` by `kernel`, into `output`.
    ///
    /// The output without its border must be as large as the input with its border, less `kernel - 1`.
    pub(crate) fn new(isa: Isa, kernel: usize, input: BlockedLayout, output: BlockedLayout) -> Self {
        Self::strided(isa, [kernel, 1], input, output)
    }

    /// Plans the convolution of `input`, border included, with a kernel of `kernel` by `kernel` at every `stride`th place,
    /// 1 or 2, into `output`, which without its border has a pixel for every such place.
    pub(crate) fn strided(
        isa: Isa,
        [kernel, stride]: [usize; 2],
        input: BlockedLayout,
        output: BlockedLayout,
    ) -> Self {
        assert_eq!(output.height, (input.height + 2 * input.border - kernel) / stride + 1);
        assert_eq!(output.width, (input.width + 2 * input.border - kernel) / stride + 1);
        let packing = Packing { kernel, input: input.channels, output: output.channels };
        let size = [output.height, output.width];
        let tiles = match stride {
            1 => TILES,
            2 => STRIDED_TILES,
            _ => unreachable!("no tiles for a stride of {stride}"),
        };
        let [sixteen, eight] = [Width::Sixteen, Width::Eight].map(|width| accumulators(isa, width));
        let regions = [sixteen, eight].map(|accumulators| cover(tiles, Overlap::Allowed, accumulators, size));
        let twin_regions = isa.has_twins().then(|| cover(tiles, Overlap::Allowed, sixteen / 2, size));
        let mut convolution = Self { isa, stride, packing, input, output, regions, twin_regions, tiles: 0 };
        for (channel_block, twin) in output.channels.twins(isa) {
            let regions = convolution.regions(channel_block, twin).iter();
            convolution.tiles += regions.map(|region| region.tiles()).sum::<usize>();
        }
        convolution
    }

    /// The order in which it reads its weights.
    pub(crate) fn packing(&self) -> Packing {
        self.packing
    }

    /// Computes one image with a bias for each stored channel, added first of all.
    pub(crate) fn run_with_bias(&self, input: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
        assert_eq!(bias.len(), self.output.channels.stored);
        let (operands, floor) = (Operands { input, weights, bias: Some(bias) }, Activation::Identity.floor());
        self.run_all(operands, floor, Prefetch::NOTHING, output);
    }

    /// Computes one image, and starts loading what is needed after it. The border of the output is left as it is.
    pub(crate) fn run_with_prefetch(
        &self,
        input: &[f32],
        weights: &[f32],
        activation: Activation,
        prefetch: Prefetch<'_>,
        output: &mut [f32],
    ) {
        self.run_all(Operands { input, weights, bias: None }, activation.floor(), prefetch, output);
    }

    /// Computes one image, each block of output channels as a task of its own: for batches that are too small to give every
    /// thread an image.
    pub(crate) fn run_in_parallel(&self, input: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
        self.check(input, weights, output);
        assert_eq!(bias.len(), self.output.channels.stored);
        let operands = Operands { input, weights, bias: Some(bias) };
        let channel_blocks: Vec<ChannelBlock> = self.output.channels.blocks().collect();
        // All channel blocks but the last have 16 channels.
        let outputs = output.par_chunks_mut(16 * self.output.block_pixels());
        outputs.zip(channel_blocks).for_each(|(output, channel_block)| {
            let prefetch = &mut Prefetch::NOTHING.in_steps(self.tiles);
            self.run_channel_block((channel_block, false), operands, f32::NEG_INFINITY, prefetch, output);
        });
    }

    /// Computes one block of output channels, or two, of one image; `output` holds no more than these.
    pub(super) fn run_blocks(
        &self,
        (channel_block, twin): (ChannelBlock, bool),
        input: &[f32],
        weights: &[f32],
        output: &mut [f32],
    ) {
        assert!(input.len() == self.input.len() && weights.len() == self.packing.len());
        let blocks = if twin { 2 } else { 1 };
        assert!(output.len() >= blocks * channel_block.channels * self.output.block_pixels());
        let operands = Operands { input, weights, bias: None };
        let (floor, prefetch) = (Activation::Identity.floor(), &mut Prefetch::NOTHING.in_steps(1));
        self.run_channel_block((channel_block, twin), operands, floor, prefetch, output);
    }

    fn run_all(&self, operands: Operands<'_>, floor: f32, prefetch: Prefetch<'_>, output: &mut [f32]) {
        self.check(operands.input, operands.weights, output);
        let prefetch = &mut prefetch.in_steps(self.tiles);
        for (channel_block, twin) in self.output.channels.twins(self.isa) {
            let output = &mut output[self.output.start(channel_block)..];
            self.run_channel_block((channel_block, twin), operands, floor, prefetch, output);
        }
    }

    fn check(&self, input: &[f32], weights: &[f32], output: &[f32]) {
        assert_eq!(input.len(), self.input.len());
        assert_eq!(weights.len(), self.packing.len());
        assert_eq!(output.len(), self.output.len());
    }

    /// Computes one block of output channels, or two. The lengths of all operands were checked; `output` begins with the channel
    /// block's.
    fn run_channel_block(
        &self,
        (channel_block, twin): (ChannelBlock, bool),
        operands: Operands<'_>,
        floor: f32,
        prefetch: &mut Prefetch<'_>,
        output: &mut [f32],
    ) {
        let operands = Operands {
            weights: &operands.weights[self.packing.start(channel_block)..],
            bias: operands.bias.map(|bias| &bias[channel_block.first..]),
            ..operands
        };
        for &region in self.regions(channel_block, twin) {
            ForwardTask { convolution: self, channel_block, twin, region, operands, floor, prefetch, output }
                .run();
        }
    }

    /// The tiles of an output channel block, or of two.
    fn regions(&self, channel_block: ChannelBlock, twin: bool) -> &[Region] {
        if let Some(regions) = self.twin_regions.as_ref().filter(|_| twin) {
            return regions;
        }
        match channel_block.width() {
            Width::Sixteen => &self.regions[0],
            Width::Eight => &self.regions[1],
        }
    }
}

/// The values that a convolution reads.
#[derive(Clone, Copy)]
struct Operands<'a> {
    input: &'a [f32],
    weights: &'a [f32],
    bias: Option<&'a [f32]>,
}

/// A part of one output channel block of one image. The lengths were checked by [`Convolution::check`].
struct ForwardTask<'a, 'b> {
    convolution: &'a Convolution,
    channel_block: ChannelBlock,
    /// Whether the next channel block is computed with it.
    twin: bool,
    region: Region,
    /// The weights and biases are those of this channel block and all after it.
    operands: Operands<'a>,
    floor: f32,
    prefetch: &'a mut Prefetch<'b>,
    /// The outputs of this channel block and of all after it.
    output: &'a mut [f32],
}

/// Declares the tiles that the kernel is compiled for, for stride 1 and for stride 2.
macro_rules! tiles {
    ($($rows:literal x $columns:literal),*; $($strided_rows:literal x $strided_columns:literal),*) => {
        const TILES: &[Tile] = &[$(Tile { rows: $rows, columns: $columns }),*];
        const STRIDED_TILES: &[Tile] = &[$(Tile { rows: $strided_rows, columns: $strided_columns }),*];

        impl ForwardTask<'_, '_> {
            fn run(self) {
                let (isa, width, twin) = (self.convolution.isa, self.channel_block.width(), self.twin);
                let distances = Distances {
                    loads: self.convolution.packing.distance(),
                    stores: self.convolution.output.distance(),
                };
                match (self.convolution.stride, self.region.tile.rows, self.region.tile.columns) {
                    $((1, $rows, $columns) => match twin {
                        true => isa.run_twin(distances, Tiled::<$rows, $columns, 1>(self)),
                        false => isa.run(width, Tiled::<$rows, $columns, 1>(self)),
                    },)*
                    $((2, $strided_rows, $strided_columns) => match twin {
                        true => isa.run_twin(distances, Tiled::<$strided_rows, $strided_columns, 2>(self)),
                        false => isa.run(width, Tiled::<$strided_rows, $strided_columns, 2>(self)),
                    },)*
                    _ => unreachable!("{:?} is not among the tiles", self.region.tile),
                }
            }
        }
    };
}

// 28 pixels fill the registers of AVX-512, 14 with two channel blocks at a time, 12 those of AVX2 with eight lanes and 6 those with sixteen; the others are for
// what remains at the edges.
tiles! {
    1 x 28, 2 x 14, 4 x 7, 1 x 14, 2 x 7, 1 x 7, 5 x 5, 3 x 8, 3 x 7, 2 x 10, 4 x 4, 3 x 5,
    1 x 12, 2 x 6, 3 x 4, 2 x 5, 3 x 3, 2 x 4, 1 x 8,
    1 x 6, 2 x 3, 3 x 2, 6 x 1, 1 x 5, 1 x 4, 2 x 2, 4 x 1, 1 x 3, 3 x 1, 1 x 2, 2 x 1, 1 x 1;
    2 x 14, 4 x 7, 2 x 7, 3 x 8, 4 x 4, 1 x 12, 2 x 6, 3 x 4, 1 x 6, 2 x 3, 1 x 4, 2 x 2, 1 x 2, 1 x 1
}

/// A task done in tiles of `R` rows by `C` columns, whose inputs are `STRIDE` pixels apart.
struct Tiled<'a, 'b, const R: usize, const C: usize, const STRIDE: usize>(ForwardTask<'a, 'b>);

impl<const R: usize, const C: usize, const STRIDE: usize> Kernel for Tiled<'_, '_, R, C, STRIDE> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        // The choice of tiles sees to it; told so, the compiler makes no code for those that would not fit.
        assert!(R * C <= L::ACCUMULATORS && self.0.channel_block.channels == L::LANES);
        for (y, x) in self.0.region.corners() {
            // SAFETY: the tile lies inside the output, and the slices have the lengths that the plan asks for.
            unsafe {
                let sums = self.sums(lanes, y, x);
                self.store(lanes, y, x, sums);
            }
            self.0.prefetch.step();
        }
    }
}

impl<const R: usize, const C: usize, const STRIDE: usize> Tiled<'_, '_, R, C, STRIDE> {
    /// The outputs of the tile whose first pixel is `(y, x)`.
    ///
    /// # Safety
    /// The tile must lie inside the output; the task's slices must have the lengths that the plan asks for.
    #[inline(always)]
    unsafe fn sums<L: Lanes>(&self, lanes: L, y: usize, x: usize) -> [[L::F; C]; R] {
        let ForwardTask { convolution, operands: Operands { input, weights, bias }, .. } = self.0;
        let layout = convolution.input;
        let first = match bias {
            Some(bias) => lanes.load_channels(bias),
            None => lanes.splat(0.0),
        };
        let mut reduction = Reduction::<L, R, C, STRIDE> {
            lanes,
            kernel: convolution.packing.kernel,
            weights: weights.as_ptr(),
            sums: [[first; C]; R],
        };
        for channel_block in layout.channels.blocks() {
            let (start, pixel) = (layout.start(channel_block), (y * layout.row() + x) * STRIDE);
            // SAFETY: the pixel and those that the kernel reaches from the tile lie in the input with its border, and a
            // channel block's weights follow those of the channel blocks before it.
            unsafe {
                let corner = input.as_ptr().add(start + pixel * channel_block.channels);
                match channel_block.channels {
                    16 => reduction.add_channel_block::<16>(corner, layout.row()),
                    8 => reduction.add_channel_block::<8>(corner, layout.row()),
                    3 => reduction.add_channel_block::<3>(corner, layout.row()),
                    _ => reduction.add_channel_block::<1>(corner, layout.row()),
                }
            }
        }
        reduction.sums
    }

    /// Stores a tile.
    ///
    /// # Safety
    /// The obligations are those of [`Tiled::sums`].
    #[inline(always)]
    unsafe fn store<L: Lanes>(&mut self, lanes: L, y: usize, x: usize, sums: [[L::F; C]; R]) {
        // `max` gives its second argument where one is NaN, so a NaN passes here.
        let floor = lanes.splat(self.0.floor);
        for (r, row) in sums.into_iter().enumerate() {
            let (layout, channel_block) = (self.0.convolution.output, self.0.channel_block);
            let row_start = layout.row_range(channel_block, y + r).start - layout.start(channel_block);
            let start = row_start + x * L::LANES;
            for (c, sum) in row.into_iter().enumerate() {
                // SAFETY: the tile lies inside the output.
                unsafe {
                    let target = self.0.output.as_mut_ptr().add(start + c * L::LANES);
                    lanes.store_ptr(lanes.max(floor, sum), target);
                }
            }
        }
    }
}

/// The sums of a tile while they grow.
pub(super) struct Reduction<L: Lanes, const R: usize, const C: usize, const STRIDE: usize> {
    pub lanes: L,
    pub kernel: usize,
    /// The next weights.
    pub weights: *const f32,
    pub sums: [[L::F; C]; R],
}

impl<L: Lanes, const R: usize, const C: usize, const STRIDE: usize> Reduction<L, R, C, STRIDE> {
    /// Adds what one input channel block of `S` channels gives. In a row of such a channel block, columns and channels of
    /// the kernel are neighbors: one loop does for both.
    ///
    /// # Safety
    /// `corner`, the input under the tile's first pixel at the kernel's first tap, and all that the kernel reaches from
    /// the tile, must be valid for reads in rows of `row` pixels, and so must be this channel block's weights.
    #[inline(always)]
    pub(super) unsafe fn add_channel_block<const S: usize>(&mut self, corner: *const f32, row: usize) {
        let lanes = self.lanes;
        // SAFETY: the caller vouches for all that is read.
        unsafe {
            for ky in 0..self.kernel {
                let rows: [*const f32; R] = from_fn(|r| corner.add((ky + r * STRIDE) * row * S));
                for tap in 0..self.kernel * S {
                    let weight = lanes.load_ptr(self.weights);
                    self.weights = self.weights.add(L::LANES);
                    for (sums, input) in self.sums.iter_mut().zip(rows) {
                        for (c, sum) in sums.iter_mut().enumerate() {
                            *sum = lanes.fma(lanes.splat(*input.add(tap + c * S * STRIDE)), weight, *sum);
                        }
                    }
                }
            }
        }
    }
}
