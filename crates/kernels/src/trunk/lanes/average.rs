//! The global average pool.

use super::PerLane;
use crate::Isa;
use crate::arch::{Kernel, Lanes, Width};

/// The average over all pixels of one plane without border.
pub(crate) fn average(isa: Isa, width: Width, values: &[f32]) -> PerLane {
    isa.run(width, Average(values))
}

struct Average<'a>(&'a [f32]);

impl Kernel for Average<'_> {
    type Output = PerLane;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> PerLane {
        let mut sum = lanes.splat(0.0);
        for pixel in self.0.chunks_exact(L::LANES) {
            sum = lanes.add(sum, lanes.load(pixel));
        }
        let share = 1.0 / (self.0.len() / L::LANES) as f32;
        let mut average = [0.0; 16];
        lanes.store(lanes.mul(sum, lanes.splat(share)), &mut average);
        average
    }
}
