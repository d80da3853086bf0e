//! Batch normalization of candle's own operations, for devices and element types without kernels.

use candle_core::{DType, Result, Tensor};

/// A batch norm without its statistics.
pub(super) struct Norm<'a> {
    pub(super) weight_and_bias: Option<&'a (Tensor, Tensor)>,
    pub(super) remove_mean: bool,
    pub(super) eps: f64,
}

impl Norm<'_> {
    /// Normalizes `[b, c, ...]` with its own statistics; returns them too, the mean and the biased variance, `[c]` each.
    pub(super) fn with_own_statistics(&self, x: &Tensor) -> Result<(Tensor, [Tensor; 2])> {
        let wide = widened(x)?;
        let mean = channel_mean(&wide)?;
        let centred =
            if self.remove_mean { wide.broadcast_sub(&per_image(&mean, &wide)?)? } else { wide.clone() };
        let var = channel_mean(&centred.sqr()?)?;
        let std = (&var + self.eps)?.sqrt()?;
        let normalized = centred.broadcast_div(&per_image(&std, &wide)?)?;
        let output = self.scale_and_shift(&normalized)?.to_dtype(x.dtype())?;
        Ok((output, [mean.flatten_all()?, var.flatten_all()?]))
    }

    /// Normalizes `[b, c, ...]` with a mean and a variance, `[c]` each.
    pub(super) fn with_statistics(&self, x: &Tensor, statistics: &[Tensor; 2]) -> Result<Tensor> {
        let wide = widened(x)?;
        let shape = channel_shape(&wide);
        let [mean, var] = statistics;
        let mean = mean.to_dtype(wide.dtype())?.reshape(shape.as_slice())?;
        let std = (var.to_dtype(wide.dtype())? + self.eps)?.sqrt()?.reshape(shape.as_slice())?;
        let centred = if self.remove_mean { wide.broadcast_sub(&mean)? } else { wide };
        self.scale_and_shift(&centred.broadcast_div(&std)?)?.to_dtype(x.dtype())
    }

    fn scale_and_shift(&self, normalized: &Tensor) -> Result<Tensor> {
        let Some((weight, bias)) = self.weight_and_bias else { return Ok(normalized.clone()) };
        let shape = channel_shape(normalized);
        let spread = |values: &Tensor| {
            let values = values.to_dtype(normalized.dtype())?.reshape(shape.as_slice())?;
            per_image(&values, normalized)
        };
        normalized.broadcast_mul(&spread(weight)?)?.broadcast_add(&spread(bias)?)
    }
}

/// Numbers of 16 bits as f32, others as they are.
fn widened(x: &Tensor) -> Result<Tensor> {
    match x.dtype() {
        DType::F16 | DType::BF16 => x.to_dtype(DType::F32),
        _ => Ok(x.clone()),
    }
}

/// The mean of each channel, `[1, c, 1, ...]`. candle adds up one number after the other in `f32`; a mean of the images'
/// means rounds a hundred times less than a single sum over a batch.
fn channel_mean(x: &Tensor) -> Result<Tensor> {
    let pixels: Vec<usize> = (2..x.rank()).collect();
    x.mean_keepdim(pixels.as_slice())?.mean_keepdim(0)
}

/// `[1, c, 1, ...]` once for each image of `x`. The gradient of a broadcast is a sum; this one is added up per image
/// first, for the reason that [`channel_mean`] gives.
fn per_image(channels: &Tensor, x: &Tensor) -> Result<Tensor> {
    let mut shape = channel_shape(x);
    shape[0] = x.dim(0)?;
    channels.broadcast_as(shape)
}

/// `[1, c, 1, ...]`, which broadcasts over `x`.
fn channel_shape(x: &Tensor) -> Vec<usize> {
    let mut shape = vec![1; x.rank()];
    shape[1] = x.dims()[1];
    shape
}
