//! Our side of the protocol of `peers/peer.py`: what a competitor in Rust does.

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use adder_data::{Batch, DIGITS, PIXELS, SUMS};
use adder_model::{Addends, Backend, IdentityAdder, Logits, Predictor, weights};
use anyhow::{Context, Result, bail};
use candle_core::{DType, Device};

use super::field::Workload;
use crate::candle::logits;
use crate::training::Training;

/// Images whose logits are compared.
const CHECKED: usize = 8;
const WARM_UP_STEPS: u64 = 3;

/// The arguments of a competitor.
#[derive(Clone, Debug, clap::Args)]
pub struct Task {
    /// Training or inference.
    pub workload: Workload,
    /// `reference`, candle's own operations, or `fused`, the kernels, for the instruction set that `ADDER_ISA` names.
    pub backend: Backend,
    /// Images in a step.
    pub batch: usize,
    /// The images, as [`Shared`](super::shared::Shared) writes them.
    pub inputs: PathBuf,
    /// The weights, as [`Shared`](super::shared::Shared) writes them.
    pub weights: PathBuf,
}

/// Warms up, says so, and follows the orders on standard input to its end.
///
/// # Errors
/// Where the files cannot be read or a step fails.
pub fn compete(task: &Task) -> Result<()> {
    let (model, _) = weights::load(&task.weights, &Device::Cpu)?;
    let model = model.with_backend(task.backend)?;
    let batches = load_batches(task)?;
    let logits = first_logits(&model, &batches[0])?;
    let mut work: Box<dyn Work> = match (task.workload, task.backend) {
        (Workload::Training, _) => Box::new(Training::new(model)?),
        (Workload::Inference, Backend::Reference) => Box::new(model),
        (Workload::Inference, Backend::Fused) => Box::new(Predictor::new(&model)?),
    };
    let mut batches = batches.iter().cycle();
    let mut run = |steps: u64| -> Result<f64> {
        let begin = Instant::now();
        for batch in batches.by_ref().take(usize::try_from(steps)?) {
            work.step(batch)?;
        }
        Ok(begin.elapsed().as_secs_f64())
    };
    run(WARM_UP_STEPS)?;

    let mut answers = std::io::stdout().lock();
    writeln!(answers, "READY adder {}, {} backend", env!("CARGO_PKG_VERSION"), task.backend)?;
    for line in std::io::stdin().lock().lines() {
        match line?.split_once(' ') {
            None => {
                let numbers: Vec<String> = logits.iter().map(f32::to_string).collect();
                writeln!(answers, "LOGITS {}", numbers.join(" "))?;
            }
            Some(("run", steps)) => writeln!(answers, "SECONDS {}", run(steps.parse()?)?)?,
            Some((order, _)) => bail!("unknown order `{order}`"),
        }
    }
    Ok(())
}

/// One step on one batch: the work that is timed.
trait Work {
    fn step(&mut self, batch: &Batch) -> Result<()>;
}

impl Work for Training {
    fn step(&mut self, batch: &Batch) -> Result<()> {
        Training::step(self, batch).map(drop)
    }
}

/// Inference by candle's own operations.
impl Work for IdentityAdder {
    fn step(&mut self, batch: &Batch) -> Result<()> {
        black_box(logits(self, &batch.images, &batch.addends)?);
        Ok(())
    }
}

impl Work for Predictor {
    fn step(&mut self, batch: &Batch) -> Result<()> {
        black_box(self.predict_batch(&batch.images, Addends::Each(&batch.addends))?);
        Ok(())
    }
}

/// The logits of the first images, those of the digit and then those of the sum, image by image.
fn first_logits(model: &IdentityAdder, batch: &Batch) -> Result<Vec<f32>> {
    let count = CHECKED.min(batch.len());
    let (images, addends) = (&batch.images[..count * PIXELS], &batch.addends[..count]);
    let Logits { digit, sum } = match model.backend() {
        Backend::Reference => logits(model, images, addends)?,
        Backend::Fused => Predictor::new(model)?.predict_batch(images, Addends::Each(addends))?,
    };
    let rows = digit.chunks_exact(DIGITS).zip(sum.chunks_exact(SUMS));
    Ok(rows.flat_map(|(digit, sum)| [digit, sum].concat()).collect())
}

fn load_batches(task: &Task) -> Result<Vec<Batch>> {
    let tensors = candle_core::safetensors::load(&task.inputs, &Device::Cpu)?;
    let part = |name: &str| tensors.get(name).with_context(|| format!("the inputs have no `{name}`"));
    let images: Vec<f32> = part("images")?.flatten_all()?.to_vec1()?;
    let bytes = |name: &str| -> Result<Vec<u8>> { Ok(part(name)?.to_dtype(DType::U8)?.to_vec1()?) };
    let (addends, digits) = (bytes("addends")?, bytes("digits")?);
    let labels = addends.chunks_exact(task.batch).zip(digits.chunks_exact(task.batch));
    let batch = |(images, (addends, digits)): (&[f32], (&[u8], &[u8]))| Batch {
        images: images.to_vec(),
        indices: (0..).take(addends.len()).collect(),
        addends_per_image: 1,
        addends: addends.to_vec(),
        digits: digits.to_vec(),
        sums: addends.iter().zip(digits).map(|(addend, digit)| addend + digit).collect(),
    };
    Ok(images.chunks_exact(task.batch * PIXELS).zip(labels).map(batch).collect())
}
