//! Convolutions of 3x3 kernels with fewer multiplications: Winograd's minimal filtering, F(2x2, 3x3).
//!
//! # The idea
//! Two neighboring outputs of a filter of three taps, `y0 = d0 g0 + d1 g1 + d2 g2` and `y1 = d1 g0 + d2 g1 + d3 g2`, take six
//! multiplications. They follow from four products:
//!
//! ```text
//! m0 = (d0 - d2) g0                       y0 = m0 + m1 + m2
//! m1 = (d1 + d2) (g0 + g1 + g2) / 2       y1 = m1 - m2 - m3
//! m2 = (d2 - d1) (g0 - g1 + g2) / 2
//! m3 = (d1 - d3) g2
//! ```
//!
//! The products are values of polynomials: convolution multiplies polynomials, and one of degree three is known from its values at
//! the four points 0, 1, -1 and infinity. In both directions at once, a tile of 2x2 outputs takes 16 products instead of 36. With the
//! matrices of the four lines above,
//!
//! ```text
//!      [ 1  0 -1  0 ]        [ 1    0    0  ]
//! B' = [ 0  1  1  0 ]    G = [ 1/2  1/2  1/2]    A' = [ 1  1  1  0 ]
//!      [ 0 -1  1  0 ]        [ 1/2 -1/2  1/2]         [ 0  1 -1 -1 ]
//!      [ 0  1  0 -1 ]        [ 0    0    1  ]
//!
//! output tile = A' [ (G g G') * (B' d B) ] A
//! ```
//!
//! where `'` transposes and `*` multiplies element by element. Sums over input channels can be taken before the last step. So
//! each of the 16 points is a matrix product of its own, `[tiles, in]` times `[in, out]`, which is a convolution with a kernel of one
//! pixel over a map whose pixels are tiles: [`Convolution`] does it. What is new is in `transform`: additions of whole registers.
//!
//! # The gradients
//! The gradient at the input is a convolution with flipped weights, as always. That at the weights is the transpose of the formula
//! in `g`: with `y` the gradient of the output tile, `G' [ sum over tiles of (A y A') * (B' d B) ] G`. For each point the sum is a
//! [`WeightGradient`] of one pixel; `G' . G` is taken once, at the end.
//!
//! # Cost and accuracy
//! Multiplications fall by 2.25; the transforms take 4 additions for each input, 6 for each output, of whole registers, for every
//! *pair* of channels none: they pay where there are enough channels, see [`Algorithm`](super::Algorithm). The transforms of this tile size
//! multiply by one half at most, so rounding grows little: tests hold the error to four times that of the direct sum. Larger tiles,
//! F(4x4, 3x3), multiply by up to 21/4 and lose more than a digit. Sums have one order, so bits are the same on every
//! instruction set and any number of threads, but not those of the direct algorithm.
//!
//! Sources: S. Winograd, *Arithmetic Complexity of Computations*, 1980; A. Lavin and S. Gray, *Fast Algorithms for Convolutional
//! Neural Networks*, 2015; B. Barabasz and others, *Error Analysis and Improving the Accuracy of Winograd Convolution for Deep
//! Neural Networks*, 2018.

mod sizes;
mod transform;
mod weights;

use super::forward::Convolution;
use super::layout::{BlockedLayout, Channels};
use super::weight_gradient::WeightGradient;
use crate::Isa;
use crate::arch::Prefetch;
use sizes::{KERNEL, POINTS, TAPS};
use transform::{Points, TransformGradient, TransformInput, TransformOutput};
use weights::{Taps, TransformSums, TransformWeights};

/// The points of the tiles that cover a map of this size.
fn points(channels: Channels, output: BlockedLayout) -> Points {
    let [height, width] = [output.height, output.width].map(|size| size.div_ceil(2));
    Points { map: BlockedLayout { channels, height, width, border: 0 } }
}

/// A convolution with a kernel of 3x3 and stride 1, planned for an instruction set.
#[derive(Clone, Debug)]
pub(crate) struct Winograd {
    isa: Isa,
    input: BlockedLayout,
    output: BlockedLayout,
    /// The transformed input.
    points: Points,
    /// The product of one point.
    product: Convolution,
    /// Values from the products of one point to those of the next, of as many channel blocks as are computed at a time.
    distance: usize,
}

impl Winograd {
    /// Plans the convolution of `input`, border included, into `output`: as large as the input with its border, less 2. The input's
    /// channels must fill lanes.
    pub(super) fn new(isa: Isa, input: BlockedLayout, output: BlockedLayout) -> Self {
        assert_eq!(output.height + KERNEL - 1, input.height + 2 * input.border);
        assert_eq!(output.width + KERNEL - 1, input.width + 2 * input.border);
        assert_eq!(input.channels, Channels::computed(input.channels.count));
        let points = points(input.channels, output);
        let product =
            Convolution::new(isa, 1, points.map, BlockedLayout { channels: output.channels, ..points.map });
        // A line more, as between the points of the input.
        let distance = 2 * 16 * points.map.block_pixels() + 16;
        Self { isa, input, output, points, product, distance }
    }

    /// Channels of the input.
    fn inputs(&self) -> usize {
        self.input.channels.count
    }

    /// Channels of the output.
    fn outputs(&self) -> usize {
        self.output.channels.count
    }

    /// Packed weights.
    pub(super) fn weights_len(&self) -> usize {
        POINTS * self.product.packing().len()
    }

