//! Max and average pools over windows of any size, stride and padding.
//!
//! An output row is worked on as a whole, one place of its windows after the other, so that the loops run along rows. The
//! order in which a window's values are met is the row-major one whatever the number of threads: each plane is one thread's.

use std::ops::Range;

use rayon::prelude::*;

use super::two_by_two::{MIN_TASK_VALUES, max_pool2d, max_pool2d_backward};
use crate::shape::{check_len, volume};
use crate::{Error, Result};

/// The windows of a pool over `[batch, channels, height, width]`; pairs are rows and columns. What no whole window covers is
/// left out, as in PyTorch's floor mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Images.
    pub batch: usize,
    /// Channels of an image.
    pub channels: usize,
    /// Rows and columns of the input.
    pub size: [usize; 2],
    /// Rows and columns of a window.
    pub kernel: [usize; 2],
    /// The distance from a window to the next.
    pub stride: [usize; 2],
    /// Rows and columns around the input on each side, at most half of a window.
    pub padding: [usize; 2],
}

impl Windows {
    /// Refuses windows that PyTorch refuses, and sizes too large to count.
    ///
    /// # Errors
    /// [`Error::Dimension`] for a kernel or a stride of zero, a padding of more than half of the kernel, and an input without
    /// room for a window; [`Error::TooLarge`] where the input has more values than can be counted.
    pub fn check(&self) -> Result<()> {
        let shape = self.shape();
        // A dimension of zero must not hide an overflow in the others.
        volume("input", &shape.map(|dimension| dimension.max(1)))?;
        for axis in 0..2 {
            let (kernel, padding) = (self.kernel[axis], self.padding[axis]);
            let refuse = |argument, found, expected: String| {
                Err::<(), Error>(Error::Dimension { argument, found, expected })
            };
            if kernel == 0 {
                refuse("kernel", 0, "at least 1".into())?;
            }
            if self.stride[axis] == 0 {
                refuse("stride", 0, "at least 1".into())?;
            }
            if padding > kernel / 2 {
                refuse("padding", padding, format!("at most {}, half of the kernel,", kernel / 2))?;
            }
            let Some(padded) = self.size[axis].checked_add(2 * padding) else {
                return Err(Error::TooLarge { argument: "input", shape: shape.to_vec() });
            };
            if self.size[axis] == 0 || padded < kernel {
                let least = (kernel - 2 * padding).max(1);
                refuse("size", self.size[axis], format!("at least {least}, room for one window,"))?;
            }
        }
        Ok(())
    }

    /// Rows and columns of the output.
    ///
    /// # Panics
    /// For windows that [`check`](Self::check) refuses.
    pub fn output_size(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            (self.size[axis] + 2 * self.padding[axis] - self.kernel[axis]) / self.stride[axis] + 1
        })
    }

    fn plane_len(&self) -> usize {
        self.size[0] * self.size[1]
    }

    fn pooled_len(&self) -> usize {
        self.output_size().iter().product()
    }

    fn planes(&self) -> usize {
        self.batch * self.channels
    }

    /// Whether these are the windows of [`max_pool2d`](super::max_pool2d).
    fn are_two_by_two(&self) -> bool {
        (self.kernel, self.stride, self.padding) == ([2; 2], [2; 2], [0; 2])
    }

    fn shape(&self) -> [usize; 4] {
        [self.batch, self.channels, self.size[0], self.size[1]]
    }

    fn check_slices(&self, input: (&'static str, &[f32]), output: (&'static str, &[f32])) -> Result<()> {
        self.check()?;
        check_len(input.0, input.1, self.planes() * self.plane_len())?;
        // At stride 1 with padding the output may have more values than the input.
        let [rows, columns] = self.output_size();
        check_len(output.0, output.1, volume(output.0, &[self.planes(), rows, columns])?)
    }

    fn min_task_len(&self) -> usize {
        MIN_TASK_VALUES.div_ceil(self.plane_len())
    }

    /// Calls `visit` for each place of the windows of output row `y` that lies in the input, in row-major order, with the
    /// columns of the output whose windows have it there, and the index in the plane of the first of their values. The
    /// others follow at the stride.
    #[inline(always)]
    fn for_each_place(&self, y: usize, mut visit: impl FnMut(Range<usize>, usize)) {
        let [_, columns] = self.output_size();
        let ([height, width], [_, stride], [above, left]) = (self.size, self.stride, self.padding);
        for row in (0..self.kernel[0]).map(|place| y * self.stride[0] + place) {
            if row < above || row - above >= height {
                continue;
            }
            for place in 0..self.kernel[1] {
                // The input's column, `x * stride + place - left`, is one from 0 to below the width.
                let first = left.saturating_sub(place).div_ceil(stride);
                let end = (width + left).saturating_sub(place).div_ceil(stride).min(columns);
                if first < end {
                    visit(first..end, (row - above) * width + first * stride + place - left);
                }
            }
        }
    }
}

