//! 2x2 max pooling with stride 2, the pool of most small networks.

use rayon::prelude::*;

use crate::arch::{Kernel, Lanes, Width};
use crate::shape::{check_len, volume};
use crate::{Isa, Result};

/// Planes are grouped until a task has this many input values, about 10 us of work: less does not pay for a thread.
pub(super) const MIN_TASK_VALUES: usize = 16 * 1024;

/// Max pooling of `input`, `[b, c, h, w]`, into `output`, `[b, c, h / 2, w / 2]`.
///
/// An odd last row or column is left out.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where a slice does not fit `shape`.
pub fn max_pool2d(isa: Isa, input: &[f32], shape: [usize; 4], output: &mut [f32]) -> Result<()> {
    let planes = Planes::new(shape)?;
    check_len("input", input, planes.count * planes.size)?;
    check_len("output", output, planes.count * planes.pooled_size)?;
    if output.is_empty() {
        return Ok(());
    }
    output
        .par_chunks_exact_mut(planes.pooled_size)
        .zip(input.par_chunks_exact(planes.size))
        .with_min_len(planes.min_task_len())
        .for_each(|(output, input)| {
            isa.run(planes.lanes(), PoolPlane { input, width: planes.width, output })
        });
    Ok(())
}

/// The gradient of [`max_pool2d`] with respect to its input, written over `grad_input`, `[b, c, h, w]`.
///
/// `grad_output` is `[b, c, h / 2, w / 2]`, `input` and `shape` are those of the forward pass. Each window's gradient
/// goes whole to the value that won it.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where a slice does not fit `shape`.
pub fn max_pool2d_backward(
    isa: Isa,
    input: &[f32],
    shape: [usize; 4],
    grad_output: &[f32],
    grad_input: &mut [f32],
) -> Result<()> {
    let planes = Planes::new(shape)?;
    check_len("input", input, planes.count * planes.size)?;
    check_len("grad_output", grad_output, planes.count * planes.pooled_size)?;
    check_len("grad_input", grad_input, input.len())?;
    if grad_output.is_empty() {
        grad_input.fill(0.0);
        return Ok(());
    }
    grad_input
        .par_chunks_exact_mut(planes.size)
        .zip(input.par_chunks_exact(planes.size))
        .zip(grad_output.par_chunks_exact(planes.pooled_size))
        .with_min_len(planes.min_task_len())
        .for_each(|((grad_input, input), grad_output)| {
            isa.run(planes.lanes(), UnpoolPlane { input, width: planes.width, grad_output, grad_input });
        });
    Ok(())
}

/// A `[b, c, h, w]` tensor seen as `b * c` planes.
struct Planes {
    count: usize,
    width: usize,
    size: usize,
    pooled_size: usize,
}

impl Planes {
    fn new(shape @ [b, c, h, w]: [usize; 4]) -> Result<Self> {
        // A dimension of zero must not hide an overflow in the others.
        volume("input", &shape.map(|dimension| dimension.max(1)))?;
        Ok(Self { count: b * c, width: w, size: h * w, pooled_size: (h / 2) * (w / 2) })
    }

    /// As many lanes as a row has windows for.
    fn lanes(&self) -> Width {
        if self.width / 2 >= 16 { Width::Sixteen } else { Width::Eight }
    }

    fn min_task_len(&self) -> usize {
        MIN_TASK_VALUES.div_ceil(self.size)
    }
}

/// Pools a plane row of windows by row of windows.
struct PoolPlane<'a> {
    input: &'a [f32],
    width: usize,
    output: &'a mut [f32],
}

impl Kernel for PoolPlane<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { input, width, output } = self;
        for (rows, output) in input.chunks_exact(2 * width).zip(output.chunks_exact_mut(width / 2)) {
            let (top, bottom) = rows.split_at(width);
            if output.len() < L::LANES {
                let windows = top.chunks_exact(2).zip(bottom.chunks_exact(2));
                for (output, (top, bottom)) in output.iter_mut().zip(windows) {
                    *output = Winner::of([top[0], top[1], bottom[0], bottom[1]]).value;
                }
                continue;
            }
            for x in steps(output.len(), L::LANES) {
                // SAFETY: windows from `x` to as many as there are lanes lie in the row, in two columns each.
                unsafe {
                    let [a, b] = lanes.load_pairs(top.as_ptr().add(2 * x));
                    let [c, d] = lanes.load_pairs(bottom.as_ptr().add(2 * x));
                    let best = lanes.select(lanes.gt_or_nan(b, a), b, a);
                    let best = lanes.select(lanes.gt_or_nan(c, best), c, best);
                    let best = lanes.select(lanes.gt_or_nan(d, best), d, best);
                    lanes.store_ptr(best, output.as_mut_ptr().add(x));
                }
            }
        }
    }
}

