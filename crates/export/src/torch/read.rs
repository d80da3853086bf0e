//! A network from each kind of file that PyTorch's users have.

use std::borrow::Cow;
use std::cell::RefCell;
use std::path::Path;

use adder_model::tensor_file::{self, Metadata};
use adder_model::{IdentityAdder, ModelConfig};
use candle_core::Device;
use safetensors::tensor::TensorView;

use super::archive::Archive;
use super::build::{Parts, build};
use super::choice::{Chosen, choose};
use super::contents::{Group, describe, groups};
use super::element::Element;
use super::legacy::{self, Legacy};
use super::marks;
use super::names::{Naming, expected};
use super::pickle::{self, Heap, Value};
use super::storages::{Storages, ZipStorages};
use super::tensor::{Content, Tensor};
use super::transformed;
use crate::error::FileProblem;
use crate::{Error, Result};

/// What to do about a file that has no network's tensors.
const SAVE: &str = "save the network's own: torch.save(model.state_dict(), \"model.pth\")";

/// A file that is to be read.
pub(crate) struct Source<'s> {
    pub(crate) path: &'s Path,
    pub(crate) bytes: &'s [u8],
    /// Bytes in all, where the network is spread over several files.
    pub(crate) length: usize,
    /// The keys and the prefix to the network, where they were given.
    pub(crate) key: Option<&'s str>,
    pub(crate) device: &'s Device,
}

/// A network, what the file says of its training, and what was done to read it.
pub(crate) type Taken = (IdentityAdder, Metadata, Vec<String>);

impl Source<'_> {
    fn failed(&self, problem: FileProblem) -> Error {
        Error::File { path: self.path.into(), problem: Box::new(problem) }
    }

    /// The network in groups of tensors; `words` says what was found where there is none.
    fn network<'p>(
        &'p self,
        groups: &[Group<'p>],
        storages: &'p Storages<'_>,
        config: Option<ModelConfig>,
        words: impl FnOnce() -> String,
    ) -> Result<(IdentityAdder, Vec<String>)> {
        let (naming, chosen) = self.chosen(groups, config.as_ref(), words)?;
        let Chosen { tensors, mut notes, .. } = chosen;
        let parts = Parts { path: self.path, tensors, naming, storages, length: self.length };
        let model = build(&parts, config, self.device, &mut notes)?;
        Ok((model, notes))
    }

    /// The tensors with the most of the network's names, by the notebook's or by ours.
    fn chosen<'a>(
        &self,
        groups: &[Group<'a>],
        config: Option<&ModelConfig>,
        words: impl FnOnce() -> String,
    ) -> Result<(Naming, Chosen<'a>)> {
        let notebook = ModelConfig::default();
        let config = config.unwrap_or(&notebook);
        let ours = expected(&config.network().map_err(adder_model::Error::from)?);
        let mut best: Option<(Naming, Chosen<'a>)> = None;
        let mut problem = None;
        for naming in Naming::ALL {
            let names: Vec<String> = ours.iter().map(|tensor| naming.name(config, &tensor.name)).collect();
            match choose(groups, &names, self.key) {
                Ok(Some(chosen)) if best.as_ref().is_none_or(|(_, best)| best.matched < chosen.matched) => {
                    best = Some((naming, chosen));
                }
                Ok(_) => {}
                Err(found) => problem = problem.or(Some(found)),
            }
        }
        match (best, problem) {
            (Some(best), _) => Ok(best),
            (None, Some(problem)) => Err(self.failed(problem)),
            (None, None) => Err(self.failed(FileProblem::Nothing {
                expected: Naming::Torch.name(config, &ours[0].name),
                found: words(),
                advice: of_names(groups),
            })),
        }
    }

    /// The network in a pickle.
    fn in_pickle<'p>(
        &'p self,
        heap: &Heap<'p>,
        root: Value,
        storages: &'p Storages<'_>,
    ) -> Result<(IdentityAdder, Vec<String>)> {
        let groups = groups(heap, root);
        self.network(&groups, storages, None, || describe(heap, root, &groups))
    }
}

