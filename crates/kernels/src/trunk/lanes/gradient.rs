//! Back through pool, dropout, norm and ReLU to the output of the convolution.

use super::run_with_flags;
use super::values::{Reader, SavedValues};
use crate::arch::{Kernel, Lanes};
use crate::conv::map::Map;

/// The gradient at a norm's input is `upstream * (g - mean_g) + value * (r - mean) + constant`, with `g` as in
/// [`GradientSums`](super::GradientSums) and these numbers for each stored channel,
/// zero for those that only fill lanes.
///
/// Both differences are taken before they are scaled: of a channel that hardly varies the scale is large, and what is
/// left of its gradient is small.
#[derive(Clone, Debug, Default)]
pub(in crate::trunk) struct GradientCoefficients {
    pub upstream: Vec<f32>,
    /// The mean of `g`.
    pub mean_g: Vec<f32>,
    pub value: Vec<f32>,
    /// What the rounding of the two means leaves.
    pub constant: Vec<f32>,
}

/// The gradient at the convolution's output, one plane, written to the interior of a map.
pub(in crate::trunk) struct Gradient<'a> {
    pub of: SavedValues<'a>,
    /// The mean of `r`, for each stored channel.
    pub mean: &'a [f32],
    pub coefficients: &'a GradientCoefficients,
    /// The block's output, without border.
    pub map: Map,
    /// The gradient there.
    pub upstream: &'a [f32],
    pub to: Map,
    pub output: &'a mut [f32],
}

impl Gradient<'_> {
    pub(in crate::trunk) fn run(self) {
        let SavedValues { isa, plane, drop, pool, .. } = self.of;
        run_with_flags!(isa, plane.width(), Flagged(self), drop, pool);
    }
}

struct Flagged<'a, const DROP: bool, const POOL: bool>(Gradient<'a>);

impl<const DROP: bool, const POOL: bool> Kernel for Flagged<'_, DROP, POOL> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Gradient { of, mean, coefficients, map, upstream, to, output } = self.0;
        let step = Step::<L, DROP> {
            lanes,
            reader: of.reader(lanes),
            mean: of.per_channel(lanes, mean),
            upstream: of.per_channel(lanes, &coefficients.upstream),
            mean_g: of.per_channel(lanes, &coefficients.mean_g),
            value: of.per_channel(lanes, &coefficients.value),
            constant: of.per_channel(lanes, &coefficients.constant),
        };
        if !POOL {
            for y in 0..map.height {
                step.pixels(
                    of.row(y),
                    &upstream[map.row_range(of.plane, y)],
                    &mut output[to.row_range(of.plane, y)],
                );
            }
            return;
        }
        for y in 0..map.height {
            let (top, bottom) = (to.row_range(of.plane, 2 * y), to.row_range(of.plane, 2 * y + 1));
            let (above, below) = output.split_at_mut(bottom.start);
            let outputs = [&mut above[top], &mut below[..bottom.len()]];
            step.windows(of.window_rows(y), &upstream[map.row_range(of.plane, y)], outputs);
        }
        if to.height % 2 == 1 {
            step.unpooled(of.row(to.height - 1), &mut output[to.row_range(of.plane, to.height - 1)]);
        }
    }
}

/// What happens to a pixel.
#[derive(Clone, Copy)]
struct Step<L: Lanes, const DROP: bool> {
    lanes: L,
    reader: Reader<L, DROP>,
    mean: L::F,
    upstream: L::F,
    mean_g: L::F,
    value: L::F,
    constant: L::F,
}

impl<L: Lanes, const DROP: bool> Step<L, DROP> {
    #[inline(always)]
    fn pixels(self, values: &[f32], upstream: &[f32], output: &mut [f32]) {
        let pixels = values.chunks_exact(L::LANES).zip(upstream.chunks_exact(L::LANES));
        for (output, (v, upstream)) in output.chunks_exact_mut(L::LANES).zip(pixels) {
            self.pixel(self.lanes.load(v), self.lanes.load(upstream), output);
        }
    }

    /// Two rows of values, one of windows.
    #[inline(always)]
    fn windows(self, [top, bottom]: [&[f32]; 2], upstream: &[f32], [to_top, to_bottom]: [&mut [f32]; 2]) {
        let columns = 2 * upstream.len();
        let windows = top.chunks_exact(2 * L::LANES).zip(bottom.chunks_exact(2 * L::LANES));
        let outputs = to_top.chunks_exact_mut(2 * L::LANES).zip(to_bottom.chunks_exact_mut(2 * L::LANES));
        for ((upstream, (top, bottom)), (to_top, to_bottom)) in
            upstream.chunks_exact(L::LANES).zip(windows).zip(outputs)
        {
            let window = self.reader.window(top, bottom);
            let shares = self.reader.to_winner(window, self.lanes.load(upstream));
            self.pixel(window[0], shares[0], to_top);
            self.pixel(window[1], shares[1], &mut to_top[L::LANES..]);
            self.pixel(window[2], shares[2], to_bottom);
            self.pixel(window[3], shares[3], &mut to_bottom[L::LANES..]);
        }
        // A last column that no window covers.
        self.unpooled(&top[columns..], &mut to_top[columns..]);
        self.unpooled(&bottom[columns..], &mut to_bottom[columns..]);
    }

    /// Pixels that no window covers: their part in the batch's statistics is all they have.
    #[inline(always)]
    fn unpooled(self, values: &[f32], output: &mut [f32]) {
        for (output, v) in output.chunks_exact_mut(L::LANES).zip(values.chunks_exact(L::LANES)) {
            self.pixel(self.lanes.load(v), self.lanes.splat(0.0), output);
        }
    }

    #[inline(always)]
    fn pixel(self, v: L::F, upstream: L::F, output: &mut [f32]) {
        let lanes = self.lanes;
        let r = self.reader.activation(v);
        let gradient = lanes.fma(self.value, lanes.sub(r, self.mean), self.constant);
        let g = self.reader.if_kept(v, upstream);
        let gradient = lanes.fma(self.upstream, lanes.sub(g, self.mean_g), gradient);
        lanes.store(lanes.zero_unless(lanes.gt(r, lanes.splat(0.0)), gradient), output);
    }
}
