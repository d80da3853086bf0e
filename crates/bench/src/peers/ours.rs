//! Our side of the protocol of `peers/peer.py`: what a competitor in Rust does.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::time::Instant;

use adder_model::Backend;
use anyhow::{Result, bail};

use super::classifier::Classifier;
use super::composed::ComposedSteps;
use super::contestant::{Contestant, Task};
use super::field::{Variant, Workload};
use super::identity_adder::{Inference, TrainingSteps};
use super::layer::ConvolutionPass;
use super::nn;
use super::problem::Problem;
use super::stock::Stock;

const WARM_UP_STEPS: u64 = 3;

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