/// The maximum of each window of `input`, `[b, c, h, w]`, into `output`, `[b, c, h', w']` with the sizes of
/// [`Windows::output_size`]. Padding never wins. A NaN beats every number.
///
/// # Errors
/// Those of [`Windows::check`], and [`Error::Length`] where a slice does not fit.
pub fn max_pool2d_windows(windows: &Windows, input: &[f32], output: &mut [f32]) -> Result<()> {
    windows.check_slices(("input", input), ("output", output))?;
    if output.is_empty() {
        return Ok(());
    }
    if windows.are_two_by_two() {
        return max_pool2d(input, windows.shape(), output);
    }
    let planes =
        output.par_chunks_exact_mut(windows.pooled_len()).zip(input.par_chunks_exact(windows.plane_len()));
    planes.with_min_len(windows.min_task_len()).for_each(|(output, input)| {
        let [_, columns] = windows.output_size();
        for (y, output) in output.chunks_exact_mut(columns).enumerate() {
            row_maxima(windows, input, y, output);
        }
    });
    Ok(())
}

/// The gradient of [`max_pool2d_windows`] with respect to its input, written over `grad_input`, `[b, c, h, w]`.
///
/// `grad_output` is `[b, c, h', w']`, `input` that of the forward pass. Each window's gradient goes whole to the value that
/// won it: the first maximum in row-major order, or the last NaN.
///
/// # Errors
/// As for [`max_pool2d_windows`].
pub fn max_pool2d_windows_backward(
    windows: &Windows,
    input: &[f32],
    grad_output: &[f32],
    grad_input: &mut [f32],
) -> Result<()> {
    windows.check_slices(("input", input), ("grad_output", grad_output))?;
    check_len("grad_input", grad_input, input.len())?;
    if grad_output.is_empty() {
        return Ok(());
    }
    if windows.are_two_by_two() {
        return max_pool2d_backward(input, windows.shape(), grad_output, grad_input);
    }
    let planes = grad_input
        .par_chunks_exact_mut(windows.plane_len())
        .zip(input.par_chunks_exact(windows.plane_len()))
        .zip(grad_output.par_chunks_exact(windows.pooled_len()));
    planes.with_min_len(windows.min_task_len()).for_each(|((grad_input, input), grad_output)| {
        let [_, columns] = windows.output_size();
        let mut winners = vec![(0.0, 0); columns];
        grad_input.fill(0.0);
        for (y, grad_output) in grad_output.chunks_exact(columns).enumerate() {
            row_winners(windows, input, y, &mut winners);
            for (&(_, winner), grad) in winners.iter().zip(grad_output) {
                grad_input[winner] += grad;
            }
        }
    });
    Ok(())
}

