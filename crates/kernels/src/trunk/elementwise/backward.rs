//! The passes of the backward pass: back through pool, dropout, norm and ReLU to the output of the convolution, and the
//! sums over a batch that the gradient of a norm needs.

use super::values::{PerLane, Reader, SavedValues, SumPair, run_with_flags};
use crate::arch::{Kernel, Lanes};
use crate::conv::layout::BlockedLayout;

/// Two sums over one channel block, with `g` the gradient at the norm's output as far as pool and dropout let it through
/// and before dropout's factor: that of `g` and that of `g * (r - mean)`.
pub(crate) struct GradientSums<'a> {
    pub of: SavedValues<'a>,
    /// The mean of `r`, for each stored channel.
    pub mean: &'a [f32],
    /// The block's output, without border.
    pub layout: BlockedLayout,
    /// The gradient there.
    pub upstream: &'a [f32],
}

impl GradientSums<'_> {
    pub(crate) fn run(self) -> [PerLane; 2] {
        let SavedValues { isa, channel_block, drop, pool, .. } = self.of;
        run_with_flags!(isa, channel_block.width(), GradientSumsPass(self), drop, pool)
    }
}

struct GradientSumsPass<'a, const DROP: bool, const POOL: bool>(GradientSums<'a>);

impl<const DROP: bool, const POOL: bool> Kernel for GradientSumsPass<'_, DROP, POOL> {
    type Output = [PerLane; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [PerLane; 2] {
        let GradientSums { of, mean, layout, upstream } = self.0;
        let mut sums = SumReader::<L, DROP> {
            lanes,
            reader: of.reader(lanes),
            mean: of.per_channel(lanes, mean),
            sums: SumPair::new(lanes),
        };
        for y in 0..layout.height {
            let upstream = &upstream[layout.row_range(of.channel_block, y)];
            if POOL {
                sums.add_windows(of.window_rows(y), upstream);
            } else {
                sums.add_pixels(of.row(y), upstream);
            }
        }
        sums.sums.totals()
    }
}

struct SumReader<L: Lanes, const DROP: bool> {
    lanes: L,
    reader: Reader<L, DROP>,
    mean: L::F,
    sums: SumPair<L>,
}

impl<L: Lanes, const DROP: bool> SumReader<L, DROP> {
    #[inline(always)]
    fn add_pixels(&mut self, values: &[f32], upstream: &[f32]) {
        let mut values = values.chunks_exact(2 * L::LANES);
        let mut upstream = upstream.chunks_exact(2 * L::LANES);
        for (values, upstream) in (&mut values).zip(&mut upstream) {
            for chain in 0..2 {
                let v = self.lanes.load(&values[chain * L::LANES..]);
                self.add(chain, v, &upstream[chain * L::LANES..]);
            }
        }
        if !values.remainder().is_empty() {
            self.add(0, self.lanes.load(values.remainder()), upstream.remainder());
        }
    }

    #[inline(always)]
    fn add_windows(&mut self, [top, bottom]: [&[f32]; 2], upstream: &[f32]) {
        let (mut top, mut bottom) = (top.chunks_exact(2 * L::LANES), bottom.chunks_exact(2 * L::LANES));
        let mut upstream = upstream.chunks_exact(2 * L::LANES);
        for upstream in &mut upstream {
            for chain in 0..2 {
                if let (Some(top), Some(bottom)) = (top.next(), bottom.next()) {
                    let winner = self.reader.winner(self.reader.window(top, bottom));
                    self.add(chain, winner, &upstream[chain * L::LANES..]);
                }
            }
        }
        if let (Some(top), Some(bottom), false) = (top.next(), bottom.next(), upstream.remainder().is_empty())
        {
            let winner = self.reader.winner(self.reader.window(top, bottom));
            self.add(0, winner, upstream.remainder());
        }
    }

    /// Adds one pixel, in the chain of even (0) or odd (1) ones.
    #[inline(always)]
    fn add(&mut self, chain: usize, v: L::F, upstream: &[f32]) {
        let g = self.reader.if_kept(v, self.lanes.load(upstream));
        self.sums.add(chain, g, self.lanes.sub(self.reader.activation(v), self.mean));
    }
}

/// The gradient at a norm's input is `upstream * (g - mean_g) + value * (r - mean) + constant`, with `g` as in
/// [`GradientSums`] and these numbers for each stored channel,
/// zero for those that only fill lanes.
///
/// Both differences are taken before they are scaled: of a channel that hardly varies the scale is large, and what is
/// left of its gradient is small.
#[derive(Clone, Debug, Default)]
pub(crate) struct GradientCoefficients {
    pub upstream: Vec<f32>,
    /// The mean of `g`.
    pub mean_g: Vec<f32>,
    pub value: Vec<f32>,
    /// The rest that the rounding of the two means leaves.
    pub constant: Vec<f32>,
}

/// The gradient at the convolution's output, one channel block, written to the interior of a map.
pub(crate) struct Gradient<'a> {
    pub of: SavedValues<'a>,
    /// The mean of `r`, for each stored channel.
    pub mean: &'a [f32],
    pub coefficients: &'a GradientCoefficients,
    /// The block's output, without border.
    pub layout: BlockedLayout,
    /// The gradient there.
    pub upstream: &'a [f32],
    pub to: BlockedLayout,
    pub output: &'a mut [f32],
}

impl Gradient<'_> {
    pub(crate) fn run(self) {
        let SavedValues { isa, channel_block, drop, pool, .. } = self.of;
        run_with_flags!(isa, channel_block.width(), GradientPass(self), drop, pool);
    }
}

struct GradientPass<'a, const DROP: bool, const POOL: bool>(Gradient<'a>);

impl<const DROP: bool, const POOL: bool> Kernel for GradientPass<'_, DROP, POOL> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Gradient { of, mean, coefficients, layout, upstream, to, output } = self.0;
        let step = PixelGradient::<L, DROP> {
            lanes,
            reader: of.reader(lanes),
            mean: of.per_channel(lanes, mean),
            upstream: of.per_channel(lanes, &coefficients.upstream),
            mean_g: of.per_channel(lanes, &coefficients.mean_g),
            value: of.per_channel(lanes, &coefficients.value),
            constant: of.per_channel(lanes, &coefficients.constant),
        };
        if !POOL {
            for y in 0..layout.height {
                step.pixels(
                    of.row(y),
                    &upstream[layout.row_range(of.channel_block, y)],
                    &mut output[to.row_range(of.channel_block, y)],
                );
            }
            return;
        }
        for y in 0..layout.height {
            let (top, bottom) =
                (to.row_range(of.channel_block, 2 * y), to.row_range(of.channel_block, 2 * y + 1));
            let (above, below) = output.split_at_mut(bottom.start);
            let outputs = [&mut above[top], &mut below[..bottom.len()]];
            step.windows(of.window_rows(y), &upstream[layout.row_range(of.channel_block, y)], outputs);
        }
        if to.height % 2 == 1 {
            step.unpooled(of.row(to.height - 1), &mut output[to.row_range(of.channel_block, to.height - 1)]);
        }
    }
}

/// The gradient of one pixel.
#[derive(Clone, Copy)]
struct PixelGradient<L: Lanes, const DROP: bool> {
    lanes: L,
    reader: Reader<L, DROP>,
    mean: L::F,
    upstream: L::F,
    mean_g: L::F,
    value: L::F,
    constant: L::F,
}

impl<L: Lanes, const DROP: bool> PixelGradient<L, DROP> {
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
