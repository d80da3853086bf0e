//! Pools of candle's own operations, for devices and element types without kernels.

use adder_kernels::pool::Windows;
use candle_core::{D, DType, Result, Tensor};

/// The element at the arg-max of each window: its gradient is a scatter to that one element. `Tensor::max` would hand every
/// tied element the whole gradient, and hide NaNs.
pub(super) fn max(x: &Tensor, windows: &Windows) -> Result<Tensor> {
    let candidates = gather_windows(x, windows, f64::NEG_INFINITY)?;
    let mut shape = candidates.dims().to_vec();
    let size = shape.pop().unwrap_or(1);
    let rows = shape.iter().product::<usize>();
    let candidates = candidates.reshape((rows, size))?;
    let values = candidates.detach();
    // Scores that differ: on its own `argmax` does for any of several equal elements, and on CUDA it is not the first.
    let descending: Vec<f32> = (1..=size).rev().map(|rank| rank as f32).collect();
    let beyond: Vec<f32> = (1..=size).map(|rank| (size + rank) as f32).collect();
    let of_maximum = Tensor::new(descending, x.device())?;
    let of_nan = Tensor::new(beyond, x.device())?;
    let is_maximum = values.broadcast_eq(&values.max_keepdim(D::Minus1)?)?.to_dtype(DType::F32)?;
    let is_nan = values.ne(&values)?.to_dtype(DType::F32)?;
    let mut scores = (is_maximum.broadcast_mul(&of_maximum)? + is_nan.broadcast_mul(&of_nan)?)?;
    if windows.padding != [0; 2] {
        // Where a window's values are all negative infinity, the padding is none of them.
        let image = Windows { batch: 1, channels: 1, ..*windows };
        let ones = Tensor::ones((1, 1, windows.size[0], windows.size[1]), DType::F32, x.device())?;
        let is_inside = gather_windows(&ones, &image, 0.0)?.broadcast_as(shape_with(&shape, size))?;
        scores = (scores * is_inside.reshape((rows, size))?)?;
    }
    let winners = scores.argmax_keepdim(D::Minus1)?;
    candidates.gather(&winners, D::Minus1)?.reshape(shape)
}

/// The mean of each window.
pub(super) fn average(x: &Tensor, windows: &Windows) -> Result<Tensor> {
    gather_windows(x, windows, 0.0)?.mean(D::Minus1)
}

fn shape_with(shape: &[usize], last: usize) -> Vec<usize> {
    [shape, &[last]].concat()
}

/// The windows of `[b, c, h, w]` as a last axis in row-major order: `[b, c, h', w', values of a window]`. Around the input
/// stands `outside`.
fn gather_windows(x: &Tensor, windows: &Windows, outside: f64) -> Result<Tensor> {
    let x = padded(&padded(x, 2, windows.padding[0], outside)?, 3, windows.padding[1], outside)?;
    let counts = windows.output_size();
    let every = |axis: usize, offset: usize| {
        let indices = (0..counts[axis]).map(|at| (at * windows.stride[axis] + offset) as u32);
        Tensor::new(indices.collect::<Vec<_>>(), x.device())
    };
    let mut values = Vec::with_capacity(windows.kernel[0] * windows.kernel[1]);
    for row in 0..windows.kernel[0] {
        let of_row = x.index_select(&every(0, row)?, 2)?;
        for column in 0..windows.kernel[1] {
            values.push(of_row.index_select(&every(1, column)?, 3)?);
        }
    }
    Tensor::stack(&values, 4)?.contiguous()
}

/// `x` with `padding` values of `outside` before and behind an axis, contiguous.
fn padded(x: &Tensor, axis: usize, padding: usize, outside: f64) -> Result<Tensor> {
    if padding == 0 {
        return x.contiguous();
    }
    let mut shape = x.dims().to_vec();
    shape[axis] = padding;
    let border = Tensor::full(outside, shape, x.device())?.to_dtype(x.dtype())?;
    Tensor::cat(&[&border, x, &border], axis)?.contiguous()
}
