//! The most that a core can do, to hold the kernels' times against.

use std::hint::black_box;

use crate::Isa;
use crate::arch::{Kernel, Lanes, Width};

/// Computes fused multiply-adds as fast as the instruction set can, on one thread, and returns how many floating-point
/// operations they were: two for each lane. The caller takes the time.
pub fn fused_multiply_adds(isa: Isa, rounds: usize) -> usize {
    // Sixteen lanes are one register of AVX-512 and two of AVX2: as many sums in flight as the convolutions have.
    isa.run(Width::Sixteen, Multiplications(rounds))
}

struct Multiplications(usize);

impl Kernel for Multiplications {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> usize {
        // A fixed number that all instruction sets have registers for, and more than any FMA unit has stages.
        const SUMS: usize = 6;
        // Operands that the compiler cannot know; the sums stay finite.
        let (a, b) = (lanes.splat(black_box(0.5)), lanes.splat(black_box(1.0)));
        let mut sums = [lanes.splat(0.0); SUMS];
        for _ in 0..self.0 {
            for sum in &mut sums {
                *sum = lanes.fma(*sum, a, b);
            }
        }
        let mut total = sums[0];
        for &sum in &sums[1..] {
            total = lanes.add(total, sum);
        }
        let mut output = [0.0; 16];
        lanes.store(total, &mut output);
        black_box(output);
        2 * self.0 * SUMS * L::LANES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_per_lane() {
        for isa in Isa::available() {
            assert_eq!(fused_multiply_adds(isa, 10), 2 * 10 * 6 * 16);
        }
    }
}
