//! A network from a file of weights of any kind that is taken: our own, safetensors of others, and what PyTorch saves.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use adder_model::tensor_file::Metadata;
use adder_model::{IdentityAdder, weights};
use candle_core::Device;

use crate::error::FileProblem;
use crate::kind::Kind;
use crate::torch::{self, Source};
use crate::{Error, Result, distributed, folder, sharded};

/// The largest file that is read: twice as long as the largest network's in double precision.
pub const MOST_BYTES: u64 = 2 << 30;

/// A network that was read from a file.
#[derive(Debug)]
pub struct Loaded {
    /// The file; in a folder the one that was taken.
    pub path: PathBuf,
    /// The network.
    pub model: IdentityAdder,
    /// What the file says of its training.
    pub facts: Metadata,
    /// What was done to find and to read the network, a sentence each without a point; none for a weights file of our own.
    pub notes: Vec<String>,
}

/// A network from a file whose kind is seen from its first bytes: a weights file of our own, another safetensors file, the index of
/// several with the shards beside it, or what `torch.save` writes, whole or as a part of it. No code in it is run. A folder stands for
/// the `model.safetensors` or the index in it. `key` leads to the network where more than one is there: the keys to its dictionary and
/// the prefix of its names, with points between them.
///
/// A file that does not say how the network is built holds the notebook's, of whatever widths.
///
/// # Errors
/// [`Error::File`] where the file can't be read or no network be taken from it, [`Error::Model`] for a weights file of our own that
/// is wrong.
pub fn load(path: &Path, key: Option<&str>, device: &Device) -> Result<Loaded> {
    let failed = |problem| Error::File { path: path.into(), problem: Box::new(problem) };
    if path.is_dir() {
        return load(&folder::file_in(path).map_err(failed)?, key, device);
    }
    if let Some(problem) = folder::part_of_unpacked(path) {
        return Err(failed(problem));
    }
    let bytes = read(path).map_err(failed)?;
    if Kind::of(&bytes) == Kind::Json
        && let Some(index) = sharded::Index::of(&bytes)
    {
        return from_shards(&index.map_err(failed)?, path, key, device);
    }
    decode(&bytes, path, key, device).map_err(|error| match error {
        // What speaks of other files is asked only where this one alone has no network.
        Error::File { path, problem } => {
            let part = distributed::part(&path, &bytes).or_else(|| sharded::alone(&path, &bytes, &problem));
            Error::File { problem: part.map_or(problem, Box::new), path }
        }
        error => error,
    })
}

/// As [`load`], from a stream that is read to its end; `path` names it in errors.
///
/// # Errors
/// As [`load`].
pub fn load_from(input: impl Read, path: &Path, key: Option<&str>, device: &Device) -> Result<Loaded> {
    let bytes = all_of(input, 0);
    let bytes = bytes.map_err(|problem| Error::File { path: path.into(), problem: Box::new(problem) })?;
    decode(&bytes, path, key, device)
}

/// As [`load`], from the bytes of a file; `path` names it in errors.
///
/// # Errors
/// As [`load`].
pub fn decode(bytes: &[u8], path: &Path, key: Option<&str>, device: &Device) -> Result<Loaded> {
    let source = Source { path, bytes, length: bytes.len(), key, device };
    let failed = |problem| Error::File { path: path.into(), problem: Box::new(problem) };
    let other = |found: &str, advice: &str| {
        Err(failed(FileProblem::Kind { found: found.into(), advice: advice.into() }))
    };
    let (model, facts, notes) = match Kind::of(bytes) {
        Kind::Safetensors if weights::is_own(bytes) && !torch::has_counts(bytes) => {
            if let Some(key) = key {
                return Err(failed(FileProblem::NoKey(key.into())));
            }
            let (model, facts) = weights::from_safetensors(bytes, path, device)?;
            (model, facts, Vec::new())
        }
        Kind::Safetensors => torch::from_safetensors(&source)?,
        Kind::Zip => torch::from_zip(&source)?,
        Kind::LegacyTorch => torch::from_legacy(&source)?,
        Kind::Pickle => torch::from_pickle(&source)?,
        Kind::Json if sharded::Index::of(bytes).is_some() => {
            return other("the index of shards without them", "name the index in the folder of its shards");
        }
        Kind::Json => {
            return other("a JSON text", "name the file of the weights, not the one that describes them");
        }
        Kind::Other(found, advice) => return other(found, advice),
    };
    Ok(Loaded { path: path.into(), model, facts, notes })
}

/// The network whose tensors an index finds in the shards beside it.
fn from_shards(index: &sharded::Index, path: &Path, key: Option<&str>, device: &Device) -> Result<Loaded> {
    let failed = |path: &Path, problem| Error::File { path: path.into(), problem: Box::new(problem) };
    let mut shards = Vec::new();
    let mut length = 0;
    for place in index.shards(path) {
        let bytes = read(&place).map_err(|problem| failed(&place, problem))?;
        length += bytes.len();
        if length as u64 > MOST_BYTES {
            let words = format!("its shards have more than the {MOST_BYTES} bytes that are taken");
            return Err(failed(path, FileProblem::Unreadable(words)));
        }
        shards.push((place, bytes));
    }
    let opened = shards.iter().map(|(place, bytes)| sharded::open(place, bytes));
    let opened = opened.collect::<Result<Vec<_>>>()?;
    let (metadata, views) = index.views(&opened).map_err(|problem| failed(path, problem))?;
    let source = Source { path, bytes: &[], length, key, device };
    let (model, facts, mut notes) = torch::from_views(&source, &metadata, views)?;
    notes.insert(0, format!("put {} shards together", shards.len()));
    Ok(Loaded { path: path.into(), model, facts, notes })
}

/// The bytes of a file, if they are no more than [`MOST_BYTES`] and there is room for them.
fn read(path: &Path) -> Result<Vec<u8>, FileProblem> {
    let unreadable = |error: std::io::Error| FileProblem::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(FileProblem::Unreadable("it is a folder".into()));
    }
    all_of(file, metadata.len())
}

/// All bytes of a stream, of which `length` are expected. A pipe has no length of its own.
fn all_of(input: impl Read, length: u64) -> Result<Vec<u8>, FileProblem> {
    let too_large = |length: u64| {
        FileProblem::Unreadable(format!("it has {length} bytes, where at most {MOST_BYTES} are taken"))
    };
    if length > MOST_BYTES {
        return Err(too_large(length));
    }
    let mut bytes = Vec::new();
    let no_room = |_| FileProblem::Unreadable(format!("there is no memory for its {length} bytes"));
    bytes.try_reserve_exact(length as usize).map_err(no_room)?;
    let read = input.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| FileProblem::Unreadable(error.to_string()))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}
