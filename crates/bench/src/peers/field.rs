//! The competitions and who takes part in each.

use std::fmt;

use adder_kernels::Isa;

use super::problem::Problem;
use super::word::word;
use crate::convolution::Pass;

/// The work that is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// A training step: forward pass with dropout, loss, backward pass, optimizer.
    Training,
    /// The logits of a batch, in evaluation mode.
    Inference,
    /// The output of one layer.
    Forward,
    /// The gradient of one layer's input, by itself.
    InputGradient,
    /// The gradient of one layer's weight, by itself.
    WeightGradient,
}

impl From<Pass> for Workload {
    fn from(pass: Pass) -> Self {
        match pass {
            Pass::Forward => Self::Forward,
            Pass::InputGradient => Self::InputGradient,
            Pass::WeightGradient => Self::WeightGradient,
        }
    }
}

/// Competitions with one subject, as a person asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Subject {
    /// Training steps of the IdentityAdder
    Training,
    /// Inference by the IdentityAdder
    Inference,
    /// Training steps of the network of candle's example mnist-training
    CandleMnist,
    /// Training steps of a residual network on 32x32 images
    Residual,
    /// Training steps of the IdentityAdder, its blocks one by one and in one
    Blocks,
    /// One convolution and its gradients, as shares of the FMA peak
    Convolution,
}

/// A competition: one table.
#[derive(Clone, Debug)]
pub struct Competition {
    /// What it is about.
    pub subject: Subject,
    /// The heading.
    pub title: String,
    /// What the work is done with.
    pub problem: Problem,
    /// The work that is timed.
    pub workload: Workload,
    /// Images in a step.
    pub batch: usize,
    /// The entrants; who comes first gives the values that all are compared with.
    pub entrants: Vec<Entrant>,
    /// Beginnings of the names that the others are measured against.
    pub baselines: &'static [&'static str],
}

/// One that takes part.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// The name in the table.
    pub name: String,
    /// The program that runs it.
    pub runtime: Runtime,
    /// Whether it has one thread alone.
    pub single_thread: bool,
    /// How far a parameter's gradient may be from that of the first entrant, as a share of its norm.
    pub tolerance: f64,
    /// What is known to be wrong about its gradients.
    pub fault: Option<&'static Fault>,
}

/// Gradients that are not those of the others.
#[derive(Debug)]
pub struct Fault {
    /// Beginnings of the parameters' names.
    pub parameters: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// The program that runs a competitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// This program, with the layers of `variant`, and the kernels, if any, for `isa`.
    Rust {
        /// The layers.
        variant: Variant,
        /// `None` where it has no kernels of ours.
        isa: Option<Isa>,
    },
    /// Python, with `peers/peer.py` and the word for the variant.
    Python(&'static str),
}

/// Whose layers a competitor in Rust runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Variant {
    /// candle's own.
    Candle,
    /// adder-nn's, or the fused ones of adder-model.
    Adder,
    /// adder-nn's, block by block.
    Blocks,
    /// adder-nn's, all blocks one operation.
    BlocksInOne,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(self))
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(self))
    }
}

/// The competitions, each with everyone that can take part in it.
pub fn competitions() -> Vec<Competition> {
    let mut competitions = vec![
        Competition {
            subject: Subject::Training,
            title: "A training step, batch 128, dropout on".into(),
            ..training(Problem::IdentityAdder, 128)
        },
        inference(1),
        inference(1_000),
        Competition {
            subject: Subject::CandleMnist,
            title: "A training step of the network of candle's example mnist-training, batch 64".into(),
            ..training(Problem::CandleMnist, 64)
        },
        Competition {
            subject: Subject::Residual,
            title: "A training step of a residual network on 3x32x32, batch 64".into(),
            ..training(Problem::Residual, 64)
        },
        blocks(),
    ];
    competitions.extend(Pass::ALL.map(convolution));
    competitions
}

const STOCK_CANDLE: &str = "stock candle";

/// Layers behind the last ReLU and pool agree to 1e-6. But where rounding puts one of ten million values on the other side of a
/// kink, a gradient takes another way: up to 2e-3 in the residual network.
const TOLERANCE: f64 = 1e-2;
/// PyTorch's batch norm of channels_last tensors adds up a channel's values one by one: its outputs are off by 1e-4, and the first
/// gradients of the IdentityAdder by 2e-2. In f64 they agree to 1e-12.
const CHANNELS_LAST_TOLERANCE: f64 = 5e-2;

/// What candle's pools do to the gradients of all before them.
const POOLED: Fault =
    Fault { parameters: &["c1.", "c2."], reason: "candle's max_pool2d passes a part of the gradient" };

