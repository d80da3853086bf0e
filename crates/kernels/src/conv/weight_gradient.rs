//! The gradient of a convolution's weights, one image at a time.

use std::array::from_fn;

use super::layout::{BlockedLayout, ChannelBlock, Packing};
use crate::Isa;
use crate::arch::{Distances, Kernel, Lanes};

/// The weight gradient of a convolution, planned for an instruction set.
///
/// An image's part of one weight's gradient is the sum over output pixels in row-major order, one fused multiply-add after
/// the other; it is then added to what the images before it gave. That is the same on every instruction set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightGradient {
    isa: Isa,
    stride: usize,
    packing: Packing,
    input: BlockedLayout,
    grad_output: BlockedLayout,
}

impl WeightGradient {
    /// Plans it for the convolution of `input`, border included, with a kernel of `kernel` by `kernel`.
    ///
    /// `grad_output` without its border must be as large as the input with its border, less `kernel - 1`.
    pub(crate) fn new(isa: Isa, kernel: usize, input: BlockedLayout, grad_output: BlockedLayout) -> Self {
        Self::strided(isa, [kernel, 1], input, grad_output)
    }

    /// Plans it for the convolution of `input`, border included, with a kernel of `kernel` by `kernel` at every `stride`th
    /// place. `grad_output` without its border has a pixel for every such place.
    pub(crate) fn strided(
        isa: Isa,
        [kernel, stride]: [usize; 2],
        input: BlockedLayout,
        grad_output: BlockedLayout,
    ) -> Self {
        assert_eq!(grad_output.height, (input.height + 2 * input.border - kernel) / stride + 1);
        assert_eq!(grad_output.width, (input.width + 2 * input.border - kernel) / stride + 1);
        let packing = Packing { kernel, input: input.channels, output: grad_output.channels };
        Self { isa, stride, packing, input, grad_output }
    }

    /// The order of the gradient: that of the convolution's weights.
    pub(crate) fn packing(&self) -> Packing {
        self.packing
    }

    /// Adds what one image gives to `grad_weights`.
    pub(crate) fn add(&self, input: &[f32], grad_output: &[f32], grad_weights: &mut [f32]) {
        assert_eq!(input.len(), self.input.len());
        assert_eq!(grad_output.len(), self.grad_output.len());
        assert_eq!(grad_weights.len(), self.packing.len());
        let distances = Distances { loads: self.grad_output.distance(), stores: self.packing.distance() };
        for (channel_block, twin) in self.grad_output.channels.twins(self.isa) {
            let grad_weights = &mut grad_weights[self.packing.start(channel_block)..];
            let task = WeightGradientTask { plan: self, channel_block, input, grad_output, grad_weights };
            match twin {
                true => self.isa.run_twin(distances, task),
                false => self.isa.run(channel_block.width(), task),
            }
        }
    }
}

/// The weights of one output channel block. The lengths were checked by [`WeightGradient::add`].
struct WeightGradientTask<'a> {
    plan: &'a WeightGradient,
    channel_block: ChannelBlock,
    input: &'a [f32],
    grad_output: &'a [f32],
    /// The gradient of this channel block's weights and of all after it.
    grad_weights: &'a mut [f32],
}

impl Kernel for WeightGradientTask<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        assert_eq!(self.channel_block.channels, L::LANES);
        let (layout, grad_output) = (self.plan.input, self.plan.grad_output);
        let mut sums = TapSums {
            lanes,
            kernel: self.plan.packing.kernel,
            stride: self.plan.stride,
            grad_output: self.grad_output[grad_output.row_range(self.channel_block, 0)].as_ptr(),
            grad_row: grad_output.row() * L::LANES,
            size: [grad_output.height, grad_output.width],
            grad_weights: self.grad_weights.as_mut_ptr(),
        };
        for channel_block in layout.channels.blocks() {
            let input = self.input[layout.start(channel_block)..].as_ptr();
            let input = Input {
                first: input,
                row: layout.row() * channel_block.channels,
                pixel: channel_block.channels,
            };
            // SAFETY: what the kernel reaches from all output pixels is the input with its border, and the gradients of
            // the weights to a channel block follow those to the channel blocks before it.
            unsafe { sums.add_channel_block(input) };
        }
    }
}

