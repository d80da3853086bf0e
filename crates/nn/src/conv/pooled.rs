//! A convolution with a max pool behind it as one operation of candle's autograd.

use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::conv::{PooledGradients, PooledPass};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor};

use super::plan::Plan;
use crate::cpu::{read, values};

/// The pooled convolution of `x` by a plan that fits it, differentiable with respect to all three tensors.
pub(super) fn apply(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, plan: Arc<Plan>) -> Result<Tensor> {
    let op = PooledOp { plan, grad_x: x.track_op(), grad_weight: weight.track_op(), pass: Mutex::default() };
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op),
        None => x.apply_op2(&weight, op),
    }
}

/// One value of this type serves one forward pass; the outputs that it keeps for the way back return their memory when candle
/// drops the graph.
struct PooledOp {
    plan: Arc<Plan>,
    /// Whether somebody wants the gradient of the input,
    grad_x: bool,
    /// and that of the weight.
    grad_weight: bool,
    pass: Mutex<Option<PooledPass>>,
}

impl PooledOp {
    fn forward(
        &self,
        [x, weight]: [(&CpuStorage, &Layout); 2],
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let bias = bias.map(|(storage, layout)| values(storage, layout)).transpose()?;
        let conv = self.plan.conv();
        let batch = x.1.shape().dims4()?.0;
        let [height, width] = conv.shape().output_size().map(|size| size / 2);
        let mut output = vec![0.0; batch * conv.pooled_len()];
        let weight = self.plan.pack(values(weight.0, weight.1)?)?;
        let pass =
            conv.forward_max_pool(values(x.0, x.1)?, &weight, bias, &mut output).map_err(Error::wrap)?;
        *self.pass.lock().unwrap_or_else(PoisonError::into_inner) = Some(pass);
        Ok((CpuStorage::F32(output), Shape::from((batch, conv.shape().out_channels, height, width))))
    }

    /// The gradients of input, weight and bias, as far as they are wanted.
    fn gradients(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let pass = self.pass.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pass) = pass.as_ref() else {
            candle_core::bail!("adder-conv2d-max-pool: there was no forward pass");
        };
        let zeros = |tensor: &Tensor| vec![0.0; tensor.elem_count()];
        let bias = bias.filter(|bias| bias.track_op());
        let mut grad_x = self.grad_x.then(|| zeros(x));
        let mut grad_weight = (self.grad_weight || bias.is_some()).then(|| zeros(weight));
        let mut grad_bias = bias.map(zeros);
        let grads = PooledGradients {
            input: grad_x.as_deref_mut(),
            weight: grad_weight.as_deref_mut().map(|grad| (grad, grad_bias.as_deref_mut())),
        };
        read(x, |x| {
            read(weight, |weight| {
                read(grad, |grad| {
                    self.plan.conv().backward_max_pool(pass, x, weight, grad, grads).map_err(Error::wrap)
                })
            })
        })?;
        let tensor = |found: Vec<f32>, of: &Tensor| Tensor::from_vec(found, of.shape(), of.device());
        Ok([
            grad_x.map(|grad| tensor(grad, x)).transpose()?,
            grad_weight.filter(|_| self.grad_weight).map(|grad| tensor(grad, weight)).transpose()?,
            bias.zip(grad_bias).map(|(bias, grad)| tensor(grad, bias)).transpose()?,
        ])
    }
}

impl CustomOp2 for PooledOp {
    fn name(&self) -> &'static str {
        "adder-conv2d-max-pool"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward([(x, x_layout), (weight, weight_layout)], None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [grad_x, grad_weight, _] = self.gradients(x, weight, None, grad)?;
        Ok((grad_x, grad_weight))
    }
}

impl CustomOp3 for PooledOp {
    fn name(&self) -> &'static str {
        "adder-conv2d-max-pool"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward([(x, x_layout), (weight, weight_layout)], Some((bias, bias_layout)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [grad_x, grad_weight, grad_bias] = self.gradients(x, weight, Some(bias), grad)?;
        Ok((grad_x, grad_weight, grad_bias))
    }
}
