//! Errors of exports and imports.

use std::path::PathBuf;

use adder_model::tensor_file::TensorProblem;

/// The result of an export or import.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An export or import that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such version of ONNX's operators here.
    #[error("--opset: expected {least} to {most}, found {found}")]
    Opset {
        /// The oldest that is written.
        least: i64,
        /// The newest that is written.
        most: i64,
        /// The version that was asked for.
        found: i64,
    },
    /// A file that no network could be taken from.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: Box<FileProblem>,
    },
    /// The network's parameters could not be read or set.
    #[error(transparent)]
    Model(#[from] adder_model::Error),
    /// The device could not be read.
    #[error(transparent)]
    Device(#[from] candle_core::Error),
    /// The file could not be built.
    #[error("the file could not be built: {0}")]
    Encode(#[from] safetensors::SafeTensorError),
}

/// The problem of a file that a network is to be taken from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// A file of another kind.
    #[error("expected a file of weights, safetensors or PyTorch's; found {found}{}", because(advice))]
    Kind {
        /// What it is.
        found: String,
        /// What to do; may be empty.
        advice: String,
    },
    /// One of several files that a network is spread over.
    #[error("it is shard {number} of {count}: {}; name {whole} instead", counted(*expected, *found))]
    Shard {
        /// Its number, from 1.
        number: usize,
        /// The number of all shards, as its name says.
        count: usize,
        /// The number of tensors that the index beside it names; nothing where no index is there.
        expected: Option<usize>,
        /// The number of tensors in this file, where it was counted.
        found: Option<usize>,
        /// What holds all of them: the index, or words for it.
        whole: String,
    },
    /// The index of shards says what cannot be, or what the shards do not hold.
    #[error("the index of its shards: {0}")]
    Index(String),
    /// There is no memory for the network.
    #[error("there is no memory for the {bytes} bytes of the network's values")]
    Memory {
        /// Bytes that were asked for.
        bytes: usize,
    },
    /// A zip archive that is damaged, or that PyTorch didn't write.
    #[error("the archive of a PyTorch file is damaged: {0}")]
    Archive(String),
    /// Bytes of an archive that are not those that were written.
    #[error(
        "the archive of a PyTorch file is damaged: `{entry}` has the checksum {found:08x} in place of {expected:08x}"
    )]
    Checksum {
        /// The archive's entry.
        entry: String,
        /// As the archive has it.
        expected: u32,
        /// Of the bytes that are there.
        found: u32,
    },
    /// A pickle that is damaged or goes beyond the reader's limits.
    #[error("the pickle of a PyTorch file cannot be read: byte {position}: {reason}")]
    Pickle {
        /// The byte of the pickle.
        position: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Nothing in the file has the names of the network's tensors.
    #[error(
        "no tensors of the network in it: expected names as `{expected}`; found {found}{}",
        because(advice)
    )]
    Nothing {
        /// A name that the network's tensors have.
        expected: String,
        /// What is there.
        found: String,
        /// What to do; may be empty.
        advice: String,
    },
    /// More than one network is in the file.
    #[error("{} networks are in it; choose one by `adder import` with {}", keys.len(), given(keys))]
    Several {
        /// The keys that choose one.
        keys: Vec<String>,
    },
    /// The key that was asked for leads to no network.
    #[error("--key {key}: expected {}, found no tensors of the network there", given(keys))]
    Key {
        /// As it was given.
        key: String,
        /// Those that would do.
        keys: Vec<String>,
    },
    /// `--key` was given for a weights file of our own, which has but one network.
    #[error("--key {0}: expected none, for this is a weights file of adder, which holds one network")]
    NoKey(String),
    /// Tensors that are not the network's.
    #[error("{problem}{}", because(advice))]
    Tensor {
        /// The first one.
        problem: TensorProblem,
        /// What is known beside it; may be empty.
        advice: String,
    },
    /// A tensor whose elements are not all in its storage.
    #[error("tensor `{name}`: expected {expected} bytes of its storage, found {found}")]
    Storage {
        /// The tensor.
        name: String,
        /// Bytes that its shape and strides reach.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// More values than a file of this length can be asked for.
    #[error("the network has {parameters} values, which the file's {bytes} bytes cannot hold")]
    Expanded {
        /// The values of the network that the shapes stand for.
        parameters: usize,
        /// The length of the file.
        bytes: usize,
    },
}

fn because(advice: &str) -> String {
    if advice.is_empty() { String::new() } else { format!("; {advice}") }
}

/// The tensors of a shard, in words.
fn counted(expected: Option<usize>, found: Option<usize>) -> String {
    let found = found.map(|found| format!("this file has {found}"));
    match (expected, found) {
        (Some(expected), Some(found)) => format!("the index names {expected} tensors, {found}"),
        (Some(expected), None) => format!("the index names {expected} tensors for all"),
        (None, Some(found)) => format!("{found} tensors, and no index of the shards is beside it"),
        (None, None) => "no index of the shards is beside it".into(),
    }
}

/// A key as a shell takes it.
fn quoted(key: &str) -> String {
    let plain =
        !key.is_empty() && key.chars().all(|letter| letter.is_alphanumeric() || "_.-".contains(letter));
    if plain { key.into() } else { format!("\"{}\"", key.replace(char::is_control, "\u{fffd}")) }
}

/// `--key a, --key b or --key c`.
fn given(keys: &[String]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("--key {}", quoted(key))).collect();
    match keys.as_slice() {
        [] => "none".into(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
