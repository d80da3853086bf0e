//! Reading of saved values, and sums in a fixed order, for all passes.

use crate::Isa;
use crate::arch::Lanes;
use crate::conv::layout::{BlockedLayout, ChannelBlock};

/// One value for each lane of the widest channel block; those beyond a channel block's channels are zero.
pub(crate) type PerLane = [f32; 16];

/// Two sums that grow together, for each lane.
#[derive(Clone, Copy)]
pub(super) struct SumPair<L: Lanes> {
    lanes: L,
    /// Even and odd pixels.
    chains: [[L::F; 2]; 2],
}

impl<L: Lanes> SumPair<L> {
    #[inline(always)]
    pub(super) fn new(lanes: L) -> Self {
        Self { lanes, chains: [[lanes.splat(0.0); 2]; 2] }
    }

    /// Adds `a` to the first sum and `a * b` to the second, in the chain of even (0) or odd (1) pixels.
    #[inline(always)]
    pub(super) fn add(&mut self, chain: usize, a: L::F, b: L::F) {
        let [first, second] = &mut self.chains[chain];
        *first = self.lanes.add(*first, a);
        *second = self.lanes.fma(a, b, *second);
    }

    #[inline(always)]
    pub(super) fn totals(self) -> [PerLane; 2] {
        let mut totals = [[0.0; 16]; 2];
        for (sum, total) in totals.iter_mut().enumerate() {
            self.lanes.store(self.lanes.add(self.chains[0][sum], self.chains[1][sum]), total);
        }
        totals
    }
}

/// A factor and an offset for each stored channel, zero for those that only fill lanes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Affine {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
}

/// One channel block of one image's saved values, and what is needed to read them.
#[derive(Clone, Copy)]
pub(crate) struct SavedValues<'a> {
    pub isa: Isa,
    /// Whether sign bits mark dropped elements.
    pub drop: bool,
    /// Whether a 2x2 max pool follows.
    pub pool: bool,
    pub channel_block: ChannelBlock,
    /// The layout of the whole image.
    pub layout: BlockedLayout,
    pub values: &'a [f32],
    pub affine: &'a Affine,
}

impl<'a> SavedValues<'a> {
    /// One row of the channel block.
    #[inline(always)]
    pub(super) fn row(&self, y: usize) -> &'a [f32] {
        &self.values[self.layout.row_range(self.channel_block, y)]
    }

    /// The two rows of the windows in row `y` of the pooled map, without the last column where the width is odd.
    #[inline(always)]
    pub(super) fn window_rows(&self, y: usize) -> [&'a [f32]; 2] {
        [self.row(2 * y), self.row(2 * y + 1)]
    }

    /// The channel block's first `LANES` values of one for each stored channel.
    #[inline(always)]
    pub(super) fn per_channel<L: Lanes>(&self, lanes: L, values: &[f32]) -> L::F {
        lanes.load(&values[self.channel_block.first..])
    }

    #[inline(always)]
    pub(super) fn reader<L: Lanes, const DROP: bool>(&self, lanes: L) -> Reader<L, DROP> {
        let scale = self.per_channel(lanes, &self.affine.scale);
        let shift = self.per_channel(lanes, &self.affine.shift);
        Reader { lanes, scale, shift }
    }
}

/// Reads saved values of one channel block.
#[derive(Clone, Copy)]
pub(super) struct Reader<L: Lanes, const DROP: bool> {
    lanes: L,
    scale: L::F,
    shift: L::F,
}

impl<L: Lanes, const DROP: bool> Reader<L, DROP> {
    /// The value of relu(conv).
    #[inline(always)]
    pub(super) fn activation(self, v: L::F) -> L::F {
        if DROP { self.lanes.abs(v) } else { v }
    }

    /// `a` where `v` was kept, 0 where it was dropped.
    #[inline(always)]
    pub(super) fn if_kept(self, v: L::F, a: L::F) -> L::F {
        if DROP { self.lanes.zero_if(self.lanes.sign(v), a) } else { a }
    }

    /// The block's output before pooling.
    #[inline(always)]
    pub(super) fn output(self, v: L::F) -> L::F {
        self.if_kept(v, self.lanes.fma(self.scale, self.activation(v), self.shift))
    }

    /// The four values of a window, in row-major order; `top` and `bottom` hold two pixels each.
    #[inline(always)]
    pub(super) fn window(self, top: &[f32], bottom: &[f32]) -> [L::F; 4] {
        let lanes = self.lanes;
        let (top_right, bottom_right) = (&top[L::LANES..], &bottom[L::LANES..]);
        [lanes.load(top), lanes.load(top_right), lanes.load(bottom), lanes.load(bottom_right)]
    }

    /// The largest output of a window.
    #[inline(always)]
    pub(super) fn pooled(self, window: [L::F; 4]) -> L::F {
        let mut best = self.output(window[0]);
        for v in &window[1..] {
            best = self.lanes.max(self.output(*v), best);
        }
        best
    }

    /// The saved value whose output is the largest of a window, the first of equals.
    #[inline(always)]
    pub(super) fn winner(self, window: [L::F; 4]) -> L::F {
        let mut winner = window[0];
        let mut best = self.output(winner);
        for &v in &window[1..] {
            let z = self.output(v);
            winner = self.lanes.select(self.lanes.gt(z, best), v, winner);
            best = self.lanes.max(z, best);
        }
        winner
    }

    /// `a` in the place of a window's winner, 0 in the others.
    #[inline(always)]
    pub(super) fn to_winner(self, window: [L::F; 4], a: L::F) -> [L::F; 4] {
        let lanes = self.lanes;
        let [v0, v1, v2, v3] = window;
        let (z0, z1, z2, z3) = (self.output(v0), self.output(v1), self.output(v2), self.output(v3));
        // A place wins where it is larger than all before it, and what it wins is lost to those.
        let best_of_2 = lanes.max(z1, z0);
        let best_of_3 = lanes.max(z2, best_of_2);
        let (wins_1, wins_2, wins_3) = (lanes.gt(z1, z0), lanes.gt(z2, best_of_2), lanes.gt(z3, best_of_3));
        let before_3 = lanes.zero_if(wins_3, a);
        let before_2 = lanes.zero_if(wins_2, before_3);
        [
            lanes.zero_if(wins_1, before_2),
            lanes.zero_unless(wins_1, before_2),
            lanes.zero_unless(wins_2, before_3),
            lanes.zero_unless(wins_3, a),
        ]
    }
}

/// Calls `isa.run` with a kernel that is compiled for all combinations of two flags.
macro_rules! run_with_flags {
    ($isa:expr, $width:expr, $kernel:ident($arguments:expr), $drop:expr, $pool:expr) => {
        match ($drop, $pool) {
            (false, false) => $isa.run($width, $kernel::<false, false>($arguments)),
            (false, true) => $isa.run($width, $kernel::<false, true>($arguments)),
            (true, false) => $isa.run($width, $kernel::<true, false>($arguments)),
            (true, true) => $isa.run($width, $kernel::<true, true>($arguments)),
        }
    };
}
pub(super) use run_with_flags;
