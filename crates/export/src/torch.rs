//! PyTorch's side: the notebook's `state_dict`, out as safetensors, in as safetensors or as a `.pt` or `.pth` file.
//!
//! | ours | the notebook's |
//! | --- | --- |
//! | `block{k}.conv.weight`, `block{k}.norm.*` | `conv{k}.0.weight`, `conv{k}.2.*` |
//! | `embedding.linear.weight`, `embedding.norm.*` | `fc1.0.weight`, `fc1.1.*` |
//! | `hidden.linear.weight`, `hidden.norm.*` | `fc2.0.weight`, `fc2.1.*` |
//! | `digit.weight`, `sum.weight` | `out_num.0.weight`, `out_sum.0.weight` |
//!
//! Weights of convolutions are `[out, in, 3, 3]` on both sides. PyTorch's norms also count their batches, in
//! `num_batches_tracked`: written as 0 and not read, for nothing here depends on it.

use std::collections::BTreeMap;
use std::path::Path;

use adder_model::tensor_file::{Metadata, TensorFileError, TensorProblem};
use adder_model::{IdentityAdder, ModelConfig, weights};
use adder_network::Network;
use candle_core::{DType, Device, Tensor, pickle};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::{Error, Result};

/// The metadata key of the network's configuration.
const MODEL: &str = "model";
/// The name of a norm's count of batches.
const COUNT: &str = "num_batches_tracked";

/// The network as a safetensors file of the notebook's `state_dict`. `facts` go into its metadata.
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
    let mut metadata = facts.clone();
    let config = serde_json::to_string(model.config()).map_err(candle_core::Error::wrap)?;
    metadata.insert(MODEL.into(), config);
    Ok(safetensors::serialize(views, Some(metadata.into_iter().collect()))?)
}

/// A network from a file of the notebook's `state_dict`: safetensors, or what `torch.save` writes. Of a pickle only
/// tensors are read; no code in it is run. Returns the file's metadata too, of which a pickle has none.
///
/// A file that does not say how the network is built holds the notebook's.
///
/// # Errors
/// [`Error::Weights`] for tensors that are missing, unknown, misshapen or not finite, [`Error::Pickle`] for a pickle
/// that cannot be read.
pub fn load(path: &Path) -> Result<(IdentityAdder, Metadata)> {
    let (tensors, metadata) = read(path)?;
    let failed = |problem| TensorFileError { path: path.into(), problem };
    let config = match metadata.contains_key(MODEL) {
        true => weights::stored_config(&metadata).map_err(failed)?,
        false => ModelConfig::default(),
    };
    // Before anything is built: what the configuration asks for must be there.
    let tensors =
        checked(&config, &config.network().map_err(adder_model::Error::from)?, tensors).map_err(failed)?;
    let model = IdentityAdder::new(&config, 0, &Device::Cpu)?;
    for (name, var) in model.state() {
        var.set(&tensors[&name])?;
    }
    Ok((model, metadata))
}

fn read(path: &Path) -> Result<(BTreeMap<String, Tensor>, Metadata)> {
    let is_safetensors = path.extension().is_some_and(|ending| ending == "safetensors");
    let problem = |problem| TensorFileError { path: path.into(), problem };
    if !is_safetensors {
        std::fs::File::open(path).map_err(|error| problem(TensorProblem::Unreadable(error.to_string())))?;
        let tensors = pickle::read_all(path)
            .map_err(|error| Error::Pickle { path: path.into(), reason: error.to_string() })?;
        return Ok((tensors.into_iter().collect(), Metadata::new()));
    }
    let malformed = |error: safetensors::SafeTensorError| problem(TensorProblem::Format(error.to_string()));
    let bytes = std::fs::read(path).map_err(|error| problem(TensorProblem::Unreadable(error.to_string())))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(malformed)?;
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
    let mut metadata: Metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    // Ours again when it is written: what this file says of its own format goes.
    metadata.remove("format");
    Ok((tensors.into_iter().collect(), metadata))
}

/// The tensors of the network by our names; those of the file must be exactly these.
fn checked(
    config: &ModelConfig,
    network: &Network,
    mut tensors: BTreeMap<String, Tensor>,
) -> Result<BTreeMap<String, Tensor>, TensorProblem> {
    tensors.retain(|name, _| !name.ends_with(COUNT));
    let parameters =
        network.parameters().iter().map(|parameter| (parameter.name.clone(), parameter.shape.clone()));
    let buffers =
        network.norms().iter().flat_map(|norm| norm.buffer_names().map(|name| (name, vec![norm.channels])));
    let mut checked = BTreeMap::new();
    for (name, shape) in parameters.chain(buffers) {
        let theirs = torch_name(config, &name);
        let tensor = tensors.remove(&theirs).ok_or_else(|| TensorProblem::Missing(theirs.clone()))?;
        check(&theirs, &tensor, &shape)?;
        checked.insert(name, tensor);
    }
    match tensors.pop_first() {
        Some((name, _)) => Err(TensorProblem::Unknown(name)),
        None => Ok(checked),
    }
}

fn check(name: &str, tensor: &Tensor, shape: &[usize]) -> Result<(), TensorProblem> {
    if tensor.dtype() != DType::F32 || tensor.dims() != shape {
        return Err(TensorProblem::Mismatch {
            name: name.into(),
            expected: format!("F32 {shape:?}"),
            found: format!("{:?} {:?}", tensor.dtype(), tensor.dims()),
        });
    }
    let values: Vec<f32> = tensor
        .flatten_all()
        .and_then(|flat| flat.to_vec1())
        .map_err(|error| TensorProblem::Format(error.to_string()))?;
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => {
            let value = values[index].to_string();
            Err(TensorProblem::NotFinite { name: name.into(), index, value })
        }
        None => Ok(()),
    }
}

/// The notebook's name of one of our tensors. Networks that are given layer by layer have one name everywhere.
fn torch_name(config: &ModelConfig, name: &str) -> String {
    if !config.layers.is_empty() {
        return name.into();
    }
    const LAYERS: [(&str, &str); 6] = [
        ("embedding.linear.", "fc1.0."),
        ("embedding.norm.", "fc1.1."),
        ("hidden.linear.", "fc2.0."),
        ("hidden.norm.", "fc2.1."),
        ("digit.", "out_num.0."),
        ("sum.", "out_sum.0."),
    ];
    for (ours, theirs) in LAYERS {
        if let Some(rest) = name.strip_prefix(ours) {
            return format!("{theirs}{rest}");
        }
    }
    name.replacen("block", "conv", 1).replacen(".conv.", ".0.", 1).replacen(".norm.", ".2.", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_notebooks() {
        for (ours, theirs) in [
            ("block1.conv.weight", "conv1.0.weight"),
            ("block6.norm.running_var", "conv6.2.running_var"),
            ("embedding.linear.weight", "fc1.0.weight"),
            ("hidden.norm.bias", "fc2.1.bias"),
            ("digit.weight", "out_num.0.weight"),
            ("sum.weight", "out_sum.0.weight"),
        ] {
            assert_eq!(torch_name(&ModelConfig::default(), ours), theirs);
        }
    }
}