/// What to do about a file of which no name is the network's.
fn of_names(groups: &[Group<'_>]) -> String {
    let names = groups.iter().flat_map(|group| {
        let keys = group.path.iter().chain(&group.others);
        keys.chain(group.tensors.iter().map(|(name, _)| name)).map(Cow::as_ref)
    });
    transformed::advice(&names.collect::<Vec<_>>()).unwrap_or_else(|| SAVE.into())
}

/// A network in a safetensors file that is not one of our weights files.
pub(crate) fn from_safetensors(source: &Source<'_>) -> Result<Taken> {
    let refused = |problem| source.failed(FileProblem::Tensor { problem, advice: String::new() });
    let (metadata, file) = tensor_file::open(source.bytes).map_err(refused)?;
    from_views(source, &metadata, file.iter().collect())
}

/// A network in the tensors of one or more safetensors files, with the metadata of these.
pub(crate) fn from_views(
    source: &Source<'_>,
    metadata: &Metadata,
    mut views: Vec<(&str, TensorView<'_>)>,
) -> Result<Taken> {
    let refused = |problem| source.failed(FileProblem::Tensor { problem, advice: String::new() });
    let (config, facts) = marks::read(metadata).map_err(refused)?;
    views.sort_by_key(|(name, _)| *name);
    let tensors = views.iter().map(|(name, view)| {
        let element = Element::of_safetensors(view.dtype());
        let tensor = Tensor::contiguous(Content::Bytes(view.data()), element, view.shape().to_vec(), false);
        (Cow::Borrowed(*name), Ok(tensor))
    });
    let group = Group { path: Vec::new(), module: None, tensors: tensors.collect(), others: Vec::new() };
    let words = || match group.tensors.len() {
        0 => "none at all: the header names no tensor".into(),
        count => {
            let names = super::contents::listed(group.tensors.iter().map(|(name, _)| name.as_ref()));
            format!("{count} {}: {names}", if count == 1 { "tensor" } else { "tensors" })
        }
    };
    let (model, notes) = source.network(std::slice::from_ref(&group), &Storages::None, config, words)?;
    Ok((model, facts, notes))
}

/// A network in a zip archive.
pub(crate) fn from_zip(source: &Source<'_>) -> Result<Taken> {
    let archive = Archive::open(source.bytes).map_err(|problem| source.failed(problem))?;
    let Some(folder) = folder(&archive) else {
        return Err(source.failed(no_pickle(&archive)));
    };
    let read =
        |name: &str| archive.read(&format!("{folder}{name}")).map_err(|problem| source.failed(problem));
    let program = read("data.pkl")?.unwrap_or_default();
    let big_endian = read("byteorder")?.is_some_and(|order| order.as_ref() == b"big");
    let (heap, root, _) = pickle::read(&program).map_err(|error| {
        source.failed(FileProblem::Pickle { position: error.position, reason: error.reason })
    })?;
    let mut notes = Vec::new();
    if archive.without_checksums() {
        notes.push("the file has no checksums: damage to it would not be seen".into());
    }
    let storages = Storages::Zip(ZipStorages { archive, folder, big_endian, read: RefCell::default() });
    let (model, more) = source.in_pickle(&heap, root, &storages)?;
    notes.extend(more);
    Ok((model, Metadata::new(), notes))
}

/// The folder of an archive that PyTorch's pickle is in, with its slash; the one nearest to the top.
fn folder(archive: &Archive<'_>) -> Option<String> {
    let folders = archive.names().filter_map(|name| name.strip_suffix("data.pkl"));
    let folders = folders.filter(|folder| folder.is_empty() || folder.ends_with('/'));
    folders.min_by_key(|folder| folder.matches('/').count()).map(str::to_owned)
}

/// The words for an archive that PyTorch didn't write.
fn no_pickle(archive: &Archive<'_>) -> FileProblem {
    let has = |ending: &str| archive.names().any(|name| name.ends_with(ending));
    let (found, advice) = if has(".npy") {
        ("NumPy's arrays in a zip archive (.npz)".into(), SAVE.into())
    } else if has("model.weights.h5") {
        ("a Keras file".into(), SAVE.into())
    } else if has("archive_format") || has("serialized_exported_program.json") {
        ("a program of torch.export".into(), SAVE.into())
    } else {
        let names = super::contents::listed(archive.names());
        let weights = [".pth", ".pt", ".bin", ".ckpt", ".safetensors"].iter().any(|ending| has(ending));
        let advice = if weights { "unpack it first" } else { SAVE };
        (
            format!("a zip archive with {}", if names.is_empty() { "nothing in it" } else { &names }),
            advice.into(),
        )
    };
    FileProblem::Kind { found, advice }
}

/// A network in a file of PyTorch before 1.6.
pub(crate) fn from_legacy(source: &Source<'_>) -> Result<Taken> {
    let Legacy { heap, root, storages } =
        legacy::read(source.bytes, source.bytes.len()).map_err(|problem| source.failed(problem))?;
    let (model, notes) = source.in_pickle(&heap, root, &Storages::Legacy(storages))?;
    Ok((model, Metadata::new(), notes))
}

/// A network in a pickle that Python wrote alone: arrays of NumPy, or tensors with their storages in them.
pub(crate) fn from_pickle(source: &Source<'_>) -> Result<Taken> {
    let (heap, root, _) = pickle::read(source.bytes).map_err(|error| {
        let reason = format!("byte {}: {}", error.position, error.reason);
        source.failed(of_another(source.bytes, &reason))
    })?;
    let (model, notes) = source.in_pickle(&heap, root, &Storages::None)?;
    Ok((model, Metadata::new(), notes))
}

/// The words for a pickle without PyTorch's mark that cannot be read. joblib writes the bytes of arrays between the pickle's opcodes.
fn of_another(bytes: &[u8], reason: &str) -> FileProblem {
    const JOBLIB: &[u8] = b"joblib.numpy_pickle";
    let found = match bytes.windows(JOBLIB.len()).any(|bytes| bytes == JOBLIB) {
        true => "a file of joblib".into(),
        false => format!(
            "a pickle that torch.save did not write, damaged or with more than a pickle in it ({reason})"
        ),
    };
    FileProblem::Kind { found, advice: SAVE.into() }
}
