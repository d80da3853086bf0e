//! Pools as operations of candle on the kernels.

use adder_kernels::pool::{
    Windows, avg_pool2d, avg_pool2d_backward, max_pool2d_windows, max_pool2d_windows_backward,
};
use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};

use crate::cpu::{read, values};

/// The maximum of each window.
pub(super) fn max(x: &Tensor, windows: Windows) -> Result<Tensor> {
    x.contiguous()?.apply_op1(MaxPool(windows))
}

/// The mean of each window.
pub(super) fn average(x: &Tensor, windows: Windows) -> Result<Tensor> {
    x.contiguous()?.apply_op1(AvgPool(windows))
}

fn output_shape(windows: &Windows) -> Shape {
    let [height, width] = windows.output_size();
    Shape::from((windows.batch, windows.channels, height, width))
}

struct MaxPool(Windows);

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool-2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let shape = output_shape(&self.0);
        let mut output = vec![0.0; shape.elem_count()];
        max_pool2d_windows(&self.0, values(storage, layout)?, &mut output).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(output), shape))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut grad_x = vec![0.0; x.elem_count()];
        read(x, |x| {
            read(grad, |grad| max_pool2d_windows_backward(&self.0, x, grad, &mut grad_x).map_err(Error::wrap))
        })?;
        Ok(Some(Tensor::from_vec(grad_x, x.shape(), x.device())?))
    }
}

struct AvgPool(Windows);

impl CustomOp1 for AvgPool {
    fn name(&self) -> &'static str {
        "avg-pool-2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let shape = output_shape(&self.0);
        let mut output = vec![0.0; shape.elem_count()];
        avg_pool2d(&self.0, values(storage, layout)?, &mut output).map_err(Error::wrap)?;
        Ok((CpuStorage::F32(output), shape))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let mut grad_x = vec![0.0; x.elem_count()];
        read(grad, |grad| avg_pool2d_backward(&self.0, grad, &mut grad_x).map_err(Error::wrap))?;
        Ok(Some(Tensor::from_vec(grad_x, x.shape(), x.device())?))
    }
}
