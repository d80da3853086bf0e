//! An exported file in burn, whose predictions are compared with the adder's own logits. The file becomes Rust code when this is built, so it
//! is given twice, the first time as an absolute path:
//!
//! `ADDER_ONNX=/PATH/ADDER.onnx cargo run -p onnx-in-burn -- ADDER.onnx LOGITS.safetensors`

use anyhow::Result;
use burn::tensor::{Device, Int, Tensor, TensorData};

mod network {
    include!(concat!(env!("OUT_DIR"), "/network/adder.rs"));
}

fn main() -> Result<()> {
    let (_, evaluation) = onnx_comparison::arguments()?;
    let device = Device::default();
    let model = network::Model::default();
    let mut found = [Vec::new(), Vec::new()];
    for (images, addends) in evaluation.batches(500) {
        let count = addends.len();
        let images = TensorData::new(images.to_vec(), [count, 1, 28, 28]);
        let addends = TensorData::new(addends.to_vec(), [count]);
        let (digits, sums) =
            model.forward(Tensor::<4>::from_data(images, &device), Tensor::<1, Int>::from_data(addends, &device));
        for (found, output) in found.iter_mut().zip([digits, sums]) {
            found.extend(output.into_data().to_vec::<f32>()?);
        }
    }
    evaluation.compare(&found)
}
