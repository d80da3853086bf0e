//! What our contestants share: the task that each is given, what each must be able to do, and the values that are compared.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use candle_core::{DType, Tensor, Var};

use super::field::{Variant, Workload};
use super::problem::Problem;

/// Images whose logits are compared.
pub(super) const CHECKED: usize = 8;

/// The arguments of a competitor.
#[derive(Clone, Debug, clap::Args)]
pub struct Task {
    /// The work that is timed.
    pub workload: Workload,
    /// What it is done with.
    pub problem: Problem,
    /// Whose layers; the kernels are those for the instruction set that `ADDER_ISA` names.
    pub variant: Variant,
    /// Images in a step.
    pub batch: usize,
    /// The images, as [`Shared`](super::shared::Shared) writes them.
    pub inputs: PathBuf,
    /// The weights, as [`Shared`](super::shared::Shared) writes them.
    pub weights: PathBuf,
}

/// One that can do what the orders ask for.
pub trait Contestant {
    /// The logits of the first images in evaluation mode, or the first values of a layer's pass.
    ///
    /// # Errors
    /// Where an operation fails.
    fn results(&mut self) -> Result<Vec<f32>>;

    /// The gradients of the first batch's loss without dropout, contiguous, by the parameters' names.
    ///
    /// # Errors
    /// Where an operation fails or the work has none.
    fn gradients(&mut self) -> Result<HashMap<String, Tensor>>;

    /// The work that is timed, on the next batch.
    ///
    /// # Errors
    /// Where an operation fails.
    fn step(&mut self) -> Result<()>;
}

/// The gradients of a loss, contiguous, by the names of the parameters.
pub(super) fn gradients_of<'a>(
    loss: &Tensor,
    parameters: impl Iterator<Item = (&'a String, &'a Var)>,
) -> Result<HashMap<String, Tensor>> {
    let gradients = loss.backward()?;
    let gradient = |(name, variable): (&String, &Var)| {
        let gradient = gradients.get(variable).with_context(|| format!("no gradient of {name}"))?;
        Ok((name.clone(), gradient.contiguous()?))
    };
    parameters.map(gradient).collect()
}

/// The values of a tensor, row by row.
pub(super) fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}
