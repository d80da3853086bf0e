//! The transforms of weights and of their gradients, output channels as lanes.

use super::sizes::{KERNEL, POINTS, SIDE, TAPS};
use crate::arch::{Kernel, Lanes};
use crate::conv::layout::{ChannelBlock, Packing};

/// Where the nine weights from an input to an output channel lie.
#[derive(Clone, Copy)]
pub(super) struct Taps {
    /// Values from one output channel's to the next one's.
    pub to_output: usize,
    /// Values from one input channel's to the next one's.
    pub to_input: usize,
    /// Whether they are read from the last to the first.
    pub flipped: bool,
}

/// `G g transpose(G)` of the weights to one block of output channels.
pub(super) struct TransformWeights<'a> {
    pub channel_block: ChannelBlock,
    /// The packing of one point.
    pub packing: Packing,
    pub taps: Taps,
    pub weight: &'a [f32],
    /// The packed weights of all points.
    pub packed: &'a mut [f32],
}

impl Kernel for TransformWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channel_block, packing, taps, weight, packed } = self;
        assert_eq!(channel_block.channels, L::LANES);
        let half = lanes.splat(0.5);
        let present = L::LANES.min(packing.output.count - channel_block.first);
        for input in 0..packing.input.stored {
            // Channels that are only stored have weights of zero.
            let mut gathered = [[0.0; 16]; TAPS];
            if input < packing.input.count {
                for (tap, values) in gathered.iter_mut().enumerate() {
                    let tap = if taps.flipped { TAPS - 1 - tap } else { tap };
                    let first = channel_block.first * taps.to_output + input * taps.to_input + tap;
                    let weights = weight[first..].iter().step_by(taps.to_output).take(present);
                    values.iter_mut().zip(weights).for_each(|(value, &weight)| *value = weight);
                }
            }
            let mut rows = [[lanes.splat(0.0); KERNEL]; SIDE];
            for x in 0..KERNEL {
                let g = [
                    lanes.load(&gathered[x]),
                    lanes.load(&gathered[KERNEL + x]),
                    lanes.load(&gathered[2 * KERNEL + x]),
                ];
                let outer = lanes.add(g[0], g[2]);
                rows[0][x] = g[0];
                rows[1][x] = lanes.mul(half, lanes.add(outer, g[1]));
                rows[2][x] = lanes.mul(half, lanes.sub(outer, g[1]));
                rows[3][x] = g[2];
            }
            let place = packing.start(channel_block) + input * L::LANES;
            for (row, g) in rows.iter().enumerate() {
                let outer = lanes.add(g[0], g[2]);
                let points = [
                    g[0],
                    lanes.mul(half, lanes.add(outer, g[1])),
                    lanes.mul(half, lanes.sub(outer, g[1])),
                    g[2],
                ];
                for (column, point) in points.into_iter().enumerate() {
                    lanes.store(point, &mut packed[(row * SIDE + column) * packing.len() + place..]);
                }
            }
        }
    }
}

/// `transpose(G) s G` of the sums of the gradient of the weights to one block of output channels: the transpose of
/// [`TransformWeights`].
pub(super) struct TransformSums<'a> {
    pub channel_block: ChannelBlock,
    /// The packing of one point.
    pub packing: Packing,
    /// The sums of all points.
    pub sums: &'a [f32],
    /// `[out, in, 3, 3]`.
    pub grad_weight: &'a mut [f32],
}

impl Kernel for TransformSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channel_block, packing, sums, grad_weight } = self;
        assert!(channel_block.channels == L::LANES && sums.len() == POINTS * packing.len());
        let (half, inputs) = (lanes.splat(0.5), packing.input.count);
        let present = L::LANES.min(packing.output.count - channel_block.first);
        for input in 0..inputs {
            let place = packing.start(channel_block) + input * L::LANES;
            let mut rows = [[lanes.splat(0.0); SIDE]; KERNEL];
            for column in 0..SIDE {
                let mut s = [lanes.splat(0.0); SIDE];
                for (row, value) in s.iter_mut().enumerate() {
                    *value = lanes.load(&sums[(row * SIDE + column) * packing.len() + place..]);
                }
                let [sum, difference] =
                    [lanes.mul(half, lanes.add(s[1], s[2])), lanes.mul(half, lanes.sub(s[1], s[2]))];
                rows[0][column] = lanes.add(s[0], sum);
                rows[1][column] = difference;
                rows[2][column] = lanes.add(sum, s[3]);
            }
            let mut taps = [[0.0; 16]; TAPS];
            for (y, s) in rows.iter().enumerate() {
                let [sum, difference] =
                    [lanes.mul(half, lanes.add(s[1], s[2])), lanes.mul(half, lanes.sub(s[1], s[2]))];
                lanes.store(lanes.add(s[0], sum), &mut taps[y * KERNEL]);
                lanes.store(difference, &mut taps[y * KERNEL + 1]);
                lanes.store(lanes.add(sum, s[3]), &mut taps[y * KERNEL + 2]);
            }
            for (tap, values) in taps.iter().enumerate() {
                let first = (channel_block.first * inputs + input) * TAPS + tap;
                let weights = grad_weight[first..].iter_mut().step_by(inputs * TAPS);
                weights.zip(&values[..present]).for_each(|(weight, &value)| *weight = value);
            }
        }
    }
}
