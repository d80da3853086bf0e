//! The network on `adder-kernels`, inside candle's autograd: the whole trunk is one operation, head and loss another.
//!
//! candle walks its graph and accumulates gradients between operations, which costs more than the arithmetic of a small
//! network; the fewer operations, the less of it. The parameters of each part go in as one flat tensor, put together by
//! `Tensor::cat`, whose gradient hands every parameter its own.

mod block;
mod head;
mod trunk;

use std::sync::{Arc, PoisonError};

use adder_kernels::Isa;
use adder_kernels::dropout::DropoutKey;
use adder_kernels::head::{Head, NormStatistics};
use adder_kernels::trunk::{BlockStatistics, Trunk};
use candle_core::{Device, Tensor};

pub use block::{BlockOutput, FusedBlock};

use crate::norm::BatchNorm;
use crate::specification::{head_spec, trunk_spec};
use crate::{ModelConfig, Parameter, Result, Step, Targets};
use head::{HeadOp, OwnedTargets};
use trunk::TrunkOp;

/// The planned kernels of one network.
#[derive(Clone, Debug)]
pub(crate) struct Fused {
    trunk: Arc<Trunk>,
    head: Arc<Head>,
    isa: Isa,
}

impl Fused {
    pub(crate) fn new(config: &ModelConfig, isa: Isa) -> Result<Self> {
        let trunk = Arc::new(Trunk::new(trunk_spec(config)?, isa)?);
        Ok(Self { trunk, head: Arc::new(Head::new(head_spec(config), isa)?), isa })
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// The global average of the trunk, f32 `[b, c]`, in training; `params` are those of all blocks in their order. Moves
    /// the running statistics of `norms`.
    pub(crate) fn features<'a>(
        &self,
        images: &Tensor,
        params: &[Parameter],
        dropout: Option<DropoutKey>,
        norms: impl Iterator<Item = &'a BatchNorm>,
    ) -> Result<Tensor> {
        let (op, pass) = TrunkOp::new(&self.trunk, dropout, images.track_op());
        let features = images.contiguous()?.apply_op2(&flat(params)?, op)?;
        let pass = pass.lock().unwrap_or_else(PoisonError::into_inner);
        for (norm, statistics) in norms.zip(pass.iter().flat_map(|pass| pass.statistics())) {
            let BlockStatistics { mean, variance, count } = statistics;
            update(norm, mean, variance, count)?;
        }
        Ok(features)
    }

    /// Everything behind `features`, in training; `params` are those of embedding, hidden layer and heads, in that order.
    /// Moves the running statistics of the two `norms`.
    pub(crate) fn loss(
        &self,
        features: &Tensor,
        addends: &Tensor,
        targets: Targets<'_>,
        (params, [embedding, hidden]): (&[Parameter], [&BatchNorm; 2]),
    ) -> Result<Step> {
        let addends = classes(addends)?;
        let pairs = addends.len();
        let (op, done) = HeadOp::new(&self.head, addends, OwnedTargets::read(targets)?);
        let loss = features.contiguous()?.apply_op2(&flat(params)?, op)?;
        let done = done.lock().unwrap_or_else(PoisonError::into_inner);
        let done = done.as_ref().ok_or_else(|| candle_core::Error::msg("the head kept no pass"))?;
        for (norm, statistics) in
            [(embedding, done.pass().embedding_statistics()), (hidden, done.pass().hidden_statistics())]
        {
            let NormStatistics { mean, variance } = statistics;
            update(norm, mean, variance, pairs)?;
        }
        Ok(Step { loss, tally: done.tally().into() })
    }
}

/// Parameters one behind the other, in C order. Gradients find their way back through the graph.
pub(crate) fn flat(params: &[Parameter]) -> Result<Tensor> {
    let params: Vec<Tensor> =
        params.iter().map(|parameter| parameter.var.flatten_all()).collect::<candle_core::Result<_>>()?;
    Ok(Tensor::cat(&params, 0)?)
}

fn update(norm: &BatchNorm, mean: &[f32], variance: &[f32], count: usize) -> Result<()> {
    let tensor = |values: &[f32]| Tensor::from_slice(values, values.len(), &Device::Cpu);
    norm.update_running(&tensor(mean)?, &tensor(variance)?, count)
}

/// Classes as the kernels take them. One that does not fit a byte becomes 255, which is no class either.
fn classes(classes: &Tensor) -> Result<Vec<u8>> {
    Ok(classes.to_vec1::<u32>()?.into_iter().map(|class| u8::try_from(class).unwrap_or(u8::MAX)).collect())
}
