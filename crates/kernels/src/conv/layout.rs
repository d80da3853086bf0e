//! The layouts that the kernels work in: feature maps in blocks of 16 channels with zeros around them, and packed weights.

use std::ops::Range;

use crate::Isa;
use crate::arch::{Kernel, Lanes, Width};

/// The channels of a feature map, padded with zeros until they fill the lanes of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    /// Channels of the tensor.
    pub count: usize,
    /// Channels in memory.
    pub stored: usize,
}

impl Channels {
    /// Channels that a kernel computes: multiples of eight are stored.
    pub(crate) fn computed(count: usize) -> Self {
        Self { count, stored: count.next_multiple_of(8) }
    }

    /// Channels that a kernel only reads: those of an image, gray or in three colors, are stored as they are.
    pub(crate) fn read_only(count: usize) -> Self {
        if count == 1 || count == 3 { Self { count, stored: count } } else { Self::computed(count) }
    }

    /// The channel blocks: as many of 16 channels as there are, then one of 8 for the rest, or of the few that an
    /// image has.
    pub(crate) fn blocks(self) -> impl Iterator<Item = ChannelBlock> {
        (0..self.stored)
            .step_by(16)
            .map(move |first| ChannelBlock { first, channels: (self.stored - first).min(16) })
    }
}

impl Channels {
    /// The channel blocks as an instruction set computes them: two of 16 at a time where it can, and `true` with the first.
    pub(crate) fn twins(self, isa: Isa) -> impl Iterator<Item = (ChannelBlock, bool)> {
        let whole = if isa.has_twins() { self.stored / 32 * 2 } else { 0 };
        let blocks = self.blocks().enumerate().filter(move |&(index, _)| index >= whole || index % 2 == 0);
        blocks.map(move |(index, block)| (block, index < whole))
    }
}

/// Up to 16 neighboring channels of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelBlock {
    /// The first channel.
    pub first: usize,
    /// The number of channels: 16 or 8, or 1 or 3 for an image.
    pub channels: usize,
}

impl ChannelBlock {
    /// The lanes that compute such a channel block.
    pub(crate) fn width(self) -> Width {
        match self.channels {
            16 => Width::Sixteen,
            8 => Width::Eight,
            other => unreachable!("a block of {other} channels is only read"),
        }
    }
}

/// The layout of one image's feature map, oneDNN's nChw16c with a border:
/// `[channel block][row][column][channel of the block]`, with `border` rows and columns on all sides.
///
/// Up to 16 channels this is NHWC. More are cut into channel blocks, so that the distance between neighboring pixels is a
/// constant that the kernels are compiled for, and so that a loop over one channel block finds it in the first-level
/// cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockedLayout {
    pub channels: Channels,
    pub height: usize,
    pub width: usize,
    pub border: usize,
}

impl BlockedLayout {
    /// Pixels from one row to the next.
    pub(crate) fn row(&self) -> usize {
        self.width + 2 * self.border
    }

    /// Pixels from one channel block to the next.
    pub(crate) fn block_pixels(&self) -> usize {
        self.row() * (self.height + 2 * self.border)
    }

    /// Values that the map holds.
    pub(crate) fn len(&self) -> usize {
        self.channels.stored * self.block_pixels()
    }

    /// The first value of a channel block, its border included.
    pub(crate) fn start(&self, channel_block: ChannelBlock) -> usize {
        channel_block.first * self.block_pixels()
    }

    /// Values from one channel block of 16 to the next.
    pub(crate) fn distance(&self) -> usize {
        16 * self.block_pixels()
    }

    /// The values of a channel block, its border included.
    pub(crate) fn block_range(&self, channel_block: ChannelBlock) -> Range<usize> {
        let start = self.start(channel_block);
        start..start + self.block_pixels() * channel_block.channels
    }

    /// The values of one row of a channel block, without the border.
    pub(crate) fn row_range(&self, channel_block: ChannelBlock, y: usize) -> Range<usize> {
        let pixel = (y + self.border) * self.row() + self.border;
        let start = self.start(channel_block) + pixel * channel_block.channels;
        start..start + self.width * channel_block.channels
    }

    /// Sets the border to zero and leaves the interior as it is.
    pub(crate) fn clear_border(&self, values: &mut [f32]) {
        for channel_block in self.channels.blocks() {
            let mut cleared = self.start(channel_block);
            for y in 0..self.height {
                let interior = self.row_range(channel_block, y);
                values[cleared..interior.start].fill(0.0);
                cleared = interior.end;
            }
            values[cleared..self.block_range(channel_block).end].fill(0.0);
        }
    }

