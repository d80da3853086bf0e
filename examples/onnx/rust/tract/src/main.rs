//! An exported file in tract, whose predictions are compared with the adder's own logits.
//!
//! `cargo run -p onnx-in-tract -- ADDER.onnx LOGITS.safetensors`

use anyhow::Result;
use tract_onnx::prelude::*;

fn main() -> Result<()> {
    let (file, evaluation) = onnx_comparison::arguments()?;
    let model = tract_onnx::onnx().model_for_path(file)?.into_optimized()?.into_runnable()?;
    let mut found = [Vec::new(), Vec::new()];
    for (images, addends) in evaluation.batches(100) {
        let count = addends.len();
        let images = Tensor::from_shape(&[count, 1, 28, 28], images)?;
        let addends = Tensor::from_shape(&[count], addends)?;
        let outputs = model.run(tvec!(images.into(), addends.into()))?;
        for (found, output) in found.iter_mut().zip(&outputs) {
            found.extend_from_slice(output.try_as_plain_ram()?.as_slice::<f32>()?);
        }
    }
    evaluation.compare(&found)
}
