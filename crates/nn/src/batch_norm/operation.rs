//! Batch normalization as an operation of candle on the kernels, with what follows it.

use adder_kernels::Isa;
use adder_kernels::norm::{After, BatchNorm, BatchNormGradients, BatchNormPass, Statistics};
use candle_core::{CpuStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor};

use crate::cpu::{read, values};

/// A batch norm of an input, `[b, c, ...]`, with parameters `[2, c]`, the weight and the bias, and perhaps a residual of the input's
/// shape. It keeps the statistics; input and output are candle's to keep.
pub(super) struct Normalize {
    pub(super) isa: Isa,
    pub(super) shape: [usize; 3],
    pub(super) statistics: Statistics,
    pub(super) epsilon: f64,
    pub(super) of_batch: bool,
    pub(super) relu: bool,
}

impl Normalize {
    fn norm<'a>(&'a self, params: &'a [f32]) -> BatchNorm<'a> {
        let (gamma, beta) = params.split_at(self.shape[1]);
        BatchNorm { shape: self.shape, statistics: &self.statistics, gamma, beta, epsilon: self.epsilon }
    }

    fn forward(&self, x: &[f32], params: &[f32], after: After<'_>) -> Result<CpuStorage> {
        let mut output = vec![0.0; x.len()];
        self.norm(params).forward(self.isa, x, after, &mut output).map_err(Error::wrap)?;
        Ok(CpuStorage::F32(output))
    }

    /// The gradients of the input, the parameters and the residual, where they are asked for.
    fn backward(
        &self,
        inputs: [&Tensor; 2],
        residual: Option<&Tensor>,
        output: &Tensor,
        grad: &Tensor,
    ) -> Result<[Option<Tensor>; 3]> {
        let [x, params] = inputs;
        let room = |asked: bool| asked.then(|| vec![0.0; x.elem_count()]);
        let mut grad_x = room(x.track_op());
        let mut grad_residual = room(residual.is_some_and(Tensor::track_op));
        let mut grad_params = vec![0.0; params.elem_count()];
        let (gamma, beta) = grad_params.split_at_mut(self.shape[1]);
        let grads = BatchNormGradients {
            x: grad_x.as_deref_mut(),
            residual: grad_residual.as_deref_mut(),
            gamma,
            beta,
        };
        let run = |x: &[f32], params: &[f32], output: &[f32], grad_output: &[f32]| {
            let rectified = self.relu.then_some(output);
            let pass = BatchNormPass { x, rectified, grad_output, of_batch: self.of_batch };
            self.norm(params).backward(self.isa, &pass, grads).map_err(Error::wrap)
        };
        read(x, |x| {
            read(params, |params| read(output, |output| read(grad, |grad| run(x, params, output, grad))))
        })?;
        let tensor = |values: Option<Vec<f32>>| {
            values.map(|values| Tensor::from_vec(values, x.shape(), x.device())).transpose()
        };
        let grad_params = Tensor::from_vec(grad_params, params.shape(), params.device())?;
        Ok([tensor(grad_x)?, params.track_op().then_some(grad_params), tensor(grad_residual)?])
    }
}

impl CustomOp2 for Normalize {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        params: &CpuStorage,
        params_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let after = if self.relu { After::Relu } else { After::Nothing };
        let output = self.forward(values(x, x_layout)?, values(params, params_layout)?, after)?;
        Ok((output, x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        params: &Tensor,
        output: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [x, params, _] = self.backward([x, params], None, output, grad)?;
        Ok((x, params))
    }
}

impl CustomOp3 for Normalize {
    fn name(&self) -> &'static str {
        "batch-norm-add-relu"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        params: &CpuStorage,
        params_layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let after = After::AddRelu(values(residual, residual_layout)?);
        let output = self.forward(values(x, x_layout)?, values(params, params_layout)?, after)?;
        Ok((output, x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        params: &Tensor,
        residual: &Tensor,
        output: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [x, params, residual] = self.backward([x, params], Some(residual), output, grad)?;
        Ok((x, params, residual))
    }
}
