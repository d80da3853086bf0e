//! 2x2 max pooling with stride 2, the pool of most small networks.

use rayon::prelude::*;

use crate::Result;
use crate::shape::{check_len, volume};

/// Planes are grouped until a task has this many input values, about 10 us of work: less does not pay for a thread.
pub(super) const MIN_TASK_VALUES: usize = 16 * 1024;

/// Max pooling of `input`, `[b, c, h, w]`, into `output`, `[b, c, h / 2, w / 2]`.
///
/// An odd last row or column is left out.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where a slice does not fit `shape`.
pub fn max_pool2d(input: &[f32], shape: [usize; 4], output: &mut [f32]) -> Result<()> {
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
        .for_each(|(output, input)| pool_plane(input, planes.width, output));
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
            unpool_plane(input, planes.width, grad_output, grad_input);
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

    fn min_task_len(&self) -> usize {
        MIN_TASK_VALUES.div_ceil(self.size)
    }
}

fn pool_plane(input: &[f32], width: usize, output: &mut [f32]) {
    for (rows, output) in input.chunks_exact(2 * width).zip(output.chunks_exact_mut(width / 2)) {
        let (top, bottom) = rows.split_at(width);
        for ((output, top), bottom) in output.iter_mut().zip(top.chunks_exact(2)).zip(bottom.chunks_exact(2))
        {
            let window = [top[0], top[1], bottom[0], bottom[1]];
            *output = window[winner(window)];
        }
    }
}

fn unpool_plane(input: &[f32], width: usize, grad_output: &[f32], grad_input: &mut [f32]) {
    grad_input.fill(0.0);
    let rows = input.chunks_exact(2 * width).zip(grad_input.chunks_exact_mut(2 * width));
    for ((rows, grad_rows), grad_output) in rows.zip(grad_output.chunks_exact(width / 2)) {
        let (top, bottom) = rows.split_at(width);
        let (grad_top, grad_bottom) = grad_rows.split_at_mut(width);
        for (x, &grad) in grad_output.iter().enumerate() {
            let left = 2 * x;
            match winner([top[left], top[left + 1], bottom[left], bottom[left + 1]]) {
                0 => grad_top[left] = grad,
                1 => grad_top[left + 1] = grad,
                2 => grad_bottom[left] = grad,
                _ => grad_bottom[left + 1] = grad,
            }
        }
    }
}

/// The position of a window's maximum.
fn winner(window: [f32; 4]) -> usize {
    let mut best = 0;
    for position in 1..4 {
        if window[position] > window[best] || window[position].is_nan() {
            best = position;
        }
    }
    best
}
