//! The convolution of one image, which with flipped weights is its input gradient too.

use std::array::from_fn;

use super::layout::{BlockedLayout, ChannelBlock, Packing};
use super::tile::{Region, Tile, cover};
use crate::Isa;
use crate::arch::{Kernel, Lanes, Prefetch, Width};

/// A convolution of stride 1 from one feature map to another, planned for an instruction set.
///
/// An output is the sum over input channel blocks, then rows of the kernel, then columns, then channels, one fused
/// multiply-add after the other: the same order, and so the same bits, on every instruction set.
#[derive(Clone, Debug)]
pub(crate) struct Convolution {
    isa: Isa,
    packing: Packing,
    input: BlockedLayout,
    output: BlockedLayout,
    /// The tiles of a block of 16 channels, and of one of 8.
    regions: [Vec<Region>; 2],
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

impl Convolution {
    /// Plans the convolution of `input`, border included, with a kernel of `kernel` by `kernel`, into `output`.
    ///
    /// The output without its border must be as large as the input with its border, less `kernel - 1`.
    pub(crate) fn new(isa: Isa, kernel: usize, input: BlockedLayout, output: BlockedLayout) -> Self {
        assert_eq!(output.height + kernel, input.height + 2 * input.border + 1);
        assert_eq!(output.width + kernel, input.width + 2 * input.border + 1);
        let packing = Packing { kernel, input: input.channels, output: output.channels };
        let size = [output.height, output.width];
        let regions = [Width::Sixteen, Width::Eight].map(|width| cover(TILES, isa, width, size));
        let mut convolution = Self { isa, packing, input, output, regions, tiles: 0 };
        for channel_block in output.channels.blocks() {
            convolution.tiles += convolution
                .regions(channel_block)
                .iter()
                .map(|region| region.corners().count())
                .sum::<usize>();
        }
        convolution
    }

    /// The order in which it reads its weights.
    pub(crate) fn packing(&self) -> Packing {
        self.packing
    }

    /// Computes one image. The border of the output is left as it is.
    pub(crate) fn run(&self, input: &[f32], weights: &[f32], activation: Activation, output: &mut [f32]) {
        self.run_with_prefetch(input, weights, activation, Prefetch::NOTHING, output);
    }

    /// Computes one image, and starts loading what is needed after it.
    pub(crate) fn run_with_prefetch(
        &self,
        input: &[f32],
        weights: &[f32],
        activation: Activation,
        prefetch: Prefetch<'_>,
        output: &mut [f32],
    ) {
        assert_eq!(input.len(), self.input.len());
        assert_eq!(weights.len(), self.packing.len());
        assert_eq!(output.len(), self.output.len());
        let floor = match activation {
            Activation::Identity => f32::NEG_INFINITY,
            Activation::Relu => 0.0,
        };
        let prefetch = &mut prefetch.in_steps(self.tiles);
        for channel_block in self.output.channels.blocks() {
            let weights = &weights[self.packing.start(channel_block)..];
            for &region in self.regions(channel_block) {
                ForwardTask {
                    convolution: self,
                    channel_block,
                    region,
                    input,
                    weights,
                    floor,
                    prefetch,
                    output,
                }
                .run();
            }
        }
    }