/// The input as a tap of the kernel sees it.
#[derive(Clone, Copy)]
struct Input {
    /// The value that it sees from the first output pixel.
    first: *const f32,
    /// Values to the next row.
    row: usize,
    /// Values to the next pixel.
    pixel: usize,
}

/// The gradients of the weights to one output channel block, in their packed order.
struct TapSums<L> {
    lanes: L,
    kernel: usize,
    stride: usize,
    /// The gradient at the first output pixel.
    grad_output: *const f32,
    grad_row: usize,
    size: [usize; 2],
    /// The next weights.
    grad_weights: *mut f32,
}

impl<L: Lanes> TapSums<L> {
    /// Adds to the weights from one input channel block, as many at a time as there are registers for. In a row of the
    /// kernel, columns and channels are neighbors: taps of one kind.
    ///
    /// # Safety
    /// `input` must be that of the kernel's first tap; it must be valid for reads of what the kernel reaches from all
    /// output pixels, the gradient of the output for reads of all of those, and the gradient of the weights for reads and
    /// writes of those from this channel block.
    #[inline(always)]
    unsafe fn add_channel_block(&mut self, input: Input) {
        let mut row = input;
        // SAFETY: as the caller vouches for.
        unsafe {
            // The few taps in a row of an image's channels alone would wait for one another.
            match [self.kernel, input.pixel] {
                [3, 1] if L::ACCUMULATORS >= 9 => return self.add::<3, 3>(row),
                [3, 3] if L::ACCUMULATORS >= 27 => return self.add::<3, 9>(row),
                [5, 1] if L::ACCUMULATORS >= 25 => return self.add::<5, 5>(row),
                _ => {}
            }
            for _ in 0..self.kernel {
                let mut taps = self.kernel * input.pixel;
                let mut tap = row;
                while taps > 0 {
                    let added = self.add_some(tap, taps);
                    tap.first = tap.first.add(added);
                    taps -= added;
                }
                row.first = row.first.add(row.row);
            }
        }
    }

    /// Adds to the next weights, at most `taps`, and returns how many.
    ///
    /// # Safety
    /// The obligations are those of [`TapSums::add_channel_block`].
    #[inline(always)]
    unsafe fn add_some(&mut self, input: Input, taps: usize) -> usize {
        /// The first of the counts that there are enough taps and registers for.
        macro_rules! largest {
            ($($count:literal)*) => {
                match taps {
                    $($count.. if L::ACCUMULATORS >= $count => {
                        // SAFETY: as the caller vouches for.
                        unsafe { self.add::<1, $count>(input) };
                        $count
                    })*
                    _ => {
                        // SAFETY: as the caller vouches for.
                        unsafe { self.add::<1, 1>(input) };
                        1
                    }
                }
            };
        }
        largest!(24 16 12 8 6 5 3 2)
    }

    /// Adds to the next weights: those of `N` taps in each of `R` rows of the kernel.
    ///
    /// # Safety
    /// The obligations are those of [`TapSums::add_channel_block`].
    #[inline(always)]
    unsafe fn add<const R: usize, const N: usize>(&mut self, input: Input) {
        let lanes = self.lanes;
        let mut sums = [[lanes.splat(0.0); N]; R];
        // SAFETY: the caller vouches for all that is read and written.
        unsafe {
            for y in 0..self.size[0] {
                let mut rows: [*const f32; R] =
                    from_fn(|r| input.first.add((y * self.stride + r) * input.row));
                let mut grad = self.grad_output.add(y * self.grad_row);
                for _ in 0..self.size[1] {
                    let gradient = lanes.load_ptr(grad);
                    for (sums, row) in sums.iter_mut().zip(&mut rows) {
                        for (tap, sum) in sums.iter_mut().enumerate() {
                            *sum = lanes.fma(lanes.splat(*row.add(tap)), gradient, *sum);
                        }
                        *row = row.add(self.stride * input.pixel);
                    }
                    grad = grad.add(L::LANES);
                }
            }
            for sum in sums.into_iter().flatten() {
                lanes.accumulate(sum, self.grad_weights);
                self.grad_weights = self.grad_weights.add(L::LANES);
            }
        }
    }
}
