//! The passes over pixels between the convolutions, each over one plane of one image.
//!
//! A block's saved values `v` are relu(conv), with the sign bit set where dropout dropped the element: -0.0 for a dropped
//! zero. With `r = |v|`, the block's output before pooling is `z = scale * r + shift` where the element was kept and 0 where
//! it was dropped; `scale` and `shift` hold the norm and what dropout multiplies with.
//!
//! Passes are compiled with and without dropout (`DROP`) and pooling (`POOL`). Sums have two chains, for even and odd
//! pixels, which are added at the end: the same order, and so the same bits, on every instruction set.

mod average;
mod finish;
mod gradient;
mod gradient_sums;
mod mask;
mod normalise;
mod values;

pub(crate) use average::average;
pub(super) use finish::{Moments, finish};
pub(super) use gradient::{Gradient, GradientCoefficients};
pub(super) use gradient_sums::GradientSums;
pub(super) use mask::MaskedPlane;
pub(crate) use normalise::Normalise;
pub(crate) use values::{Affine, SavedValues};

use crate::arch::Lanes;

/// One value for each lane of the widest plane; those beyond a plane's channels are zero.
pub(crate) type PerLane = [f32; 16];

/// Two sums that grow together, for each lane.
#[derive(Clone, Copy)]
struct SumPair<L: Lanes> {
    lanes: L,
    /// Even and odd pixels.
    chains: [[L::F; 2]; 2],
}

impl<L: Lanes> SumPair<L> {
    #[inline(always)]
    fn new(lanes: L) -> Self {
        Self { lanes, chains: [[lanes.splat(0.0); 2]; 2] }
    }

    /// Adds `a` to the first sum and `a * b` to the second, in the chain of even (0) or odd (1) pixels.
    #[inline(always)]
    fn add(&mut self, chain: usize, a: L::F, b: L::F) {
        let [first, second] = &mut self.chains[chain];
        *first = self.lanes.add(*first, a);
        *second = self.lanes.fma(a, b, *second);
    }

    #[inline(always)]
    fn totals(self) -> [PerLane; 2] {
        let mut totals = [[0.0; 16]; 2];
        for (sum, total) in totals.iter_mut().enumerate() {
            self.lanes.store(self.lanes.add(self.chains[0][sum], self.chains[1][sum]), total);
        }
        totals
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
use run_with_flags;
