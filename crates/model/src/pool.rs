//! 2x2 max pooling with a right gradient on every device.
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
    if x.device().is_cpu() { Ok(x.contiguous()?.apply_op1(MaxPool2x2)?) } else { composed(x) }
}

/// Windows as a last axis, then the element at the arg-max: its gradient is a scatter to that one element. `Tensor::max`
/// would hand every tied element the whole gradient.
fn composed(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let (rows, columns) = (h / 2, w / 2);
    let even = x.narrow(2, 0, rows * 2)?.narrow(3, 0, columns * 2)?;
    let windows = even
        .reshape((b * c, rows, 2, columns, 2))?
        .permute((0, 1, 3, 2, 4))?
        .reshape((b * c * rows * columns, 4))?;
    // On its own `argmax` does for any of several equal elements, and on CUDA it is not the first.
    let (values, order) = (windows.detach(), Tensor::new(&[4f32, 3.0, 2.0, 1.0], x.device())?);
    let is_maximum = values.broadcast_eq(&values.max_keepdim(D::Minus1)?)?.to_dtype(DType::F32)?;
    let first_maximum = is_maximum.broadcast_mul(&order)?.argmax_keepdim(D::Minus1)?;
    Ok(windows.gather(&first_maximum, D::Minus1)?.reshape((b, c, rows, columns))?)
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
            let (ours, theirs) = (max_pool2x2(&x).unwrap(), composed(&x).unwrap());
            assert_eq!(
                ours.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
                theirs.flatten_all().unwrap().to_vec1::<f32>().unwrap()
            );
            assert_eq!(gradient(&x, max_pool2x2), gradient(&x, composed));
        }
    }

    #[test]
    fn other_element_types_are_refused() {
        let x = Tensor::zeros((1, 1, 2, 2), DType::F64, &Device::Cpu).unwrap();
        assert!(max_pool2x2(&x).unwrap_err().to_string().contains("expected F32, found F64"));
    }
}
