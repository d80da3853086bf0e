//! Layers with a weight and perhaps a bias as operations of candle's autograd.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use crate::cpu::{read, values};

/// The kernels of a layer with a weight and perhaps a bias. All tensors are contiguous.
pub(crate) trait Weighted: Send + Sync + 'static {
    /// The name in candle's error messages.
    const NAME: &'static str;

    /// What a forward pass keeps for the way back.
    type Kept: Send;

    /// The output for an input of this shape, with its own shape.
    fn forward(
        &self,
        x: &[f32],
        shape: &Shape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<(Vec<f32>, Shape, Self::Kept)>;

    /// Writes the gradients that are asked for.
    fn gradients(
        &self,
        kept: &Self::Kept,
        x: &[f32],
        weight: &[f32],
        grad: &[f32],
        grads: Gradients<'_>,
    ) -> Result<()>;
}

/// Where gradients are written over, each where it is wanted.
pub(crate) struct Gradients<'a> {
    /// That of the input.
    pub(crate) x: Option<&'a mut [f32]>,
    /// That of the weight, with that of the bias.
    pub(crate) weight: Option<(&'a mut [f32], Option<&'a mut [f32]>)>,
}

/// The output of a layer for `x`, differentiable with respect to all three tensors.
pub(crate) fn apply<K: Weighted>(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    kernel: Arc<K>,
) -> Result<Tensor> {
    let op =
        WeightedOp { kernel, grad_x: x.track_op(), grad_weight: weight.track_op(), kept: Mutex::new(None) };
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op),
        None => x.apply_op2(&weight, op),
    }
}

/// One value of this type serves one forward pass; what it keeps is dropped with candle's graph.
struct WeightedOp<K: Weighted> {
    kernel: Arc<K>,
    /// Whether somebody wants the gradient of the input,
    grad_x: bool,
    /// and that of the weight.
    grad_weight: bool,
    kept: Mutex<Option<K::Kept>>,
}

impl<K: Weighted> WeightedOp<K> {
    fn forward(
        &self,
        [x, weight]: [(&CpuStorage, &Layout); 2],
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let bias = bias.map(|(storage, layout)| values(storage, layout)).transpose()?;
        let (x, shape, weight) = (values(x.0, x.1)?, x.1.shape(), values(weight.0, weight.1)?);
        let (output, shape, kept) = self.kernel.forward(x, shape, weight, bias)?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
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
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = kept.as_ref() else {
            candle_core::bail!("{}: there was no forward pass", K::NAME);
        };
        let zeros = |tensor: &Tensor| vec![0.0; tensor.elem_count()];
        let bias = bias.filter(|bias| bias.track_op());
        let mut grad_x = self.grad_x.then(|| zeros(x));
        let mut grad_weight = (self.grad_weight || bias.is_some()).then(|| zeros(weight));
        let mut grad_bias = bias.map(zeros);
        let grads = Gradients {
            x: grad_x.as_deref_mut(),
            weight: grad_weight.as_deref_mut().map(|grad| (grad, grad_bias.as_deref_mut())),
        };
        read(x, |x| {
            read(weight, |weight| read(grad, |grad| self.kernel.gradients(kept, x, weight, grad, grads)))
        })?;
        let tensor = |found: Vec<f32>, of: &Tensor| Tensor::from_vec(found, of.shape(), of.device());
        Ok([
            grad_x.map(|grad| tensor(grad, x)).transpose()?,
            grad_weight.filter(|_| self.grad_weight).map(|grad| tensor(grad, weight)).transpose()?,
            bias.zip(grad_bias).map(|(bias, grad)| tensor(grad, bias)).transpose()?,
        ])
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
