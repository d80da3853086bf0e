//! Max and average pools with right gradients on every device.
//!
//! candle's own `max_pool2d` must not be used in training: its backward passes a quarter of the gradient to a window's only
//! maximum, and four times the right sum where four elements tie.

use candle_core::{CpuStorage, CustomOp1, D, DType, Layout, Shape, Tensor};

use crate::Result;

/// The 2x2 max pool with stride 2 of `[b, c, h, w]`, f32, to `[b, c, h / 2, w / 2]`; an odd last row or column is left out.
/// The gradient goes to the first maximum of each window in row-major order, as in PyTorch.
///
/// On the CPU this is an operation of `adder-kernels`; elsewhere a composition of candle's own.
///
/// # Errors
/// Where `x` is not a rank-4 tensor of `f32`.
pub fn max_pool2x2(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() { Ok(x.contiguous()?.apply_op1(MaxPool2x2)?) } else { composed_max(x, 2, 2) }
}

/// The maximum of windows of `kernel` by `kernel`, `stride` apart, of `[b, c, h, w]`; what no whole window covers is left out.
/// Gradients as for [`max_pool2x2`].
pub(crate) fn max_pool2d(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    if (kernel, stride) == (2, 2) { max_pool2x2(x) } else { composed_max(x, kernel, stride) }
}

/// The mean of windows of `kernel` by `kernel`, `stride` apart, of `[b, c, h, w]`; what no whole window covers is left out.
/// candle's own puts the gradient in wrong places where the windows don't cover the input exactly.
pub(crate) fn avg_pool2d(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    Ok(windows(x, kernel, stride)?.mean(D::Minus1)?)
}

/// The element at the arg-max of each window: its gradient is a scatter to that one element. `Tensor::max` would hand every
/// tied element the whole gradient.
fn composed_max(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let windows = windows(x, kernel, stride)?;
    let mut shape = windows.dims().to_vec();
    shape.pop();
    let (rows, size) = (shape.iter().product::<usize>(), kernel * kernel);
    let windows = windows.reshape((rows, size))?;
    // On its own `argmax` does for any of several equal elements, and on CUDA it is not the first.
    let order: Vec<f32> = (1..=size).rev().map(|rank| rank as f32).collect();
    let (values, order) = (windows.detach(), Tensor::new(order, x.device())?);
    let is_maximum = values.broadcast_eq(&values.max_keepdim(D::Minus1)?)?.to_dtype(DType::F32)?;
    let first_maximum = is_maximum.broadcast_mul(&order)?.argmax_keepdim(D::Minus1)?;
    Ok(windows.gather(&first_maximum, D::Minus1)?.reshape(shape)?)
}

/// The windows of `[b, c, h, w]` as a last axis in row-major order: `[b, c, h', w', kernel * kernel]`.
fn windows(x: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let (_, _, height, width) = x.dims4()?;
    let every = |axis: usize, offset: usize, side: usize| {
        let count = (side - kernel) / stride + 1;
        let indices: Vec<u32> = (0..count).map(|at| (at * stride + offset) as u32).collect();
        Tensor::new(indices, x.device()).map(|indices| (axis, indices))
    };
    let mut values = Vec::with_capacity(kernel * kernel);
    for row in 0..kernel {
        let (axis, rows) = every(2, row, height)?;
        let of_row = x.contiguous()?.index_select(&rows, axis)?;
        for column in 0..kernel {
            let (axis, columns) = every(3, column, width)?;
            values.push(of_row.index_select(&columns, axis)?);
        }
    }
    Ok(Tensor::stack(&values, 4)?.contiguous()?)
}

struct MaxPool2x2;

impl CustomOp1 for MaxPool2x2 {
    fn name(&self) -> &'static str {
        "max-pool-2x2"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (b, c, h, w) = layout.shape().dims4()?;
        let input = contiguous(storage, layout)?;
        let mut output = vec![0.0; b * c * (h / 2) * (w / 2)];
        adder_kernels::pool::max_pool2d(input, [b, c, h, w], &mut output)
            .map_err(candle_core::Error::wrap)?;
        Ok((CpuStorage::F32(output), Shape::from((b, c, h / 2, w / 2))))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Ok(Some(x.contiguous()?.apply_op2_no_bwd(&grad.contiguous()?, &MaxPool2x2Backward)?))
    }
}

