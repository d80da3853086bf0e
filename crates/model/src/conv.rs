//! Convolutions as an operation of the kernels, or candle's.

use adder_kernels::Isa;
use adder_kernels::conv::{self, ConvShape};
use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use crate::Result;
use crate::pool::contiguous;

/// The convolution of `x`, `[b, in, h, w]`, with `weight`, `[out, in, k, k]`: on the kernels where there is an instruction set
/// and the stride is 1, else by candle.
pub(crate) fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    stride: usize,
    padding: usize,
    isa: Option<Isa>,
) -> Result<Tensor> {
    match isa {
        Some(isa) if stride == 1 => {
            let op = ConvOp { isa, padding, grad_input: x.track_op() };
            Ok(x.contiguous()?.apply_op2(&weight.contiguous()?, op)?)
        }
        _ => Ok(x.conv2d(weight, padding, stride, 1, 1)?),
    }
}

struct ConvOp {
    isa: Isa,
    padding: usize,
    /// Whether somebody wants the gradient of the input.
    grad_input: bool,
}

impl ConvOp {
    fn shape(&self, x: &Shape, weight: &Shape) -> candle_core::Result<ConvShape> {
        let (batch, in_channels, height, width) = x.dims4()?;
        let (out_channels, weight_in, kernel, columns) = weight.dims4()?;
        if weight_in != in_channels || kernel != columns {
            candle_core::bail!("{}: a weight of {weight:?} for an input of {x:?}", self.name());
        }
        let shape =
            ConvShape { batch, in_channels, out_channels, height, width, kernel, padding: self.padding };
        shape.check().map_err(candle_core::Error::wrap)?;
        Ok(shape)
    }
}

impl CustomOp2 for ConvOp {
    fn name(&self) -> &'static str {
        "adder-conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = self.shape(x_layout.shape(), weight_layout.shape())?;
        let (x, weight) = (contiguous(x, x_layout)?, contiguous(weight, weight_layout)?);
        let mut output = vec![0.0; shape.output_len()];
        conv::conv2d(self.isa, &shape, x, weight, &mut output).map_err(candle_core::Error::wrap)?;
        let [height, width] = shape.output_size();
        Ok((CpuStorage::F32(output), Shape::from((shape.batch, shape.out_channels, height, width))))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let shape = self.shape(x.shape(), weight.shape())?;
        let [x_values, weight_values, grad] =
            [x, weight, grad].map(|tensor| tensor.flatten_all()?.to_vec1::<f32>());
        let (x_values, weight_values, grad) = (x_values?, weight_values?, grad?);
        let mut grad_weight = vec![0.0; shape.weight_len()];
        conv::conv2d_weight_gradient(self.isa, &shape, &x_values, &grad, &mut grad_weight)
            .map_err(candle_core::Error::wrap)?;
        let mut grad_x = None;
        if self.grad_input {
            let mut values = vec![0.0; shape.input_len()];
            conv::conv2d_input_gradient(self.isa, &shape, &weight_values, &grad, &mut values)
                .map_err(candle_core::Error::wrap)?;
            grad_x = Some(Tensor::from_vec(values, x.shape(), x.device())?);
        }
        Ok((grad_x, Some(Tensor::from_vec(grad_weight, weight.shape(), weight.device())?)))
    }
}