/// Hands the gradients of a plane's windows to their winners.
struct UnpoolPlane<'a> {
    input: &'a [f32],
    width: usize,
    grad_output: &'a [f32],
    grad_input: &'a mut [f32],
}

impl Kernel for UnpoolPlane<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { input, width, grad_output, grad_input } = self;
        // What lies in no window: a last row and a last column.
        let pairs = grad_input.len() / (2 * width) * 2 * width;
        grad_input[pairs..].fill(0.0);
        let rows = input.chunks_exact(2 * width).zip(grad_input.chunks_exact_mut(2 * width));
        for ((rows, grad_rows), grad_output) in rows.zip(grad_output.chunks_exact(width / 2)) {
            let (top, bottom) = rows.split_at(width);
            let (grad_top, grad_bottom) = grad_rows.split_at_mut(width);
            (grad_top[width - 1], grad_bottom[width - 1]) = (0.0, 0.0);
            if grad_output.len() < L::LANES {
                for (x, &grad) in grad_output.iter().enumerate() {
                    let left = 2 * x;
                    let winner = Winner::of([top[left], top[left + 1], bottom[left], bottom[left + 1]]);
                    let [a, b, c, d] = winner.places(grad);
                    (grad_top[left], grad_top[left + 1]) = (a, b);
                    (grad_bottom[left], grad_bottom[left + 1]) = (c, d);
                }
                continue;
            }
            for x in steps(grad_output.len(), L::LANES) {
                // SAFETY: windows from `x` to as many as there are lanes lie in the row, in two columns each.
                unsafe {
                    let [a, b] = lanes.load_pairs(top.as_ptr().add(2 * x));
                    let [c, d] = lanes.load_pairs(bottom.as_ptr().add(2 * x));
                    let grad = lanes.load_ptr(grad_output.as_ptr().add(x));
                    let b_wins = lanes.gt_or_nan(b, a);
                    let best = lanes.select(b_wins, b, a);
                    let c_wins = lanes.gt_or_nan(c, best);
                    let d_wins = lanes.gt_or_nan(d, lanes.select(c_wins, c, best));
                    let [of_d, others] = [lanes.zero_unless(d_wins, grad), lanes.zero_if(d_wins, grad)];
                    let [of_c, others] = [lanes.zero_unless(c_wins, others), lanes.zero_if(c_wins, others)];
                    let [of_b, of_a] = [lanes.zero_unless(b_wins, others), lanes.zero_if(b_wins, others)];
                    lanes.store_pairs([of_a, of_b], grad_top.as_mut_ptr().add(2 * x));
                    lanes.store_pairs([of_c, of_d], grad_bottom.as_mut_ptr().add(2 * x));
                }
            }
        }
    }
}

/// The first of so many neighbors in each step along a row that is at least as long: the last step overlaps the one before
/// where they do not divide the row.
#[inline(always)]
fn steps(len: usize, lanes: usize) -> impl Iterator<Item = usize> {
    (0..len.div_ceil(lanes)).map(move |step| (step * lanes).min(len - lanes))
}

/// The maximum of one window, found without a branch: which value wins cannot be foretold.
struct Winner {
    value: f32,
    /// Whether the second, the third and the fourth value beat those before them.
    beats: [bool; 3],
}

impl Winner {
    #[inline(always)]
    fn of([a, b, c, d]: [f32; 4]) -> Self {
        let beats = |value: f32, best: f32| value > best || value.is_nan();
        let b_wins = beats(b, a);
        let best = if b_wins { b } else { a };
        let c_wins = beats(c, best);
        let best = if c_wins { c } else { best };
        let d_wins = beats(d, best);
        Self { value: if d_wins { d } else { best }, beats: [b_wins, c_wins, d_wins] }
    }

    /// The gradient at the winner's place, and zeros at the others.
    #[inline(always)]
    fn places(&self, grad: f32) -> [f32; 4] {
        let [b, c, d] = self.beats;
        let at = |wins: bool| if wins { grad } else { 0.0 };
        [at(!b & !c & !d), at(b & !c & !d), at(c & !d), at(d)]
    }
}
