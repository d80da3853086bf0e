//! Layer normalization as an operation of candle on the kernels.

use adder_kernels::Isa;
use adder_kernels::norm::{LayerNorm, LayerNormGradients};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor};

use crate::cpu::{read, values};

/// A layer norm of an input, `[..., size]`, with a weight and perhaps a bias, `[size]` each. It keeps nothing.
pub(super) struct Normalize {
    pub(super) isa: Isa,
    pub(super) epsilon: f64,
    pub(super) remove_mean: bool,
}

impl Normalize {
    fn norm<'a>(&self, gamma: &'a [f32], beta: Option<&'a [f32]>) -> LayerNorm<'a> {
        let &Self { epsilon, remove_mean, .. } = self;
        LayerNorm { width: gamma.len(), gamma, beta, epsilon, remove_mean }
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Result<CpuStorage> {
        let mut output = vec![0.0; x.len()];
        self.norm(weight, bias).forward(self.isa, x, &mut output).map_err(Error::wrap)?;
        Ok(CpuStorage::F32(output))
    }

    /// The gradients of the input, the weight and the bias.
    fn backward(&self, x: &Tensor, weight: &Tensor, grad: &Tensor) -> Result<[Tensor; 3]> {
        let mut grad_x = vec![0.0; x.elem_count()];
        let [mut gamma, mut beta] = [(); 2].map(|()| vec![0.0; weight.elem_count()]);
        let grads = LayerNormGradients { x: &mut grad_x, gamma: &mut gamma, beta: &mut beta };
        let run = |x: &[f32], weight: &[f32], grad: &[f32]| {
            self.norm(weight, None).backward(self.isa, x, grad, grads).map_err(Error::wrap)
        };
        read(x, |x| read(weight, |weight| read(grad, |grad| run(x, weight, grad))))?;
        Ok([
            Tensor::from_vec(grad_x, x.shape(), x.device())?,
            Tensor::from_vec(gamma, weight.shape(), x.device())?,
            Tensor::from_vec(beta, weight.shape(), x.device())?,
        ])
    }
}

impl CustomOp2 for Normalize {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let output = self.forward(values(x, x_layout)?, values(weight, weight_layout)?, None)?;
        Ok((output, x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [grad_x, grad_weight, _] = self.backward(x, weight, grad)?;
        Ok((x.track_op().then_some(grad_x), weight.track_op().then_some(grad_weight)))
    }
}

impl CustomOp3 for Normalize {
    fn name(&self) -> &'static str {
        "layer-norm"
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
        let bias = values(bias, bias_layout)?;
        let output = self.forward(values(x, x_layout)?, values(weight, weight_layout)?, Some(bias))?;
        Ok((output, x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [grad_x, grad_weight, grad_bias] = self.backward(x, weight, grad)?;
        Ok((
            x.track_op().then_some(grad_x),
            weight.track_op().then_some(grad_weight),
            bias.track_op().then_some(grad_bias),
        ))
    }
}
