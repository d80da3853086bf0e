//! The evaluation set with the adder's own logits, as `cargo run -p adder-export --example logits` writes them, and how far a runtime's
//! logits are from those.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;

/// Pixels of an image.
pub const PIXELS: usize = 28 * 28;
/// The classes of the heads for the digit and for the sum.
pub const CLASSES: [usize; 2] = [10, 19];

/// The file that is read and the evaluation set, from the arguments `ADDER.onnx LOGITS.safetensors`.
///
/// # Errors
/// Where one is missing or the second is not such a file.
pub fn arguments() -> Result<(PathBuf, Evaluation)> {
    let mut arguments = std::env::args_os().skip(1);
    let mut next = |what| arguments.next().with_context(|| format!("{what} is missing"));
    let file = next("ADDER.onnx")?.into();
    let logits: PathBuf = next("LOGITS.safetensors")?.into();
    Ok((file, Evaluation::read(&logits)?))
}

/// Images, addends and the logits of both heads.
pub struct Evaluation {
    /// `[n, 28, 28]`, normalized.
    pub images: Vec<f32>,
    /// `[n]`, 0 to 9.
    pub addends: Vec<i64>,
    logits: [Vec<f32>; 2],
}

impl Evaluation {
    fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        let tensors = SafeTensors::deserialize(&bytes).with_context(|| path.display().to_string())?;
        let view = |name: &str, dtype| {
            let view = tensors.tensor(name)?;
            ensure!(view.dtype() == dtype, "{name}: expected {dtype:?}, found {:?}", view.dtype());
            anyhow::Ok(view.data().to_vec())
        };
        let floats = |name: &str| {
            let bytes = view(name, Dtype::F32)?;
            let (floats, _) = bytes.as_chunks::<4>();
            anyhow::Ok(floats.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect::<Vec<_>>())
        };
        let normalized = |byte| (f32::from(byte) / 255.0 - 0.1307) / 0.3081;
        Ok(Self {
            images: view("images", Dtype::U8)?.into_iter().map(normalized).collect(),
            addends: view("addends", Dtype::U8)?.into_iter().map(i64::from).collect(),
            logits: [floats("digit_logits")?, floats("sum_logits")?],
        })
    }

    /// The images with their addends in batches of this size; the last may be smaller.
    pub fn batches(&self, size: usize) -> impl Iterator<Item = (&[f32], &[i64])> {
        self.images.chunks(size * PIXELS).zip(self.addends.chunks(size))
    }

    /// Prints how a runtime's logits, `[n, 10]` and `[n, 19]`, agree. `examples/onnx/runtimes.py` reads the line.
    ///
    /// # Errors
    /// Where the number of logits is another, an answer differs, or a logit is further away than 1e-3.
    pub fn compare(&self, found: &[Vec<f32>; 2]) -> Result<()> {
        let mut differs = vec![false; self.addends.len()];
        let mut largest = 0f32;
        for ((expected, found), classes) in self.logits.iter().zip(found).zip(CLASSES) {
            ensure!(expected.len() == found.len(), "expected {} logits, found {}", expected.len(), found.len());
            let rows = expected.chunks(classes).zip(found.chunks(classes));
            for ((expected, found), differs) in rows.zip(&mut differs) {
                *differs |= argmax(expected) != argmax(found);
            }
            let apart = expected.iter().zip(found).map(|(expected, found)| (expected - found).abs());
            // Not f32::max, which drops a NaN.
            largest = apart.fold(largest, |most, apart| if apart <= most { most } else { apart });
        }
        let count = differs.iter().filter(|&&differs| differs).count();
        println!("{count} of {} predictions differ, logits at most {largest:e} apart", differs.len());
        ensure!(count == 0 && largest < 1e-3, "the answers are not the adder's");
        Ok(())
    }
}

/// The first of the largest.
fn argmax(values: &[f32]) -> usize {
    (0..values.len()).rev().max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap_or(0)
}
