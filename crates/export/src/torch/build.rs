//! A network from the tensors that were chosen: names, shapes, types and values are checked before anything is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use adder_model::tensor_file::{TensorProblem, check_values};
use adder_model::{IdentityAdder, ModelConfig};
use candle_core::{Device, Tensor as Values};

use super::contents::{Found, listed};
use super::names::{Expected, Naming, expected};
use super::rebuild::QUANTIZED;
use super::storages::Storages;
use super::tensor::Tensor;
use super::transformed::{self, DEQUANTIZE};
use crate::error::FileProblem;
use crate::{Error, Result};

/// Values that a network may have for each byte of its file, and these beside them: a view may repeat an element, but no network
/// consists of repetitions.
const MOST_EXPANDED: usize = 1 << 20;

/// The tensors of a file by its names, and how these are ours.
pub(crate) struct Parts<'p, 's> {
    pub(crate) path: &'p Path,
    pub(crate) tensors: BTreeMap<String, Found<'p>>,
    pub(crate) naming: Naming,
    pub(crate) storages: &'p Storages<'s>,
    /// The length of the file.
    pub(crate) length: usize,
}

/// The network that `config` describes, or, without one, the notebook's, of whatever widths; `path` names the file in errors. Notes
/// go into `notes`.
///
/// # Errors
/// [`FileProblem`] for tensors that are missing, unknown, misshapen, unreadable, not finite or, for a variance, negative.
pub(crate) fn build(
    parts: &Parts<'_, '_>,
    config: Option<ModelConfig>,
    device: &Device,
    notes: &mut Vec<String>,
) -> Result<IdentityAdder> {
    let config = config.unwrap_or_else(|| notebook(parts, notes));
    let network = config.network().map_err(adder_model::Error::from)?;
    let failed = |problem| Error::File { path: parts.path.into(), problem: Box::new(problem) };
    let mut values = values(parts, &config, &expected(&network), notes).map_err(failed)?;
    let model = IdentityAdder::new(&config, 0, device)?;
    for (name, var) in model.state() {
        if let Some(values) = values.remove(&name) {
            var.set(&Values::from_vec(values, var.dims(), device)?)?;
        }
    }
    Ok(model)
}

/// The values of every tensor by our names. All are held to their shapes before one is read.
fn values(
    parts: &Parts<'_, '_>,
    config: &ModelConfig,
    expected: &[Expected],
    notes: &mut Vec<String>,
) -> Result<BTreeMap<String, Vec<f32>>, FileProblem> {
    let tensors = fitting(parts, config, expected)?;
    let parameters = expected.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum::<usize>();
    if parameters > parts.length.saturating_add(MOST_EXPANDED) {
        return Err(FileProblem::Expanded { parameters, bytes: parts.length });
    }
    check_memory(parameters)?;
    let others = tensors.iter().filter(|(_, tensor)| !tensor.element.is_f32());
    let others: BTreeSet<&str> = others.map(|(_, tensor)| tensor.element.name.as_str()).collect();
    let mut values = BTreeMap::new();
    for (expected, (theirs, tensor)) in expected.iter().zip(&tensors) {
        values.insert(expected.name.clone(), read(theirs, tensor, expected.variance, parts.storages)?);
    }
    if !others.is_empty() {
        notes.push(format!("converted {} to F32", others.into_iter().collect::<Vec<_>>().join(", ")));
    }
    Ok(values)
}

/// Whether there is room for the values, as they are read and as the network has them. What is too large for a limit on memory shall
/// fail in words.
fn check_memory(parameters: usize) -> Result<(), FileProblem> {
    let bytes = parameters.saturating_mul(2 * size_of::<f32>());
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| FileProblem::Memory { bytes })
}

/// The tensor of the file for each that is expected, with its name there.
fn fitting<'p>(
    parts: &'p Parts<'p, '_>,
    config: &ModelConfig,
    expected: &[Expected],
) -> Result<Vec<(String, &'p Tensor<'p>)>, FileProblem> {
    let theirs: Vec<String> = expected.iter().map(|tensor| parts.naming.name(config, &tensor.name)).collect();
    let known: BTreeSet<&str> = theirs.iter().map(String::as_str).collect();
    let unknown: Vec<&str> =
        parts.tensors.keys().map(String::as_str).filter(|name| !known.contains(name)).collect();
    let missing: Vec<&str> =
        theirs.iter().map(String::as_str).filter(|name| !parts.tensors.contains_key(*name)).collect();
    if let Some(first) = missing.first() {
        let problem = TensorProblem::Missing((*first).into());
        let shape = theirs.iter().zip(expected).find(|(name, _)| name == first).map(|(_, it)| &it.shape[..]);
        let advice = transformed::advice(&unknown)
            .or_else(|| transformed::fused(&missing, &unknown))
            .or_else(|| renamed(parts, &unknown, shape.unwrap_or_default()));
        let advice = advice.unwrap_or_else(|| of_missing(&missing, theirs.len(), &unknown));
        return Err(FileProblem::Tensor { problem, advice });
    }
    if let Some(first) = unknown.first() {
        let problem = TensorProblem::Unknown(first.escape_debug().to_string());
        let advice = transformed::advice(&unknown).unwrap_or_else(|| of_unknown(&unknown));
        return Err(FileProblem::Tensor { problem, advice });
    }
    let fit = expected.iter().zip(theirs).map(|(expected, theirs)| {
        let wanted = format!("F32 {:?}", expected.shape);
        let found = match &parts.tensors[&theirs] {
            Ok(tensor) if tensor.shape == expected.shape && tensor.element.to_f32(false).is_some() => {
                return Ok((theirs, tensor));
            }
            Ok(tensor) => tensor.describe(),
            Err(what) => what.clone(),
        };
        let advice = of_type(&found);
        let problem = TensorProblem::Mismatch { name: theirs, expected: wanted, found };
        Err(FileProblem::Tensor { problem, advice })
    });
    fit.collect()
}

