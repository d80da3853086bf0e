//! Where competitions are held: starts the competitors, compares what they compute, and times them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use adder_kernels::{ISA_VARIABLE, Isa};
use anyhow::{Context, Result, anyhow, bail};

use super::competitor::Competitor;
use super::field::{Competition, Entrant, Fault, Runtime, Workload};
use super::python;
use super::rounds::{Length, interleaved};
use super::shared::Shared;
use super::table::{Row, Table};
use crate::measure::{peak, peak_of_all};
use crate::output::say;
use crate::verify::{close, distance, norm};

/// How far a logit may be from that of the first entrant, as a share of the largest one beside it.
const RESULT_TOLERANCE: f32 = 1e-3;
/// The share of the norm of all gradients below which a parameter's own is rounding: before a norm, a bias has none.
const NO_GRADIENT: f64 = 1e-4;

/// Everything that all competitions share.
#[derive(Debug)]
pub struct Hall {
    /// This program.
    pub program: PathBuf,
    /// The interpreter, or why there is none.
    pub python: Result<PathBuf>,
    /// For each competitor that has not one alone.
    pub threads: usize,
    /// Where files go.
    pub folder: PathBuf,
}

/// The gradients of all parameters by their names.
type Gradients = BTreeMap<String, Vec<f32>>;

/// What all competitors must compute alike: what the first one did.
#[derive(Default)]
struct Expected {
    results: Option<Vec<f32>>,
    gradients: Option<Gradients>,
}

impl Hall {
    /// Holds a competition among those that can run here.
    ///
    /// # Errors
    /// Where files cannot be written or a competitor ends while it is timed.
    pub fn hold(&self, competition: &Competition, length: Length) -> Result<Table> {
        let shared = Shared::write(&self.folder, competition.problem)?;
        let operations = competition.problem.operations(competition.batch);
        let (mut competitors, mut peaks) = (Vec::new(), Vec::new());
        let (mut absent, mut remarks) = (Vec::new(), Vec::new());
        let mut expected = Expected::default();
        for entrant in &competition.entrants {
            say(format_args!("starting {}", entrant.name));
            let arrival = self.start(competition, entrant, &shared).and_then(|mut competitor| {
                remarks.extend(self.compare(competition, entrant, &mut competitor, &mut expected)?);
                Ok(competitor)
            });
            match arrival {
                Ok(competitor) => {
                    say(format_args!("  {}", competitor.description()));
                    competitors.push(competitor);
                    peaks.push(operations.map(|_| self.peak(entrant)));
                }
                Err(reason) => absent.push((entrant.name.clone(), format!("{reason:#}"))),
            }
        }
        say(format_args!("{} rounds of {} competitors", length.rounds, competitors.len()));
        let times = interleaved(&mut competitors, length)?;
        let names = competitors.iter().map(|competitor| competitor.name().to_owned());
        let rows = names.zip(times).zip(peaks).map(|((name, times), peak)| Row { name, times, peak });
        Ok(Table {
            title: competition.title.clone(),
            batch: competition.batch,
            operations,
            baselines: competition.baselines,
            rows: rows.collect(),
            absent,
            remarks,
        })
    }

    /// Requires the results and gradients that are expected, or makes them so for all that follow. A remark where a fault that was
    /// known shows.
    fn compare(
        &self,
        competition: &Competition,
        entrant: &Entrant,
        competitor: &mut Competitor,
        expected: &mut Expected,
    ) -> Result<Option<String>> {
        let results = competitor.results()?;
        let wanted = expected.results.get_or_insert_with(|| results.clone());
        close(&entrant.name, &results, wanted, RESULT_TOLERANCE)?;
        if competition.workload != Workload::Training {
            return Ok(None);
        }
        let gradients = competitor.gradients(&self.folder.join("gradients.safetensors"))?;
        let wanted = expected.gradients.get_or_insert_with(|| gradients.clone());
        compare_gradients(entrant, &gradients, wanted)
    }

    fn start(&self, competition: &Competition, entrant: &Entrant, shared: &Shared) -> Result<Competitor> {
        let threads = self.threads_of(entrant).to_string();
        let task = |variant: String| {
            let words = [competition.workload.to_string(), competition.problem.to_string(), variant];
            words.into_iter().chain([competition.batch.to_string()])
        };
        let mut command = match entrant.runtime {
            Runtime::Rust { variant, isa } => {
                let mut command = Command::new(&self.program);
                command.arg("compete").args(task(variant.to_string()));
                command.envs(isa.map(|isa| (ISA_VARIABLE, isa.name())));
                command
            }
            Runtime::Python(variant) => {
                let python = self.python.as_ref().map_err(|reason| anyhow!("{reason:#}"))?;
                let mut command = Command::new(python);
                command.arg(python::scripts().join("peer.py")).args(task(variant.into())).arg(&threads);
                command
            }
        };
        command.arg(&shared.inputs).arg(&shared.weights);
        command.env("RAYON_NUM_THREADS", &threads).env("OMP_NUM_THREADS", &threads);
        Competitor::start(&entrant.name, command, &self.log(entrant))
    }

