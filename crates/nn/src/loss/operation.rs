//! The cross-entropy as one operation of candle, which computes its gradient on the way.

use std::sync::{Mutex, PoisonError};

use adder_kernels::Isa;
use adder_kernels::loss::{ClassTargets, cross_entropy};
use candle_core::{CpuStorage, CustomOp1, DType, Error, Layout, Result, Shape, Tensor};

use crate::cpu::{read, values};

/// The mean cross-entropy of logits, `[n, classes]`, and a label below `classes` for each row.
pub(super) fn of_labels(logits: &Tensor, labels: Vec<u32>, smoothing: f32, isa: Isa) -> Result<Tensor> {
    apply(logits, Targets::Labels(labels), smoothing, isa)
}

/// The mean cross-entropy of logits and distributions, both `[n, classes]`. Nothing is differentiated with respect to the latter.
pub(super) fn of_probabilities(
    logits: &Tensor,
    probabilities: &Tensor,
    smoothing: f32,
    isa: Isa,
) -> Result<Tensor> {
    let probabilities = probabilities.detach().to_dtype(DType::F32)?;
    apply(logits, Targets::Probabilities(probabilities), smoothing, isa)
}

fn apply(logits: &Tensor, targets: Targets, smoothing: f32, isa: Isa) -> Result<Tensor> {
    let operation = CrossEntropy { targets, smoothing, isa, gradient: Mutex::default() };
    logits.contiguous()?.apply_op1(operation)
}

enum Targets {
    Labels(Vec<u32>),
    Probabilities(Tensor),
}

struct CrossEntropy {
    targets: Targets,
    smoothing: f32,
    isa: Isa,
    /// The gradient of the sum over the rows, `[n, classes]`, from the forward pass on.
    gradient: Mutex<Vec<f32>>,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (logits, (rows, classes)) = (values(storage, layout)?, layout.shape().dims2()?);
        let mut gradient = vec![0.0; logits.len()];
        let mut run = |targets: ClassTargets<'_>| {
            cross_entropy(self.isa, logits, [rows, classes], targets, self.smoothing, &mut gradient)
                .map_err(Error::wrap)
        };
        let total = match &self.targets {
            Targets::Labels(labels) => run(ClassTargets::Labels(labels)),
            Targets::Probabilities(all) => read(all, |all| run(ClassTargets::Probabilities(all))),
        }?;
        *self.gradient.lock().unwrap_or_else(PoisonError::into_inner) = gradient;
        Ok((CpuStorage::F32(vec![(total / rows as f64) as f32]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let scale = grad.to_scalar::<f32>()? / logits.dim(0)? as f32;
        let gradient = self.gradient.lock().unwrap_or_else(PoisonError::into_inner);
        let scaled = gradient.iter().map(|value| value * scale).collect();
        Ok(Some(Tensor::from_vec(scaled, logits.shape(), logits.device())?))
    }
}