    /// Writes an image, `[c, h, w]`, into the interior; channels that are only stored become zero.
    pub(crate) fn read_nchw(&self, isa: Isa, image: &[f32], values: &mut [f32]) {
        for channel_block in self.channels.blocks() {
            match channel_block.channels {
                1 => {
                    for (y, source) in image.chunks_exact(self.width).take(self.height).enumerate() {
                        values[self.row_range(channel_block, y)].copy_from_slice(source);
                    }
                }
                3 => {
                    for (channel, plane) in image.chunks_exact(self.height * self.width).enumerate() {
                        for (y, source) in plane.chunks_exact(self.width).enumerate() {
                            let targets = values[self.row_range(channel_block, y)][channel..].iter_mut();
                            let targets = targets.step_by(channel_block.channels);
                            targets.zip(source).for_each(|(target, &value)| *target = value);
                        }
                    }
                }
                _ => isa.run(channel_block.width(), ReadBlock { layout: self, channel_block, image, values }),
            }
        }
    }

    /// Writes the interior to an image, `[c, h, w]`.
    pub(crate) fn write_nchw(&self, isa: Isa, values: &[f32], image: &mut [f32]) {
        for channel_block in self.channels.blocks() {
            isa.run(channel_block.width(), WriteBlock { layout: self, channel_block, values, image });
        }
    }

    /// The channels of a block that are not only stored.
    fn present(&self, channel_block: ChannelBlock) -> usize {
        channel_block.channels.min(self.channels.count - channel_block.first)
    }
}

/// The first of four neighboring pixels in each step along a row of `width`, at least four: the last step overlaps the one
/// before where four do not divide the row.
#[inline(always)]
fn fours(width: usize) -> impl Iterator<Item = usize> {
    (0..width.div_ceil(4)).map(move |step| (4 * step).min(width - 4))
}

/// One channel block of [`BlockedLayout::read_nchw`].
struct ReadBlock<'a> {
    layout: &'a BlockedLayout,
    channel_block: ChannelBlock,
    image: &'a [f32],
    values: &'a mut [f32],
}

impl Kernel for ReadBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { layout, channel_block, image, values } = self;
        let (width, plane) = (layout.width, layout.height * layout.width);
        let (first, present) = (channel_block.first * plane, layout.present(channel_block));
        for y in 0..layout.height {
            let row = &mut values[layout.row_range(channel_block, y)];
            if present == L::LANES && width >= 4 {
                let source = &image[first + y * width..first + (L::LANES - 1) * plane + (y + 1) * width];
                for x in fours(width) {
                    // SAFETY: four pixels from `x` on lie in the row, and in the planes of as many channels as there are
                    // lanes: the slices end with the last of those.
                    unsafe {
                        let target = row.as_mut_ptr().add(x * L::LANES);
                        lanes.interleave(source.as_ptr().add(x), plane, target, L::LANES);
                    }
                }
                continue;
            }
            for lane in 0..L::LANES {
                let targets = row[lane..].iter_mut().step_by(L::LANES);
                if lane < present {
                    let source = &image[first + lane * plane + y * width..][..width];
                    targets.zip(source).for_each(|(target, &value)| *target = value);
                } else {
                    targets.for_each(|target| *target = 0.0);
                }
            }
        }
    }
}

/// One channel block of [`BlockedLayout::write_nchw`].
struct WriteBlock<'a> {
    layout: &'a BlockedLayout,
    channel_block: ChannelBlock,
    values: &'a [f32],
    image: &'a mut [f32],
}

impl Kernel for WriteBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { layout, channel_block, values, image } = self;
        let (width, plane) = (layout.width, layout.height * layout.width);
        let (first, present) = (channel_block.first * plane, layout.present(channel_block));
        for y in 0..layout.height {
            let row = &values[layout.row_range(channel_block, y)];
            if present == L::LANES && width >= 4 {
                let target = &mut image[first + y * width..first + (L::LANES - 1) * plane + (y + 1) * width];
                for x in fours(width) {
                    // SAFETY: as in `ReadBlock::run`.
                    unsafe {
                        let source = row.as_ptr().add(x * L::LANES);
                        lanes.deinterleave(source, L::LANES, target.as_mut_ptr().add(x), plane);
                    }
                }
                continue;
            }
            for lane in 0..present {
                let target = &mut image[first + lane * plane + y * width..][..width];
                let sources = row[lane..].iter().step_by(L::LANES);
                target.iter_mut().zip(sources).for_each(|(target, &value)| *target = value);
            }
        }
    }
}

