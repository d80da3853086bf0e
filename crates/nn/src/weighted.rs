//! Layers with a weight and perhaps a bias as operations of candle's autograd.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use crate::cpu::{read, values};

/// The kernels of a layer that is linear in its input, its weight and its bias. All tensors are contiguous.
pub(crate) trait Weighted: Send + Sync + 'static {
    /// The name in candle's error messages.
    const NAME: &'static str;

    /// The output, with its shape, for an input of this shape.
    fn forward(
        &self,
        x: &[f32],
        shape: &Shape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<(Vec<f32>, Shape)>;

    /// Writes the gradient at the input over `grad_x`.
    fn input_gradient(&self, weight: &[f32], grad: &[f32], grad_x: &mut [f32]) -> Result<()>;

    /// Writes the gradients of weight and bias over `grad_weight` and `grad_bias`.
    fn weight_gradient(
        &self,
        x: &[f32],
        grad: &[f32],
        grad_weight: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<()>;
}

/// The output of a layer for `x`, differentiable with respect to all three tensors.
pub(crate) fn apply<K: Weighted>(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    kernel: Arc<K>,
) -> Result<Tensor> {
    let op = WeightedOp { kernel, grad_x: x.track_op(), grad_weight: weight.track_op() };
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op),
        None => x.apply_op2(&weight, op),
    }
}

struct WeightedOp<K> {
    kernel: Arc<K>,
    /// Whether somebody wants the gradient of the input,
    grad_x: bool,
    /// and that of the weight.
    grad_weight: bool,
}

impl<K: Weighted> WeightedOp<K> {
    fn forward(
        &self,
        [x, weight]: [(&CpuStorage, &Layout); 2],
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let bias = bias.map(|(storage, layout)| values(storage, layout)).transpose()?;
        let (x, shape, weight) = (values(x.0, x.1)?, x.1.shape(), values(weight.0, weight.1)?);
        let (output, shape) = self.kernel.forward(x, shape, weight, bias)?;
        Ok((CpuStorage::F32(output), shape))
    }

    /// The gradients of input, weight and bias, as far as they are wanted.
    fn gradients(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let tensor = |found: Vec<f32>, of: &Tensor| Tensor::from_vec(found, of.shape(), of.device());
        let mut grad_x = None;
        if self.grad_x {
            let mut found = vec![0.0; x.elem_count()];
            read(weight, |weight| read(grad, |grad| self.kernel.input_gradient(weight, grad, &mut found)))?;
            grad_x = Some(tensor(found, x)?);
        }
        let bias = bias.filter(|bias| bias.track_op());
        if !self.grad_weight && bias.is_none() {
            return Ok([grad_x, None, None]);
        }
        let mut found = vec![0.0; weight.elem_count()];
        let mut found_bias = bias.map(|bias| vec![0.0; bias.elem_count()]);
        read(x, |x| {
            read(grad, |grad| self.kernel.weight_gradient(x, grad, &mut found, found_bias.as_deref_mut()))
        })?;
        let grad_weight = self.grad_weight.then(|| tensor(found, weight)).transpose()?;
        let grad_bias = bias.zip(found_bias).map(|(bias, found)| tensor(found, bias)).transpose()?;
        Ok([grad_x, grad_weight, grad_bias])
    }
}

impl<K: Weighted> CustomOp2 for WeightedOp<K> {
    fn name(&self) -> &'static str {
        K::NAME
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

impl<K: Weighted> CustomOp3 for WeightedOp<K> {
    fn name(&self) -> &'static str {
        K::NAME
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
