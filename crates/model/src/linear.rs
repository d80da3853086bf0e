//! A linear layer without bias.

use candle_core::{Tensor, Var};

use crate::Result;
use crate::init::Initializer;

/// `y = x W^T` with `W` of `[out, in]`, PyTorch's layout.
#[derive(Clone, Debug)]
pub(crate) struct Linear {
    weight: Var,
}

impl Linear {
    pub(crate) fn new(init: &mut Initializer, name: &str, inputs: usize, outputs: usize) -> Result<Self> {
        Ok(Self { weight: init.weight(format!("{name}.weight"), (outputs, inputs))? })
    }

    /// `[b, in]` to `[b, out]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.matmul(&self.weight.t()?)?)
    }
}
