//! The competitions and who takes part in each.

use std::fmt;

use adder_kernels::Isa;

/// The work that is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Workload {
    /// A training step: forward pass with dropout, loss, backward pass, SGD with momentum.
    Training,
    /// The logits of a batch, in evaluation mode.
    Inference,
}

impl Workload {
    /// The word in a competitor's command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Inference => "inference",
        }
    }
}

/// A competition: one table.
#[derive(Clone, Debug)]
pub struct Competition {
    /// The work that is timed.
    pub workload: Workload,
    /// Images in a step.
    pub batch: usize,
    /// The entrants.
    pub entrants: Vec<Entrant>,
    /// Beginnings of the names that the others are measured against.
    pub baselines: &'static [&'static str],
}

impl fmt::Display for Competition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.workload, self.batch) {
            (Workload::Training, batch) => write!(f, "A training step, batch {batch}, dropout on"),
            (Workload::Inference, 1) => write!(f, "Inference, one image"),
            (Workload::Inference, batch) => write!(f, "Inference, batch {batch}"),
        }
    }
}

/// One that takes part.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// The name in the table.
    pub name: String,
    /// The program that runs it.
    pub runtime: Runtime,
}

/// The program that runs a competitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// This program, by candle's own operations.
    Candle,
    /// This program, by the kernels for an instruction set.
    Kernels(Isa),
    /// Python, with `peers/peer.py` and the word for the variant.
    Python(&'static str),
}

/// The competitions, each with everyone that can take part in it.
pub fn competitions() -> Vec<Competition> {
    vec![
        Competition {
            workload: Workload::Training,
            batch: 128,
            entrants: [
                vec![stock_candle()],
                adder(),
                vec![
                    python("PyTorch eager", "eager"),
                    python("PyTorch channels_last", "channels_last"),
                    python("PyTorch compile", "compile"),
                ],
            ]
            .concat(),
            baselines: &["PyTorch eager", "PyTorch", STOCK_CANDLE],
        },
        inference(1),
        inference(1_000),
    ]
}

const STOCK_CANDLE: &str = "stock candle";

fn inference(batch: usize) -> Competition {
    let python = vec![python("ONNX Runtime", "onnxruntime"), python("PyTorch", "pytorch")];
    Competition {
        workload: Workload::Inference,
        batch,
        entrants: [vec![stock_candle()], adder(), python].concat(),
        baselines: &["ONNX Runtime", "PyTorch"],
    }
}

fn stock_candle() -> Entrant {
    Entrant { name: STOCK_CANDLE.into(), runtime: Runtime::Candle }
}

/// One for each instruction set with vectors, the fastest first.
fn adder() -> Vec<Entrant> {
    let isas = Isa::available().into_iter().rev().filter(|isa| *isa != Isa::SCALAR);
    isas.map(|isa| Entrant { name: format!("adder {isa}"), runtime: Runtime::Kernels(isa) }).collect()
}

fn python(name: &str, variant: &'static str) -> Entrant {
    Entrant { name: name.into(), runtime: Runtime::Python(variant) }
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
                    "{competition}"
                );
            }
        }
    }
}
