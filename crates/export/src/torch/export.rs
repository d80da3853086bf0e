//! The network as a file for PyTorch.

use std::collections::BTreeMap;

use adder_model::IdentityAdder;
use adder_model::tensor_file::{self, Metadata};
use safetensors::tensor::{Dtype, TensorView};

use super::marks;
use super::names::{COUNT, torch_name};
use crate::{Error, Result};

/// The network as a safetensors file of the notebook's `state_dict`. Its metadata hold `format: pt`, which others ask for, and under
/// names of our own how the network is built and `facts`.
///
/// # Errors
/// Where the device cannot be read or the file cannot be built.
pub fn to_safetensors(model: &IdentityAdder, facts: &Metadata) -> Result<Vec<u8>> {
    let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, tensor) in model.tensors() {
        let name = torch_name(model.config(), &name);
        let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        if let Some(norm) = name.strip_suffix("running_mean") {
            tensors.insert(format!("{norm}{COUNT}"), (Dtype::I64, vec![], vec![0; 8]));
        }
        tensors.insert(name, (Dtype::F32, tensor.dims().to_vec(), bytes));
    }
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        Ok((name.as_str(), TensorView::new(*dtype, shape.clone(), bytes)?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let config =
        serde_json::to_string(model.config()).map_err(candle_core::Error::wrap).map_err(Error::from)?;
    let metadata = marks::written(facts, config);
    Ok(tensor_file::serialize(views, &metadata)?)
}