/// The gradient of [`MaxPool2x2`]; differentiated no further.
struct MaxPool2x2Backward;

impl candle_core::CustomOp2 for MaxPool2x2Backward {
    fn name(&self) -> &'static str {
        "max-pool-2x2-backward"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        grad: &CpuStorage,
        grad_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (b, c, h, w) = x_layout.shape().dims4()?;
        let (x, grad) = (contiguous(x, x_layout)?, contiguous(grad, grad_layout)?);
        let mut grad_x = vec![0.0; x.len()];
        adder_kernels::pool::max_pool2d_backward(x, [b, c, h, w], grad, &mut grad_x)
            .map_err(candle_core::Error::wrap)?;
        Ok((CpuStorage::F32(grad_x), x_layout.shape().clone()))
    }
}

/// The elements of a contiguous `f32` tensor on the CPU.
pub(crate) fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> candle_core::Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("expected a contiguous tensor, found strides {:?}", layout.stride());
    };
    match storage {
        CpuStorage::F32(values) => Ok(&values[start..end]),
        other => candle_core::bail!(
            "expected {:?}, found {:?}",
            DType::F32,
            candle_core::backend::BackendStorage::dtype(other)
        ),
    }
}

#[cfg(test)]
mod tests {
    use adder_random::{Purpose, Stream};
    use candle_core::{Device, Var};

    use super::*;

    fn random(shape: (usize, usize, usize, usize), levels: u32) -> Var {
        let mut stream = Stream::new(1, Purpose::Test, 0, u64::from(levels));
        let len = shape.0 * shape.1 * shape.2 * shape.3;
        let values: Vec<f32> = (0..len).map(|_| stream.below(levels) as f32).collect();
        Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap()).unwrap()
    }

    fn gradient(x: &Var, pool: fn(&Tensor) -> Result<Tensor>) -> Vec<f32> {
        let y = pool(x).unwrap();
        // Weighted, so that a gradient in the wrong window shows.
        let weights = Tensor::arange(1f32, y.elem_count() as f32 + 1.0, &Device::Cpu).unwrap();
        let loss = (y.flatten_all().unwrap() * weights).unwrap().sum_all().unwrap();
        let grads = loss.backward().unwrap();
        grads.get(x).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn the_only_maximum_gets_the_whole_gradient() {
        let x = Var::from_tensor(&Tensor::arange(0f32, 16.0, &Device::Cpu).unwrap()).unwrap();
        let y = max_pool2x2(&x.reshape((1, 1, 4, 4)).unwrap()).unwrap();
        let grads = y.sum_all().unwrap().backward().unwrap();
        let mut expected = [0f32; 16];
        for maximum in [5, 7, 13, 15] {
            expected[maximum] = 1.0;
        }
        assert_eq!(grads.get(&x).unwrap().to_vec1::<f32>().unwrap(), expected);
    }

    #[test]
    fn kernel_and_composition_agree_even_on_ties_and_odd_sides() {
        // Two levels make most windows tie.
        for (shape, levels) in [((2, 3, 6, 4), 2), ((1, 2, 7, 5), 3), ((3, 1, 28, 28), 1000)] {
            let x = random(shape, levels);
            let (ours, theirs) = (max_pool2x2(&x).unwrap(), composed_max(&x, 2, 2).unwrap());
            assert_eq!(
                ours.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
                theirs.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            );
            assert_eq!(gradient(&x, max_pool2x2), gradient(&x, |x| composed_max(x, 2, 2)));
        }
    }

    #[test]
    fn other_element_types_are_refused() {
        let x = Tensor::zeros((1, 1, 2, 2), DType::F64, &Device::Cpu).unwrap();
        assert!(max_pool2x2(&x).unwrap_err().to_string().contains("expected F32, found F64"));
    }
}