/// The weights of a convolution from `input` to `output` channels, packed as
/// `[output channel block][input channel block][ky][kx][input channel][output channel]`: one tile of outputs reads them
/// front to back.
///
/// Channels that are only stored have weights of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packing {
    pub kernel: usize,
    pub input: Channels,
    pub output: Channels,
}

impl Packing {
    /// Packed values.
    pub(crate) fn len(&self) -> usize {
        self.taps() * self.input.stored * self.output.stored
    }

    /// The first of the weights from all inputs to one channel block of outputs.
    pub(crate) fn start(&self, output: ChannelBlock) -> usize {
        output.first * self.taps() * self.input.stored
    }

    /// Packed values from one block of 16 outputs to the next.
    pub(crate) fn distance(&self) -> usize {
        16 * self.taps() * self.input.stored
    }

    /// Packs `weight`, `[out, in, k, k]`.
    pub(crate) fn pack(&self, weight: &[f32], packed: &mut [f32]) {
        self.fill(packed, |output, input, tap| weight[self.index(output, input, tap)]);
    }

    /// Packs the weights of the opposite convolution, flipped in both directions: a convolution of the gradient at its
    /// outputs with these is the gradient at its inputs.
    ///
    /// `weight` is `[out, in, k, k]` in the names of the opposite convolution, so `[input, output, k, k]` in those of this.
    pub(crate) fn pack_flipped(&self, weight: &[f32], packed: &mut [f32]) {
        let opposite = Packing { input: self.output, output: self.input, ..*self };
        let last = self.taps() - 1;
        self.fill(packed, |output, input, tap| weight[opposite.index(input, output, last - tap)]);
    }

    /// Packs `weight`, `[input, output, k, k]` in the names of this packing, for one tap after the other:
    /// `[output block][ky][kx][input channel][output channel]`.
    ///
    /// That is the order in which the gradient at the inputs of the opposite convolution reads its weights when it is added
    /// up tap by tap.
    pub(crate) fn pack_by_tap(&self, weight: &[f32], packed: &mut [f32]) {
        let (taps, inputs) = (self.taps(), self.input.stored);
        for outputs in self.output.blocks() {
            let lanes = outputs.channels;
            let present = lanes.min(self.output.count - outputs.first);
            let block = &mut packed[self.start(outputs)..][..taps * inputs * lanes];
            for (tap, rows) in block.chunks_exact_mut(inputs * lanes).enumerate() {
                for (input, row) in rows.chunks_exact_mut(lanes).enumerate() {
                    row.fill(0.0);
                    if input < self.input.count {
                        let first = (input * self.output.count + outputs.first) * taps + tap;
                        let weights = weight[first..].iter().step_by(taps).take(present);
                        row.iter_mut().zip(weights).for_each(|(value, &weight)| *value = weight);
                    }
                }
            }
        }
    }

    /// The opposite of [`Packing::pack`].
    pub(crate) fn unpack(&self, packed: &[f32], weight: &mut [f32]) {
        let mut rows = packed;
        for place in self.packed_rows() {
            let (row, rest) = rows.split_at(place.lanes);
            rows = rest;
            if place.input < self.input.count {
                for (output, &value) in (place.output..self.output.count).zip(row) {
                    weight[self.index(output, place.input, place.tap)] = value;
                }
            }
        }
    }

    fn fill(&self, packed: &mut [f32], weight: impl Fn(usize, usize, usize) -> f32) {
        let mut rows = packed;
        for place in self.packed_rows() {
            let (row, rest) = rows.split_at_mut(place.lanes);
            rows = rest;
            row.fill(0.0);
            if place.input < self.input.count {
                for (output, value) in (place.output..self.output.count).zip(row) {
                    *value = weight(output, place.input, place.tap);
                }
            }
        }
    }

    /// The packed rows in their order.
    fn packed_rows(&self) -> impl Iterator<Item = PackedRow> {
        let taps = self.taps();
        let input = self.input;
        self.output.blocks().flat_map(move |outputs| {
            input.blocks().flat_map(move |inputs| {
                let channels = move |tap| {
                    (inputs.first..inputs.first + inputs.channels).map(move |input| PackedRow {
                        output: outputs.first,
                        lanes: outputs.channels,
                        input,
                        tap,
                    })
                };
                (0..taps).flat_map(channels)
            })
        })
    }

    fn index(&self, output: usize, input: usize, tap: usize) -> usize {
        (output * self.input.count + input) * self.taps() + tap
    }

    fn taps(&self) -> usize {
        self.kernel * self.kernel
    }
}

/// One packed row: the weights from one input channel at one tap to consecutive output channels.
struct PackedRow {
    output: usize,
    lanes: usize,
    input: usize,
    tap: usize,
}
