//! Writes our own logits for the evaluation set, for others to be compared with: `images`, uint8 `[10000, 28, 28]`,
//! `addends`, uint8, `digit_logits` and `sum_logits` in a safetensors file. Image `i` is asked with the addend `i % 10`.
//!
//! `cargo run -p adder-export --example logits -- WEIGHTS.safetensors OUT.safetensors`

use std::collections::HashMap;
use std::path::Path;

use adder_data::{Source, normalize};
use adder_model::{Addends, Predictor, weights};
use anyhow::{Context, Result};
use candle_core::{Device, Tensor, safetensors};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| arguments.next().with_context(|| format!("{what} is missing"));
    let (from, to) = (next("WEIGHTS.safetensors")?, next("OUT.safetensors")?);
    let (model, _) = weights::load(Path::new(&from), &Device::Cpu)?;
    let data = adder_data::load(&Source::Embedded, &mut |_| ())?.evaluation;
    let pixels: Vec<f32> = data.images().iter().map(|&byte| normalize(f32::from(byte))).collect();
    let addends: Vec<u8> = (0..data.len()).map(|index| (index % 10) as u8).collect();
    let prediction = Predictor::new(&model)?.predict_batch(&pixels, Addends::Each(&addends))?;
    let count = data.len();
    let tensor = |values: &[f32]| Tensor::from_slice(values, (count, values.len() / count), &Device::Cpu);
    let tensors = HashMap::from([
        ("images", Tensor::from_slice(data.images(), (count, 28, 28), &Device::Cpu)?),
        ("addends", Tensor::from_vec(addends, count, &Device::Cpu)?),
        ("digit_logits", tensor(&prediction.digit)?),
        ("sum_logits", tensor(&prediction.sum)?),
    ]);
    safetensors::save(&tensors, to)?;
    Ok(())
}