    /// The tiles of an output channel block.
    fn regions(&self, channel_block: ChannelBlock) -> &[Region] {
        match channel_block.width() {
            Width::Sixteen => &self.regions[0],
            Width::Eight => &self.regions[1],
        }
    }
}

/// A part of one output channel block of one image. The lengths were checked by [`Convolution::run`].
struct ForwardTask<'a, 'b> {
    convolution: &'a Convolution,
    channel_block: ChannelBlock,
    region: Region,
    input: &'a [f32],
    /// The weights of this channel block and all after it.
    weights: &'a [f32],
    floor: f32,
    prefetch: &'a mut Prefetch<'b>,
    output: &'a mut [f32],
}

/// Declares the tiles that the kernel is compiled for.
macro_rules! tiles {
    ($($rows:literal x $columns:literal),*) => {
        const TILES: &[Tile] = &[$(Tile { rows: $rows, columns: $columns }),*];

        impl ForwardTask<'_, '_> {
            fn run(self) {
                let (isa, width) = (self.convolution.isa, self.channel_block.width());
                match (self.region.tile.rows, self.region.tile.columns) {
                    $(($rows, $columns) => isa.run(width, Tiled::<$rows, $columns>(self)),)*
                    _ => unreachable!("{:?} is not among the tiles", self.region.tile),
                }
            }
        }
    };
}

// 28 pixels fill the registers of AVX-512, 12 those of AVX2 with eight lanes and 6 those with sixteen; the others are for
// what remains at the edges.
tiles! {
    1 x 28, 2 x 14, 4 x 7, 5 x 5, 3 x 8, 3 x 7, 2 x 10, 4 x 4, 3 x 5,
    1 x 12, 2 x 6, 3 x 4, 2 x 5, 3 x 3, 2 x 4, 1 x 8,
    1 x 6, 2 x 3, 3 x 2, 6 x 1, 1 x 5, 1 x 4, 2 x 2, 4 x 1, 1 x 3, 3 x 1, 1 x 2, 2 x 1, 1 x 1
}

/// A task done in tiles of `R` rows by `C` columns.
struct Tiled<'a, 'b, const R: usize, const C: usize>(ForwardTask<'a, 'b>);

impl<const R: usize, const C: usize> Kernel for Tiled<'_, '_, R, C> {
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

impl<const R: usize, const C: usize> Tiled<'_, '_, R, C> {
    /// The outputs of the tile whose first pixel is `(y, x)`.
    ///
    /// # Safety
    /// The tile must lie inside the output; the task's slices must have the lengths that the plan asks for.
    #[inline(always)]
    unsafe fn sums<L: Lanes>(&self, lanes: L, y: usize, x: usize) -> [[L::F; C]; R] {
        let ForwardTask { convolution, input, weights, .. } = self.0;
        let layout = convolution.input;
        let mut reduction = Reduction::<L, R, C> {
            lanes,
            kernel: convolution.packing.kernel,
            weights: weights.as_ptr(),
            sums: [[lanes.splat(0.0); C]; R],
        };
        for channel_block in layout.channels.blocks() {
            let (start, pixel) = (layout.start(channel_block), y * layout.row() + x);
            // SAFETY: the pixel and those that the kernel reaches from the tile lie in the input with its border, and a
            // channel block's weights follow those of the channel blocks before it.
            unsafe {
                let corner = input.as_ptr().add(start + pixel * channel_block.channels);
                match channel_block.channels {
                    16 => reduction.add_channel_block::<16>(corner, layout.row()),
                    8 => reduction.add_channel_block::<8>(corner, layout.row()),
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
            let layout = self.0.convolution.output;
            let start = layout.row_range(self.0.channel_block, y + r).start + x * L::LANES;
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
struct Reduction<L: Lanes, const R: usize, const C: usize> {
    lanes: L,
    kernel: usize,
    /// The next weights.
    weights: *const f32,
    sums: [[L::F; C]; R],
}

impl<L: Lanes, const R: usize, const C: usize> Reduction<L, R, C> {
    /// Adds what one input channel block of `S` channels gives. In a row of such a channel block, columns and channels of
    /// the kernel are neighbors: one loop does for both.
    ///
    /// # Safety
    /// `corner`, the input under the tile's first pixel at the kernel's first tap, and all that the kernel reaches from
    /// the tile, must be valid for reads in rows of `row` pixels, and so must be this channel block's weights.
    #[inline(always)]
    unsafe fn add_channel_block<const S: usize>(&mut self, corner: *const f32, row: usize) {
        let lanes = self.lanes;
        // SAFETY: the caller vouches for all that is read.
        unsafe {
            for ky in 0..self.kernel {
                let rows: [*const f32; R] = from_fn(|r| corner.add((ky + r) * row * S));
                for tap in 0..self.kernel * S {
                    let weight = lanes.load_ptr(self.weights);
                    self.weights = self.weights.add(L::LANES);
                    for (sums, input) in self.sums.iter_mut().zip(rows) {
                        for (c, sum) in sums.iter_mut().enumerate() {
                            *sum = lanes.fma(lanes.splat(*input.add(tap + c * S)), weight, *sum);
                        }
                    }
                }
            }
        }
    }
}