/// Advice for a tensor of another element type.
fn of_type(found: &str) -> String {
    let types = ["I8", "U8", "QInt8", "QUInt8"];
    let is_quantized = found == QUANTIZED || types.iter().any(|name| found.starts_with(&format!("{name} ")));
    if is_quantized { DEQUANTIZE.into() } else { String::new() }
}

/// Advice where a tensor of this shape is missing and one that the network does not know has it.
fn renamed(parts: &Parts<'_, '_>, unknown: &[&str], shape: &[usize]) -> Option<String> {
    let has_shape = |name: &&str| matches!(&parts.tensors[*name], Ok(tensor) if tensor.shape == shape);
    let alike: Vec<&str> = unknown.iter().copied().filter(has_shape).collect();
    let names = || listed(alike.iter().copied());
    match alike.len() {
        0 => None,
        1 => Some(format!(
            "its shape {shape:?} has {}, which the network does not know: was it renamed? Give it the expected name",
            names()
        )),
        _ => Some(format!(
            "its shape {shape:?} have {}, which the network does not know: were they renamed? Give them the expected names",
            names()
        )),
    }
}

fn of_missing(missing: &[&str], all: usize, unknown: &[&str]) -> String {
    let statistics = missing.iter().all(|name| name.contains(".running_"));
    if statistics && missing.len() > 1 {
        return "the parameters are there, the norms' running statistics are not: save model.state_dict(), which has both".into();
    }
    let there = format!("{} of the network's {all} tensors are there", all - missing.len());
    match unknown.len() {
        0 => there,
        count => format!("{there}, and {count} that it does not know: {}", listed(unknown.iter().copied())),
    }
}

fn of_unknown(unknown: &[&str]) -> String {
    let of_thop = |name: &&str| name.ends_with("total_ops") || name.ends_with("total_params");
    if unknown.iter().all(of_thop) {
        let save = r#"torch.save({k: v for k, v in model.state_dict().items() if not k.endswith(("total_ops", "total_params"))}, "model.pth")"#;
        return format!("thop's profiler left it in the module; save without it: {save}");
    }
    match unknown.len() {
        1 => "the network has no such tensor".into(),
        count => format!("the network has none of these {count}: {}", listed(unknown.iter().copied())),
    }
}

fn read(
    name: &str,
    tensor: &Tensor<'_>,
    variance: bool,
    storages: &Storages<'_>,
) -> Result<Vec<f32>, FileProblem> {
    let values = storages.values(name, tensor)?;
    let refused = |problem| FileProblem::Tensor { problem, advice: String::new() };
    check_values(name, &values, variance).map_err(refused)?;
    Ok(values)
}

/// The notebook's network, with the widths that the tensors have where these fit more of them; pools and padding are not to be
/// seen in a file.
fn notebook(parts: &Parts<'_, '_>, notes: &mut Vec<String>) -> ModelConfig {
    let notebook = ModelConfig::default();
    let width = |ours: &str| match parts.tensors.get(&parts.naming.name(&notebook, ours)) {
        Some(Ok(tensor)) => tensor.shape.first().copied(),
        _ => None,
    };
    let channels = (1..=notebook.channels.len()).map(|block| width(&format!("block{block}.conv.weight")));
    let (Some(channels), Some(embedding), Some(hidden)) = (
        channels.collect::<Option<Vec<_>>>(),
        width("embedding.linear.weight"),
        width("hidden.linear.weight"),
    ) else {
        return notebook;
    };
    let seen = ModelConfig { channels, embedding, hidden, ..notebook.clone() };
    let fitting = |config: &ModelConfig| {
        let network = config.network().ok()?;
        let fits = |wanted: &&Expected| match parts.tensors.get(&parts.naming.name(config, &wanted.name)) {
            Some(Ok(tensor)) => tensor.shape == wanted.shape,
            _ => false,
        };
        Some(expected(&network).iter().filter(fits).count())
    };
    if fitting(&seen) <= fitting(&notebook) {
        return notebook;
    }
    notes.push(format!(
        "the widths are those of the tensors: channels {:?}, embedding {embedding}, hidden {hidden}; pools and padding are taken to be the notebook's",
        seen.channels
    ));
    seen
}