/// The mean of each window of `input`, `[b, c, h, w]`, into `output`, `[b, c, h', w']` with the sizes of
/// [`Windows::output_size`]. Padding counts as zeros, as in PyTorch by default.
///
/// # Errors
/// Those of [`Windows::check`], and [`Error::Length`] where a slice does not fit.
pub fn avg_pool2d(windows: &Windows, input: &[f32], output: &mut [f32]) -> Result<()> {
    windows.check_slices(("input", input), ("output", output))?;
    if output.is_empty() {
        return Ok(());
    }
    let planes =
        output.par_chunks_exact_mut(windows.pooled_len()).zip(input.par_chunks_exact(windows.plane_len()));
    planes.with_min_len(windows.min_task_len()).for_each(|(output, input)| {
        let [_, columns] = windows.output_size();
        let mut sums = vec![0f64; columns];
        for (y, output) in output.chunks_exact_mut(columns).enumerate() {
            sums.fill(0.0);
            windows.for_each_place(y, |columns, first| {
                for_each_value(&mut sums[columns], &input[first..], windows.stride[1], |_, sum, value| {
                    *sum += f64::from(value);
                });
            });
            let share = 1.0 / area(windows);
            output.iter_mut().zip(&sums).for_each(|(output, sum)| *output = (sum * share) as f32);
        }
    });
    Ok(())
}

/// The gradient of [`avg_pool2d`] with respect to its input, written over `grad_input`, `[b, c, h, w]`: each value of a window
/// gets an equal share of `grad_output`, `[b, c, h', w']`; what no window covers gets zero.
///
/// # Errors
/// As for [`avg_pool2d`].
pub fn avg_pool2d_backward(windows: &Windows, grad_output: &[f32], grad_input: &mut [f32]) -> Result<()> {
    windows.check_slices(("grad_input", grad_input), ("grad_output", grad_output))?;
    if grad_output.is_empty() {
        return Ok(());
    }
    let planes = grad_input
        .par_chunks_exact_mut(windows.plane_len())
        .zip(grad_output.par_chunks_exact(windows.pooled_len()));
    planes.with_min_len(windows.min_task_len()).for_each(|(grad_input, grad_output)| {
        let [_, columns] = windows.output_size();
        let share = (1.0 / area(windows)) as f32;
        grad_input.fill(0.0);
        for (y, grad_output) in grad_output.chunks_exact(columns).enumerate() {
            windows.for_each_place(y, |columns, first| {
                let values = grad_input[first..].iter_mut().step_by(windows.stride[1]);
                values.zip(&grad_output[columns]).for_each(|(value, grad)| *value += share * grad);
            });
        }
    });
    Ok(())
}

/// The values of a window, padding included.
fn area(windows: &Windows) -> f64 {
    windows.kernel[0] as f64 * windows.kernel[1] as f64
}

/// Calls `visit` with the position of each target, the target, and its value: the values lie `stride` apart.
#[inline(always)]
fn for_each_value<T>(
    targets: &mut [T],
    values: &[f32],
    stride: usize,
    mut visit: impl FnMut(usize, &mut T, f32),
) {
    // Compilers vectorize loops whose stride they know.
    if stride == 1 {
        let all = targets.iter_mut().zip(values).enumerate();
        all.for_each(|(x, (target, &value))| visit(x, target, value));
    } else {
        let all = targets.iter_mut().zip(values.iter().step_by(stride)).enumerate();
        all.for_each(|(x, (target, &value))| visit(x, target, value));
    }
}

/// The maxima of the windows of output row `y`.
fn row_maxima(windows: &Windows, input: &[f32], y: usize, best: &mut [f32]) {
    best.fill(f32::NEG_INFINITY);
    windows.for_each_place(y, |columns, first| {
        for_each_value(&mut best[columns], &input[first..], windows.stride[1], |_, best, value| {
            *best = if beats(value, *best) { value } else { *best };
        });
    });
}

/// The maxima of the windows of output row `y` with the indices in the plane of the values that won.
fn row_winners(windows: &Windows, input: &[f32], y: usize, winners: &mut [(f32, usize)]) {
    // No index is this large; the first value of a window takes its place whatever it is, even negative infinity.
    const NONE: usize = usize::MAX;
    winners.fill((f32::NEG_INFINITY, NONE));
    let stride = windows.stride[1];
    windows.for_each_place(y, |columns, first| {
        for_each_value(&mut winners[columns], &input[first..], stride, |x, winner, value| {
            if beats(value, winner.0) || winner.1 == NONE {
                *winner = (value, first + x * stride);
            }
        });
    });
}

/// Whether a value takes the place of the best before it: it is larger, or a NaN.
#[inline(always)]
fn beats(value: f32, best: f32) -> bool {
    value > best || value.is_nan()
}
