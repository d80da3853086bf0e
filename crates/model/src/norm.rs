//! A norm of `adder-nn` as a network describes it.

use adder_kernels::Isa;
use adder_network::EPSILON;
use adder_nn::BatchNorm;
use candle_core::{DType, Device, Var};

use crate::Result;

/// A norm with its running statistics as variables.
#[derive(Clone, Debug)]
pub(crate) struct Norm {
    names: [String; 2],
    running_mean: Var,
    running_var: Var,
    pub(crate) layer: BatchNorm,
}

impl Norm {
    /// The norm that a network describes, with fresh running statistics.
    pub(crate) fn new(norm: &adder_network::Norm, weight: &Var, bias: &Var, device: &Device) -> Result<Self> {
        let running_mean = Var::zeros(norm.channels, DType::F32, device)?;
        let running_var = Var::ones(norm.channels, DType::F32, device)?;
        let [mean, var, weight, bias] =
            [&running_mean, &running_var, weight, bias].map(|var| var.as_tensor().clone());
        let layer = BatchNorm::new(norm.channels, mean, var, weight, bias, EPSILON)?.allow_single_values();
        Ok(Self { names: norm.buffer_names(), running_mean, running_var, layer })
    }

    /// The same on the kernels for an instruction set, or on candle's operations alone.
    pub(crate) fn on(&self, isa: Option<Isa>) -> Self {
        let layer = self.layer.clone();
        let layer = match isa {
            Some(isa) => layer.with_isa(isa),
            None => layer.without_kernels(),
        };
        Self { layer, ..self.clone() }
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
}