    fn threads_of(&self, entrant: &Entrant) -> usize {
        if entrant.single_thread { 1 } else { self.threads }
    }

    /// The operations a second that an entrant could do at most.
    fn peak(&self, entrant: &Entrant) -> f64 {
        let isa = match entrant.runtime {
            Runtime::Rust { isa: Some(isa), .. } => isa,
            _ => Isa::best(),
        };
        match self.threads_of(entrant) {
            1 => peak(isa),
            threads => peak_of_all(isa, threads),
        }
    }

    fn log(&self, entrant: &Entrant) -> PathBuf {
        self.folder.join(format!("{}.log", entrant.name.replace([' ', ','], "-")))
    }
}

/// Requires `found` to be the `expected` gradients, but for those that the entrant's fault explains: a remark says how far off
/// they are.
fn compare_gradients(entrant: &Entrant, found: &Gradients, expected: &Gradients) -> Result<Option<String>> {
    let (mut faulty, mut largest) = (Vec::new(), 0f64);
    let of_all = expected.values().map(|gradient| norm(gradient).powi(2)).sum::<f64>().sqrt();
    for (name, expected) in expected {
        let found = found.get(name).with_context(|| format!("{} has no gradient of {name}", entrant.name))?;
        let scale = norm(expected).max(NO_GRADIENT * of_all);
        let deviation = distance(name, found, expected)? / scale;
        if deviation <= entrant.tolerance {
            largest = largest.max(deviation);
        } else if explains(entrant.fault, name) {
            faulty.push(format!("{name} {:.2}", slope(found, expected)));
        } else {
            bail!("the gradient of {name} is off by {:.2} % of its norm", 100.0 * deviation);
        }
    }
    say(format_args!("  gradients within {largest:.0e}"));
    let remark = |fault: &Fault| {
        format!(
            "The gradients by {} are not those of the others, because {}. As multiples of theirs, by least squares: {}.",
            entrant.name,
            fault.reason,
            faulty.join(", ")
        )
    };
    Ok(entrant.fault.filter(|_| !faulty.is_empty()).map(remark))
}

fn explains(fault: Option<&Fault>, name: &str) -> bool {
    fault.is_some_and(|fault| fault.parameters.iter().any(|beginning| name.starts_with(beginning)))
}

/// The factor that brings `expected` nearest to `found`.
fn slope(found: &[f32], expected: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    product(found, expected) / product(expected, expected)
}

#[cfg(test)]
mod tests {
    use super::super::field::Variant;
    use super::*;

    const FAULT: Fault = Fault { parameters: &["c1."], reason: "pools are wrong" };

    fn entrant(fault: Option<&'static Fault>) -> Entrant {
        let runtime = Runtime::Rust { variant: Variant::Candle, isa: None };
        Entrant { name: "candle".into(), runtime, single_thread: false, tolerance: 0.01, fault }
    }

    fn gradients(c1: f32, fc: f32) -> Gradients {
        [("c1.weight", c1), ("fc.weight", fc)]
            .map(|(name, value)| (name.into(), vec![value, 2.0 * value]))
            .into()
    }

    #[test]
    fn gradients_must_be_close_and_complete() {
        let (entrant, expected) = (entrant(None), gradients(1.0, 2.0));
        assert_eq!(compare_gradients(&entrant, &gradients(1.0001, 2.0), &expected).unwrap(), None);
        let wrong = compare_gradients(&entrant, &gradients(1.0, 2.1), &expected).unwrap_err().to_string();
        assert_eq!(wrong, "the gradient of fc.weight is off by 5.00 % of its norm");
        let nan = compare_gradients(&entrant, &gradients(f32::NAN, 2.0), &expected);
        assert!(nan.is_err());
        let missing = compare_gradients(&entrant, &Gradients::new(), &expected).unwrap_err().to_string();
        assert_eq!(missing, "candle has no gradient of c1.weight");
    }

    #[test]
    fn a_fault_explains_its_own_parameters_alone() {
        let (entrant, expected) = (entrant(Some(&FAULT)), gradients(1.0, 2.0));
        assert_eq!(compare_gradients(&entrant, &expected, &expected).unwrap(), None);
        let remark = compare_gradients(&entrant, &gradients(0.25, 2.0), &expected).unwrap().unwrap();
        assert!(remark.contains("pools are wrong") && remark.contains("c1.weight 0.25."), "{remark}");
        assert!(compare_gradients(&entrant, &gradients(1.0, 2.1), &expected).is_err());
    }
}
