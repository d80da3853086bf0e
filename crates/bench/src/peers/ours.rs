//! Our side of the protocol of `peers/peer.py`: what a competitor in Rust does.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use adder_model::Backend;
use anyhow::{Context, Result, bail};
use candle_core::{DType, Tensor, Var};

use super::classifier::Classifier;
use super::composed::ComposedSteps;
use super::field::{Variant, Workload};
use super::identity_adder::{Inference, TrainingSteps};
use super::layer::ConvolutionPass;
use super::nn;
use super::problem::Problem;
use super::stock::Stock;

/// Images whose logits are compared.
pub(super) const CHECKED: usize = 8;
const WARM_UP_STEPS: u64 = 3;

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

/// Warms up, says so, and follows the orders on standard input to its end.
///
/// # Errors
/// Where the files cannot be read or a step fails.
pub fn compete(task: &Task) -> Result<()> {
    let mut contestant = contestant(task)?;
    // Both by the weights of the file: training changes them.
    let results = contestant.results()?;
    let gradients = match task.workload {
        Workload::Training => contestant.gradients()?,
        _ => HashMap::new(),
    };
    let mut run = |steps: u64| -> Result<f64> {
        let begin = Instant::now();
        for _ in 0..steps {
            contestant.step()?;
        }
        Ok(begin.elapsed().as_secs_f64())
    };
    run(WARM_UP_STEPS)?;

    let mut answers = std::io::stdout().lock();
    writeln!(answers, "READY adder {}, layers of {}", env!("CARGO_PKG_VERSION"), task.variant)?;
    for line in std::io::stdin().lock().lines() {
        match line?.split_once(' ') {
            None => {
                let numbers: Vec<String> = results.iter().map(f32::to_string).collect();
                writeln!(answers, "RESULTS {}", numbers.join(" "))?;
            }
            Some(("gradients", file)) => {
                candle_core::safetensors::save(&gradients, file)?;
                writeln!(answers, "GRADIENTS {file}")?;
            }
            Some(("run", steps)) => writeln!(answers, "SECONDS {}", run(steps.parse()?)?)?,
            Some((order, _)) => bail!("unknown order `{order}`"),
        }
    }
    Ok(())
}

fn contestant(task: &Task) -> Result<Box<dyn Contestant>> {
    use {Problem::*, Variant::*};
    Ok(match (task.problem, task.variant, task.workload) {
        (IdentityAdder, Candle, Workload::Training) => {
            Box::new(TrainingSteps::new(task, Backend::Reference)?)
        }
        (IdentityAdder, Adder, Workload::Training) => Box::new(TrainingSteps::new(task, Backend::Fused)?),
        (IdentityAdder, Candle, Workload::Inference) => Box::new(Inference::new(task, Backend::Reference)?),
        (IdentityAdder, Adder, Workload::Inference) => Box::new(Inference::new(task, Backend::Fused)?),
        (IdentityAdder, Blocks | BlocksInOne, Workload::Training) => Box::new(ComposedSteps::new(task)?),
        (CandleMnist | Residual, Candle, Workload::Training) => Box::new(Classifier::new(Stock, task)?),
        (CandleMnist | Residual, Adder, Workload::Training) => Box::new(Classifier::new(nn::Adder, task)?),
        (Convolution, Candle, _) => Box::new(ConvolutionPass::new(&Stock, task)?),
        (Convolution, Adder, _) => Box::new(ConvolutionPass::new(&nn::Adder, task)?),
        (problem, variant, workload) => bail!("no {workload} of {problem} by layers of {variant}"),
    })
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
