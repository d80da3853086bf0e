//! An exported file in candle-onnx, whose predictions are compared with the adder's own logits.
//!
//! `cargo run -p onnx-in-candle -- ADDER.onnx LOGITS.safetensors`; building it needs `protoc`.

use std::collections::HashMap;

use anyhow::{Context, Result};
use candle_core::{Device, Tensor};

fn main() -> Result<()> {
    let (file, evaluation) = onnx_comparison::arguments()?;
    let model = candle_onnx::read_file(file)?;
    let mut found = [Vec::new(), Vec::new()];
    for (images, addends) in evaluation.batches(500) {
        let count = addends.len();
        let inputs = HashMap::from([
            ("image".into(), Tensor::from_slice(images, (count, 1, 28, 28), &Device::Cpu)?),
            ("addend".into(), Tensor::from_slice(addends, count, &Device::Cpu)?),
        ]);
        let outputs = candle_onnx::simple_eval(&model, inputs)?;
        for (found, name) in found.iter_mut().zip(["digit_logits", "sum_logits"]) {
            let output = outputs.get(name).with_context(|| format!("no output {name}"))?;
            found.extend(output.flatten_all()?.to_vec1::<f32>()?);
        }
    }
    evaluation.compare(&found)
}
