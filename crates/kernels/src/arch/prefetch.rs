//! Software prefetch: data is asked for before it is needed.

/// Floats of a cache line.
const LINE: usize = 16;

/// A list of values that will soon be needed, to be loaded into the second-level cache meanwhile.
///
/// The passes over pixels wait for memory more than they compute, and a convolution computes for microseconds without
/// touching any: it fetches the next image, a few lines with each tile. Fetched all at once, the lines would be waited for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prefetch<'a> {
    slices: [&'a [f32]; 3],
    /// Values of each step, a whole number of lines.
    per_step: usize,
}

impl<'a> Prefetch<'a> {
    /// Nothing is needed.
    pub(crate) const NOTHING: Self = Self { slices: [&[]; 3], per_step: 0 };

    /// These are needed.
    pub(crate) fn new(slices: [&'a [f32]; 3]) -> Self {
        Self { slices, ..Self::NOTHING }
    }

    /// Shares the values out over a number of steps.
    pub(crate) fn in_steps(self, steps: usize) -> Self {
        let values: usize = self.slices.iter().map(|slice| slice.len()).sum();
        Self { per_step: values.div_ceil(steps.max(1)).next_multiple_of(LINE), ..self }
    }

    /// Starts loading the next values.
    #[inline(always)]
    pub(crate) fn step(&mut self) {
        let mut left = self.per_step;
        for slice in &mut self.slices {
            let (now, later) = slice.split_at(slice.len().min(left));
            left -= now.len();
            *slice = later;
            for line in now.chunks(LINE) {
                prefetch_line(line);
            }
        }
    }
}

/// Starts loading the line that a slice begins in, where the CPU can be asked to.
#[inline(always)]
fn prefetch_line(line: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: SSE is part of x86-64, and a prefetch reads nothing that the program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    // Stable Rust has no prefetch for other architectures.
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_fetched_in_the_steps_asked_for() {
        let values = [0.0; 100];
        for steps in [1, 3, 50] {
            let mut prefetch = Prefetch::new([&values, &[], &values[..7]]).in_steps(steps);
            for _ in 0..steps {
                prefetch.step();
            }
            assert!(prefetch.slices.iter().all(|slice| slice.is_empty()), "{steps} steps");
        }
        let mut prefetch = Prefetch::new([&values; 3]).in_steps(3);
        prefetch.step();
        assert!(prefetch.slices.iter().any(|slice| !slice.is_empty()), "not all at once");
    }
}