fn training(problem: Problem, batch: usize) -> Competition {
    let pytorch = vec![eager(), channels_last(), python("PyTorch compile", "compile")];
    // The IdentityAdder has a pool of its own on candle's operations.
    let fault = (problem == Problem::CandleMnist).then_some(&POOLED);
    let candle = Entrant { fault, ..stock_candle() };
    Competition {
        subject: Subject::Training,
        title: String::new(),
        problem,
        workload: Workload::Training,
        batch,
        entrants: [pytorch, adder(), vec![candle]].concat(),
        baselines: &["PyTorch eager", "PyTorch", STOCK_CANDLE],
    }
}

fn inference(batch: usize) -> Competition {
    let python = vec![python("ONNX Runtime", "onnxruntime"), python("PyTorch", "pytorch")];
    Competition {
        subject: Subject::Inference,
        title: if batch == 1 { "Inference, one image".into() } else { format!("Inference, batch {batch}") },
        problem: Problem::IdentityAdder,
        workload: Workload::Inference,
        batch,
        entrants: [python, adder(), vec![stock_candle()]].concat(),
        baselines: &["ONNX Runtime", "PyTorch"],
    }
}

fn blocks() -> Competition {
    let entrant = |name: &str, variant| rust(format!("{name} {}", Isa::best()), variant, Some(Isa::best()));
    Competition {
        subject: Subject::Blocks,
        title: "A training step of the IdentityAdder, its blocks one by one and in one".into(),
        entrants: vec![
            entrant("fused trunk", Variant::Adder),
            entrant("blocks in one", Variant::BlocksInOne),
            entrant("blocks one by one", Variant::Blocks),
        ],
        baselines: &["fused trunk"],
        ..training(Problem::IdentityAdder, 128)
    }
}

fn convolution(pass: Pass) -> Competition {
    let pytorch = vec![eager(), channels_last()];
    // A backward pass of candle's computes both gradients, wanted or not.
    let candle = (pass == Pass::Forward).then(stock_candle);
    let all = [pytorch, adder(), candle.into_iter().collect()].concat();
    let one = |entrant: &Entrant| Entrant {
        name: format!("{}, one thread", entrant.name),
        single_thread: true,
        ..entrant.clone()
    };
    let single = all.iter().map(one).collect();
    Competition {
        subject: Subject::Convolution,
        title: format!("Conv2d 5x5 32->64 on 12x12, batch 64: {pass}"),
        problem: Problem::Convolution,
        workload: pass.into(),
        batch: 64,
        entrants: [all, single].concat(),
        baselines: &[],
    }
}

fn stock_candle() -> Entrant {
    rust(STOCK_CANDLE.into(), Variant::Candle, None)
}

/// One for each instruction set with vectors, the fastest first.
fn adder() -> Vec<Entrant> {
    let isas = Isa::available().into_iter().rev().filter(|isa| *isa != Isa::SCALAR);
    isas.map(|isa| rust(format!("adder {isa}"), Variant::Adder, Some(isa))).collect()
}

fn rust(name: String, variant: Variant, isa: Option<Isa>) -> Entrant {
    entrant(name, Runtime::Rust { variant, isa })
}

fn eager() -> Entrant {
    python("PyTorch eager", "eager")
}

fn channels_last() -> Entrant {
    Entrant { tolerance: CHANNELS_LAST_TOLERANCE, ..python("PyTorch channels_last", "channels_last") }
}

fn python(name: &str, variant: &'static str) -> Entrant {
    entrant(name.into(), Runtime::Python(variant))
}

fn entrant(name: String, runtime: Runtime) -> Entrant {
    Entrant { name, runtime, single_thread: false, tolerance: TOLERANCE, fault: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_baseline_takes_part() {
        for competition in competitions() {
            for baseline in competition.baselines {
                assert!(
                    competition.entrants.iter().any(|entrant| entrant.name.starts_with(baseline)),
                    "{}",
                    competition.title
                );
            }
        }
    }

    #[test]
    fn names_and_titles_are_told_apart() {
        let competitions = competitions();
        let unique = |mut names: Vec<&String>| {
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), count, "{names:?}");
        };
        unique(competitions.iter().map(|competition| &competition.title).collect());
        for Competition { entrants, .. } in &competitions {
            unique(entrants.iter().map(|entrant| &entrant.name).collect());
        }
    }

    #[test]
    fn the_words_are_those_of_the_python_side() {
        assert_eq!(Workload::from(Pass::WeightGradient).to_string(), "weight-gradient");
        assert_eq!(Variant::Candle.to_string(), "candle");
    }
}