    /// Transforms and packs the weights, `[out, in, 3, 3]`, or, `flipped`, `[in, out, 3, 3]` turned by half a turn.
    pub(super) fn pack(&self, weight: &[f32], flipped: bool, packed: &mut [f32]) {
        let (outputs, inputs) = (self.outputs(), self.inputs());
        assert!(weight.len() == outputs * inputs * TAPS && packed.len() == self.weights_len());
        let taps = Taps {
            to_output: if flipped { TAPS } else { inputs * TAPS },
            to_input: if flipped { outputs * TAPS } else { TAPS },
            flipped,
        };
        for channel_block in self.output.channels.blocks() {
            let packing = self.product.packing();
            let transform = TransformWeights { channel_block, packing, taps, weight, packed };
            self.isa.run(channel_block.width(), transform);
        }
    }

    /// The values of working memory that [`run`](Self::run) takes.
    pub(super) fn scratch_len(&self) -> usize {
        self.points.len() + POINTS * self.distance
    }

    /// Computes one image, with a bias for each stored channel, if it is given, and no output below `floor`. The border of the output
    /// is left as it is.
    pub(super) fn run(
        &self,
        input: &[f32],
        weights: &[f32],
        (bias, floor): (Option<&[f32]>, f32),
        prefetch: Prefetch<'_>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let (points, products) = scratch[..self.scratch_len()].split_at_mut(self.points.len());
        transform_input(self.isa, self.input, input, self.points, points);
        let weights_of_point = self.product.packing().len();
        assert_eq!(weights.len(), POINTS * weights_of_point);
        let blocks = self.output.channels.blocks().count().div_ceil(2);
        let prefetch = &mut prefetch.in_steps(POINTS * blocks);
        for (channel_block, twin) in self.output.channels.twins(self.isa) {
            let maps =
                points.chunks_exact(self.points.distance()).zip(weights.chunks_exact(weights_of_point));
            for ((map, weights), products) in maps.zip(products.chunks_exact_mut(self.distance)) {
                let map = &map[..self.points.map.len()];
                self.product.run_blocks((channel_block, twin), map, weights, products);
                prefetch.step();
            }
            let computed = self.output.channels.blocks().filter(|block| {
                block.first == channel_block.first || (twin && block.first == channel_block.first + 16)
            });
            for (index, channel_block) in computed.enumerate() {
                let transform = TransformOutput {
                    channel_block,
                    products,
                    first: index * 16 * self.points.map.block_pixels(),
                    distance: self.distance,
                    tiles: self.points.map.width,
                    bias: bias.map(|bias| &bias[channel_block.first..]),
                    floor,
                    to: self.output,
                    output,
                };
                self.isa.run(channel_block.width(), transform);
            }
        }
    }
}

/// The weight gradient of such a convolution, planned for an instruction set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WinogradGradient {
    isa: Isa,
    input: BlockedLayout,
    grad_output: BlockedLayout,
    points: Points,
    grad_points: Points,
    product: WeightGradient,
}

impl WinogradGradient {
    /// Plans it for the convolution of `input`, border included, into a map as large as `grad_output` without its border.
    pub(super) fn new(isa: Isa, input: BlockedLayout, grad_output: BlockedLayout) -> Self {
        assert_eq!(grad_output.height + KERNEL - 1, input.height + 2 * input.border);
        assert_eq!(grad_output.width + KERNEL - 1, input.width + 2 * input.border);
        let [points, grad_points] =
            [input.channels, grad_output.channels].map(|channels| points(channels, grad_output));
        let product = WeightGradient::new(isa, 1, points.map, grad_points.map);
        Self { isa, input, grad_output, points, grad_points, product }
    }

    /// The values that an image's gradient has before its last transform.
    pub(super) fn len(&self) -> usize {
        POINTS * self.product.packing().len()
    }

    /// The values of working memory that [`add`](Self::add) takes.
    pub(super) fn scratch_len(&self) -> usize {
        self.points.len() + self.grad_points.len()
    }

    /// Adds what one image gives to `sums`.
    pub(super) fn add(&self, input: &[f32], grad_output: &[f32], scratch: &mut [f32], sums: &mut [f32]) {
        let (points, grad_points) = scratch[..self.scratch_len()].split_at_mut(self.points.len());
        transform_input(self.isa, self.input, input, self.points, points);
        for channel_block in self.grad_output.channels.blocks() {
            let transform = TransformGradient {
                channel_block,
                from: self.grad_output,
                gradient: grad_output,
                to: self.grad_points,
                output: grad_points,
            };
            self.isa.run(channel_block.width(), transform);
        }
        let maps = points
            .chunks_exact(self.points.distance())
            .zip(grad_points.chunks_exact(self.grad_points.distance()));
        for ((map, grad_map), sums) in maps.zip(sums.chunks_exact_mut(self.product.packing().len())) {
            let (map, grad_map) = (&map[..self.points.map.len()], &grad_map[..self.grad_points.map.len()]);
            self.product.add(map, grad_map, sums);
        }
    }

    /// Writes the gradient of the weight, `[out, in, 3, 3]`, from the sums over all images.
    pub(super) fn unpack(&self, sums: &[f32], grad_weight: &mut [f32]) {
        let packing = self.product.packing();
        assert!(sums.len() == self.len());
        assert_eq!(grad_weight.len(), packing.output.count * packing.input.count * TAPS);
        for channel_block in packing.output.blocks() {
            let transform = TransformSums { channel_block, packing, sums, grad_weight };
            self.isa.run(channel_block.width(), transform);
        }
    }
}

/// Transforms all channels of one image.
fn transform_input(isa: Isa, from: BlockedLayout, input: &[f32], to: Points, output: &mut [f32]) {
    for channel_block in from.channels.blocks() {
        isa.run(channel_block.width(), TransformInput { channel_block, from, input, to, output });
    }
}
