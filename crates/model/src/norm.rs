//! Batch normalization with PyTorch's semantics, for `[b, c]` and `[b, c, h, w]` alike.

use adder_network::{EPSILON, Norm};
use candle_core::{DType, Device, Tensor, Var};

use crate::Result;

/// The share of the new batch in the running statistics.
const MOMENTUM: f64 = 0.1;

/// A batch norm over every axis but the channels' (Ioffe and Szegedy, 2015).
///
/// In training it normalizes with the batch's own mean and biased variance and moves the running statistics towards the
/// mean and the *unbiased* variance, as PyTorch does; in evaluation it uses the running statistics.
#[derive(Clone, Debug)]
pub(crate) struct BatchNorm {
    names: [String; 2],
    weight: Var,
    bias: Var,
    running_mean: Var,
    running_var: Var,
}

impl BatchNorm {
    /// The norm that a network describes, with fresh running statistics.
    pub(crate) fn new(norm: &Norm, weight: Var, bias: Var, device: &Device) -> Result<Self> {
        let (running_mean, running_var) =
            (Var::zeros(norm.channels, DType::F32, device)?, Var::ones(norm.channels, DType::F32, device)?);
        Ok(Self { names: norm.buffer_names(), weight, bias, running_mean, running_var })
    }

    /// The running statistics with the names they are saved under.
    pub(crate) fn buffers(&self) -> [(String, &Var); 2] {
        let [mean, var] = self.names.clone();
        [(mean, &self.running_mean), (var, &self.running_var)]
    }

    /// The running mean and variance, `[c]` each.
    pub(crate) fn statistics(&self) -> Result<[Vec<f32>; 2]> {
        Ok([self.running_mean.to_vec1()?, self.running_var.to_vec1()?])
    }

    /// Normalizes with the batch's statistics and updates the running ones. `[b, c, ...]` to the same shape.
    pub(crate) fn forward_train(&self, x: &Tensor) -> Result<Tensor> {
        let mean = channel_mean(x)?;
        let centred = x.broadcast_sub(&per_image(&mean, x)?)?;
        let var = channel_mean(&centred.sqr()?)?;
        let count = x.elem_count() / self.weight.elem_count();
        self.update_running(&mean.flatten_all()?, &var.flatten_all()?, count)?;
        let std = (var + EPSILON)?.sqrt()?;
        self.scale_and_shift(&centred.broadcast_div(&per_image(&std, x)?)?)
    }

    /// Normalizes with the running statistics. `[b, c, ...]` to the same shape.
    pub(crate) fn forward_eval(&self, x: &Tensor) -> Result<Tensor> {
        let shape = channel_shape(x);
        let mean = self.running_mean.reshape(shape.as_slice())?;
        let std = (self.running_var.as_tensor() + EPSILON)?.sqrt()?.reshape(shape.as_slice())?;
        self.scale_and_shift(&x.broadcast_sub(&mean)?.broadcast_div(&std)?)
    }

    /// Moves the running statistics towards those of one batch: `mean` and the biased `var`, both `[c]`, of `count`
    /// values a channel. One value has no unbiased variance; its biased one, zero, stands in.
    pub(crate) fn update_running(&self, mean: &Tensor, var: &Tensor, count: usize) -> Result<()> {
        let unbias = if count > 1 { count as f64 / (count - 1) as f64 } else { 1.0 };
        for (running, batch, factor) in [(&self.running_mean, mean, 1.0), (&self.running_var, var, unbias)] {
            // Detached: the statistics must not keep the step's graph alive.
            let new = (batch.detach() * (MOMENTUM * factor))?;
            running.set(&((running.as_tensor() * (1.0 - MOMENTUM))? + new)?)?;
        }
        Ok(())
    }

    /// As [`update_running`](Self::update_running), from values on the CPU.
    pub(crate) fn update_running_from(&self, mean: &[f32], var: &[f32], count: usize) -> Result<()> {
        let tensor = |values: &[f32]| Tensor::from_slice(values, values.len(), &Device::Cpu);
        self.update_running(&tensor(mean)?, &tensor(var)?, count)
    }

    fn scale_and_shift(&self, normalized: &Tensor) -> Result<Tensor> {
        let shape = channel_shape(normalized);
        let weight = per_image(&self.weight.reshape(shape.as_slice())?, normalized)?;
        let bias = per_image(&self.bias.reshape(shape.as_slice())?, normalized)?;
        Ok(normalized.broadcast_mul(&weight)?.broadcast_add(&bias)?)
    }
}

/// The mean of each channel, `[1, c, 1, ...]`. candle adds up one number after the other in `f32`; a mean of the images'
/// means rounds a hundred times less than a single sum over a batch.
fn channel_mean(x: &Tensor) -> Result<Tensor> {
    let pixels: Vec<usize> = (2..x.rank()).collect();
    Ok(x.mean_keepdim(pixels.as_slice())?.mean_keepdim(0)?)
}

/// `[1, c, 1, ...]` once for each image of `x`. The gradient of a broadcast is a sum; this one is added up per image
/// first, for the reason that [`channel_mean`] gives.
fn per_image(channels: &Tensor, x: &Tensor) -> Result<Tensor> {
    let mut shape = channel_shape(x);
    shape[0] = x.dim(0)?;
    Ok(channels.broadcast_as(shape)?)
}

/// `[1, c, 1, ...]`, which broadcasts over `x`.
fn channel_shape(x: &Tensor) -> Vec<usize> {
    let mut shape = vec![1; x.rank()];
    shape[1] = x.dims()[1];
    shape
}
