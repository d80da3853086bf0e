//! Everything behind the global average pool, loss included, as one operation of candle's autograd.

use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::head::{self, Head, HeadLoss, HeadTally};
use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};

use super::classes;
use crate::pool::contiguous;
use crate::{Result, Tally, Targets};

/// What a pass is measured against, as the kernels take it.
#[derive(Clone, Debug)]
pub(super) struct OwnedTargets {
    digits: Vec<u8>,
    sums: Vec<u8>,
    label_smoothing: f32,
    /// Distributions over digits and sums, and their weight.
    soft: Option<(Vec<f32>, Vec<f32>, f32)>,
}

impl OwnedTargets {
    pub(super) fn read(targets: Targets<'_>) -> Result<Self> {
        let soft = targets.soft.map(|soft| -> Result<_> {
            Ok((soft.digits.flatten_all()?.to_vec1()?, soft.sums.flatten_all()?.to_vec1()?, soft.weight))
        });
        Ok(Self {
            digits: classes(targets.digits)?,
            sums: classes(targets.sums)?,
            label_smoothing: targets.label_smoothing,
            soft: soft.transpose()?,
        })
    }

    fn borrow(&self) -> head::Targets<'_> {
        let Self { digits, sums, label_smoothing, soft } = self;
        let soft =
            soft.as_ref().map(|(digits, sums, weight)| head::SoftTargets { digits, sums, weight: *weight });
        head::Targets { digits, sums, label_smoothing: *label_smoothing, soft }
    }
}

/// Features `[b, features]` and flat parameters to the scalar loss. One value of this type serves one forward pass; the
/// pass that it keeps for the way back returns its buffers when it is dropped.
pub(super) struct HeadOp {
    head: Arc<Head>,
    addends: Vec<u8>,
    targets: OwnedTargets,
    done: SharedLoss,
}

/// The forward pass, shared between the operation in candle's graph and whoever applied it.
pub(super) type SharedLoss = Arc<Mutex<Option<HeadLoss>>>;

impl HeadOp {
    pub(super) fn new(head: &Arc<Head>, addends: Vec<u8>, targets: OwnedTargets) -> (Self, SharedLoss) {
        let done = SharedLoss::default();
        (Self { head: head.clone(), addends, targets, done: done.clone() }, done)
    }
}

impl CustomOp2 for HeadOp {
    fn name(&self) -> &'static str {
        "identity-adder-head"
    }

    fn cpu_fwd(
        &self,
        features: &CpuStorage,
        features_layout: &Layout,
        params: &CpuStorage,
        params_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let features = contiguous(features, features_layout)?;
        let params = contiguous(params, params_layout)?;
        let pass = self.head.forward(features, &self.addends, params).map_err(candle_core::Error::wrap)?;
        let done = pass.loss(self.targets.borrow()).map_err(candle_core::Error::wrap)?;
        let tally = done.tally();
        let mean = (tally.digit_loss + tally.sum_loss) / tally.pairs as f64;
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        features: &Tensor,
        params: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(done) = done else {
            candle_core::bail!("{}: a pass can go back only once", self.name());
        };
        let mut grad_features = vec![0.0; features.elem_count()];
        let mut grad_params = vec![0.0; params.elem_count()];
        done.backward(grad.to_scalar()?, &mut grad_features, &mut grad_params)
            .map_err(candle_core::Error::wrap)?;
        Ok((
            Some(Tensor::from_vec(grad_features, features.shape(), features.device())?),
            Some(Tensor::from_vec(grad_params, params.shape(), params.device())?),
        ))
    }
}

impl From<HeadTally> for Tally {
    fn from(tally: HeadTally) -> Self {
        Self {
            pairs: tally.pairs as u64,
            digit_loss: tally.digit_loss,
            sum_loss: tally.sum_loss,
            digit_correct: tally.digit_correct as u64,
            sum_correct: tally.sum_correct as u64,
            both_correct: tally.both_correct as u64,
        }
    }
}
