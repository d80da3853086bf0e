//! A network from a file of weights of any kind that is taken: our own, safetensors of others, and what PyTorch saves.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use adder_model::tensor_file::Metadata;
use adder_model::{IdentityAdder, weights};
use candle_core::Device;

use crate::error::FileProblem;
use crate::kind::Kind;
use crate::torch::{self, Source};
use crate::{Error, Result};

/// The largest file that is read: twice as long as the largest network's in double precision.
pub const MOST_BYTES: u64 = 2 << 30;

/// A network that was read from a file.
#[derive(Debug)]
pub struct Loaded {
    /// The network.
    pub model: IdentityAdder,
    /// What the file says of its training.
    pub facts: Metadata,
    /// What was done to find and to read the network, a sentence each without a point; none for a weights file of our own.
    pub notes: Vec<String>,
}

/// A network from a file whose kind is seen from its first bytes: a weights file of our own, another safetensors file, or what
/// `torch.save` writes, whole or as a part of it. No code in it is run. `key` leads to the network where more than one is there: the
/// keys to its dictionary and the prefix of its names, with points between them.
///
/// A file that does not say how the network is built holds the notebook's, of whatever widths.
///
/// # Errors
/// [`Error::File`] where the file can't be read or no network be taken from it, [`Error::Model`] for a weights file of our own that
/// is wrong.
pub fn load(path: &Path, key: Option<&str>, device: &Device) -> Result<Loaded> {
    let bytes =
        read(path).map_err(|problem| Error::File { path: path.into(), problem: Box::new(problem) })?;
    decode(&bytes, path, key, device)
}

/// As [`load`], from the bytes of a file; `path` names it in errors.
///
/// # Errors
/// As [`load`].
pub fn decode(bytes: &[u8], path: &Path, key: Option<&str>, device: &Device) -> Result<Loaded> {
    let source = Source { path, bytes, key, device };
    let failed = |problem| Error::File { path: path.into(), problem: Box::new(problem) };
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
        Kind::Other(found, advice) => {
            return Err(failed(FileProblem::Kind { found: found.into(), advice: advice.into() }));
        }
    };
    Ok(Loaded { model, facts, notes })
}

/// The bytes of a file, if they are no more than [`MOST_BYTES`] and there is room for them.
fn read(path: &Path) -> Result<Vec<u8>, FileProblem> {
    let unreadable = |error: std::io::Error| FileProblem::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(FileProblem::Unreadable("it is a folder; name a file in it".into()));
    }
    let too_large = |length: u64| {
        FileProblem::Unreadable(format!("it has {length} bytes, where at most {MOST_BYTES} are taken"))
    };
    if metadata.len() > MOST_BYTES {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    let no_room = |_| FileProblem::Unreadable(format!("there is no memory for its {} bytes", metadata.len()));
    bytes.try_reserve_exact(metadata.len() as usize).map_err(no_room)?;
    // A pipe has no length of its own.
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}
