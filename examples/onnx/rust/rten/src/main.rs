//! An exported file in rten, whose predictions are compared with the adder's own logits.
//!
//! `cargo run -p onnx-in-rten -- ADDER.onnx LOGITS.safetensors`

use anyhow::Result;
use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

fn main() -> Result<()> {
    let (file, evaluation) = onnx_comparison::arguments()?;
    let model = Model::load_file(file)?;
    let [image, addend] = [model.node_id("image")?, model.node_id("addend")?];
    let outputs = [model.node_id("digit_logits")?, model.node_id("sum_logits")?];
    let mut found = [Vec::new(), Vec::new()];
    for (images, addends) in evaluation.batches(500) {
        let count = addends.len();
        let images = NdTensor::from_data([count, 1, 28, 28], images.to_vec());
        // rten takes int64 as i32.
        let addends = NdTensor::from_data([count], addends.iter().map(|&addend| addend as i32).collect::<Vec<_>>());
        let inputs = vec![(image, images.view().into()), (addend, addends.view().into())];
        for (found, output) in found.iter_mut().zip(model.run_n(inputs, outputs, None)?) {
            found.extend(output.into_tensor::<f32>().map(|logits| logits.to_vec()).unwrap_or_default());
        }
    }
    evaluation.compare(&found)
}
