//! Checkpoints: everything that a run needs to resume with the same bits, in one folder that is replaced whole.
//!
//! | file | holds |
//! | --- | --- |
//! | `model.safetensors` | the weights and running statistics to use, as `adder_model::weights` documents them |
//! | `raw.safetensors` | with an average, which then is the one to use: those that training resumes from |
//! | `optimizer.safetensors` | the optimizer's memory of each parameter |
//! | `state.json` | a [`LoopState`] |
//! | `checksums.json` | the checksums of these, and in `last/` of the events up to here, see [`manifest`](crate::manifest) |
//!
//! There is no generator to save: every draw is a function of the seed and the position.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use adder_data::Position;
use adder_model::tensor_file::{self, TensorFileError};
use adder_model::{IdentityAdder, Tally};
use adder_nn::optim::{AnyOptimizer, Ema};
use serde::{Deserialize, Serialize};

use crate::files::{self, FileError};
use crate::manifest::{Checksum, MANIFEST, Manifest, ManifestError};

/// The version of `state.json` that this code writes and reads.
const VERSION: u32 = 1;
/// The key of the metadata that ties the three files together: a checkpoint of before has no manifest.
const STEPS: &str = "steps";

pub(crate) const MODEL_FILE: &str = "model.safetensors";
const RAW_FILE: &str = "raw.safetensors";
const OPTIMIZER_FILE: &str = "optimizer.safetensors";
const STATE_FILE: &str = "state.json";

/// The checkpoints that a run keeps, by their folders' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointName {
    /// The newest state: where the run resumes.
    Last,
    /// After the epoch with the best validation accuracy of both heads; the earlier of two that are equal.
    Best,
}

impl CheckpointName {
    /// The folder's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Best => "best",
        }
    }
}

impl fmt::Display for CheckpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The state of a training, which its steps change: the network, the moving average of its weights if there is one, and the
/// optimizer's memory.
#[derive(Debug)]
pub(crate) struct TrainState {
    pub(crate) model: IdentityAdder,
    pub(crate) averaged: Option<AveragedModel>,
    pub(crate) optimizer: Box<dyn AnyOptimizer>,
}

/// A network whose weights and running statistics are the averages of another's.
#[derive(Debug)]
pub(crate) struct AveragedModel {
    model: IdentityAdder,
    pub(crate) ema: Ema,
}

impl AveragedModel {
    /// The average of a network, which starts as `model` is.
    pub(crate) fn new(model: &IdentityAdder, decay: f64) -> Result<Self, adder_model::Error> {
        let copy = model.copied()?;
        let ema = Ema::with_averages(&model.state(), copy.state(), decay)?;
        Ok(Self { model: copy, ema })
    }
}

impl TrainState {
    /// The network to use: the average, if there is one.
    pub(crate) fn result(&self) -> &IdentityAdder {
        self.averaged.as_ref().map_or(&self.model, |averaged| &averaged.model)
    }
}

/// The state of the training loop: the file `state.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoopState {
    /// Version of this file.
    pub version: u32,
    /// The next step: epochs that are done, and steps of the epoch that are done.
    pub position: Position,
    /// Steps of the run that are done.
    pub steps: u64,
    /// Lines of `events.jsonl` that belong to them.
    pub events: u64,
    /// The tally of the epoch's batches so far.
    pub training: Tally,
    /// Time spent in them.
    pub training_seconds: f64,
    /// The best epoch so far.
    pub best: Option<BestEpoch>,
}

/// The epoch whose weights did best in validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestEpoch {
    /// Counted from 1.
    pub epoch: u64,
    /// Validation pairs of which both heads are right, in percent.
    pub accuracy: f64,
}

impl Default for LoopState {
    fn default() -> Self {
        Self {
            version: VERSION,
            position: Position { epoch: 0, step: 0 },
            steps: 0,
            events: 0,
            training: Tally::default(),
            training_seconds: 0.0,
            best: None,
        }
    }
}

/// A checkpoint that cannot be written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The run has no such checkpoint.
    #[error("{0}: no checkpoint is here")]
    Missing(PathBuf),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what was written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The weights are not those of this network.
    #[error(transparent)]
    Model(Box<adder_model::Error>),
    /// The optimizer's state could not be taken from the device.
    #[error(transparent)]
    Optimizer(#[from] candle_core::Error),
    /// The optimizer's state is not that of this network.
    #[error(transparent)]
    OptimizerFile(Box<TensorFileError>),
    /// `state.json` is not one, or not whole.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        message: String,
    },
    /// A value cannot be, or does not fit the other files.
    #[error("{path}: {field}: expected {expected}, found {found}")]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        field: &'static str,
        /// The values that it may hold.
        expected: String,
        /// The value that it holds.
        found: String,
    },
}

// Both boxed: on the stack they would make every result of a run as large.
impl From<adder_model::Error> for CheckpointError {
    fn from(error: adder_model::Error) -> Self {
        Self::Model(Box::new(error))
    }
}

impl From<TensorFileError> for CheckpointError {
    fn from(error: TensorFileError) -> Self {
        Self::OptimizerFile(Box::new(error))
    }
}

/// Writes the checkpoint `folder`, all of it or nothing. `facts` go into the metadata of the weights; `events` is the checksum of the
/// events up to here, where the run resumes from this checkpoint.
pub(crate) fn save(
    folder: &Path,
    train_state: &TrainState,
    (state, events): (&LoopState, Option<Checksum>),
    mut facts: BTreeMap<String, String>,
) -> Result<(), CheckpointError> {
    let steps = (STEPS.to_owned(), state.steps.to_string());
    facts.extend([steps.clone()]);
    let steps = BTreeMap::from([steps]);
    let model = train_state.result().to_safetensors(&facts)?;
    let raw = train_state.averaged.as_ref().map(|_| train_state.model.to_safetensors(&steps)).transpose()?;
    let optimizer = tensor_file::encode(&train_state.optimizer.state(), &steps)?;
    let mut json = serde_json::to_string_pretty(state).expect("a state is numbers under fixed names");
    json.push('\n');
    let mut files =
        vec![(MODEL_FILE, &model[..]), (OPTIMIZER_FILE, &optimizer), (STATE_FILE, json.as_bytes())];
    files.extend(raw.as_ref().map(|raw| (RAW_FILE, &raw[..])));
    let manifest = Manifest::new(files.iter().copied()).with_events(events).to_json();
    files.push((MANIFEST, manifest.as_bytes()));
    Ok(files::replace_folder(folder, &files)?)
}

/// Reads the checkpoint `folder` into `train_state` and returns where the loop is, and the checksum of the events up to there.
pub(crate) fn load(
    folder: &Path,
    train_state: &mut TrainState,
) -> Result<(LoopState, Option<Checksum>), CheckpointError> {
    let folder = locate(folder)?;
    let manifest = Manifest::read(&folder)?;
    if let Some(manifest) = &manifest {
        manifest.check_all(&folder)?;
    }
    let state = read_state(&folder)?;
    let load = |model: &IdentityAdder, file: &str| {
        let path = folder.join(file);
        let metadata = model.load_safetensors(&read_checked(&path)?, &path)?;
        check_steps(&path, &metadata, state.steps)
    };
    load(train_state.result(), MODEL_FILE)?;
    if train_state.averaged.is_some() {
        load(&train_state.model, RAW_FILE)?;
    }
    let path = folder.join(OPTIMIZER_FILE);
    let metadata = tensor_file::decode_into(&train_state.optimizer.state(), &read_checked(&path)?, &path)?;
    check_steps(&path, &metadata, state.steps)?;
    train_state.optimizer.set_steps(state.steps);
    Ok((state, manifest.and_then(|manifest| manifest.events)))
}

/// The bytes of a file of a checkpoint, held to the manifest beside it if there is one.
pub(crate) fn read_checked(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let bytes = files::read(path)?;
    let (folder, name) = (files::parent(path), path.file_name().unwrap_or_default().to_string_lossy());
    if let Some(manifest) = Manifest::read(folder)? {
        manifest.check(folder, &name, &bytes)?;
    }
    Ok(bytes)
}

/// Holds a file of weights to the manifest of the checkpoint that it lies in. A file that lies in none, as those of others do, is
/// taken as it is.
///
/// # Errors
/// [`CheckpointError::Manifest`] where it was changed since it was written.
pub fn check_weights(path: &Path) -> Result<(), CheckpointError> {
    let is_of_checkpoint = path.file_name().is_some_and(|name| name == MODEL_FILE || name == RAW_FILE)
        && files::parent(path).join(STATE_FILE).is_file();
    if is_of_checkpoint { read_checked(path).map(drop) } else { Ok(()) }
}

/// Holds every file of the checkpoint `folder` to its manifest, if they are there.
pub(crate) fn check(folder: &Path) -> Result<(), CheckpointError> {
    let Ok(folder) = locate(folder) else { return Ok(()) };
    match Manifest::read(&folder)? {
        Some(manifest) => Ok(manifest.check_all(&folder)?),
        None => Ok(()),
    }
}

/// The checksum of the events that the checkpoint `folder` knows of; `None` where nothing says it.
pub(crate) fn events(folder: &Path) -> Result<Option<Checksum>, CheckpointError> {
    let Ok(folder) = locate(folder) else { return Ok(None) };
    Ok(Manifest::read(&folder)?.and_then(|manifest| manifest.events))
}

/// The place of the checkpoint, even if its writing was interrupted.
pub(crate) fn locate(folder: &Path) -> Result<PathBuf, CheckpointError> {
    files::locate_folder(folder).ok_or_else(|| CheckpointError::Missing(folder.to_owned()))
}

pub(crate) fn read_state(folder: &Path) -> Result<LoopState, CheckpointError> {
    let path = folder.join(STATE_FILE);
    let text = files::read_text(&path)?;
    let malformed = |error: serde_json::Error| CheckpointError::Syntax {
        path: path.clone(),
        message: files::json_problem(text.as_bytes(), &error),
    };
    // The version first: another version may have other fields.
    let version = serde_json::from_str::<serde_json::Value>(&text).map_err(malformed)?["version"].clone();
    let wrong = |field, expected: String, found: String| CheckpointError::Value {
        path: path.clone(),
        field,
        expected,
        found,
    };
    if version != VERSION {
        return Err(wrong("version", VERSION.to_string(), version.to_string()));
    }
    let state: LoopState = serde_json::from_str(&text).map_err(malformed)?;
    let seconds = state.training_seconds;
    if !(0.0..f64::INFINITY).contains(&seconds) {
        return Err(wrong("training_seconds", "a time".into(), seconds.to_string()));
    }
    Ok(state)
}

/// A folder put together from two checkpoints would resume without a word and end with other bits.
fn check_steps(path: &Path, metadata: &BTreeMap<String, String>, steps: u64) -> Result<(), CheckpointError> {
    let expected = steps.to_string();
    let found = metadata.get(STEPS);
    if found == Some(&expected) {
        return Ok(());
    }
    Err(CheckpointError::Value {
        path: path.to_owned(),
        field: "metadata `steps`",
        expected: format!("{expected}, as in {STATE_FILE}"),
        found: found.cloned().unwrap_or_else(|| "nothing".into()),
    })
}

#[cfg(test)]
mod tests {
    use adder_model::ModelConfig;
    use adder_random::{Purpose, Stream};
    use candle_core::{Device, Tensor};

    use super::*;

    fn fill(model: &IdentityAdder, value: f32) {
        for (_, var) in model.state() {
            var.set(&Tensor::full(value, var.shape(), &Device::Cpu).unwrap()).unwrap();
        }
    }

    #[test]
    fn the_average_is_a_network_of_its_own_with_weights_and_statistics() {
        let model = IdentityAdder::new(&ModelConfig::default(), 1, &Device::Cpu).unwrap();
        fill(&model, 1.0);
        let averaged = AveragedModel::new(&model, 0.5).unwrap();
        fill(&model, 11.0);
        for expected in [1.0, 10.0] {
            for (name, var) in averaged.model.state() {
                for found in var.flatten_all().unwrap().to_vec1::<f32>().unwrap() {
                    assert!((found - expected).abs() < 1e-5, "{name}: {found} is not {expected}");
                }
            }
            // The decay of the first step is 0.1.
            averaged.ema.update(0).unwrap();
        }
    }

    #[test]
    fn a_state_comes_back_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let mut stream = Stream::new(1, Purpose::Test, 0, 0);
        for _ in 0..1000 {
            // Any bits of a number of the usual sizes, as sums of losses have them.
            let mut number =
                || f64::from(stream.next_u32()) / f64::from(stream.next_u32() | 1) + f64::EPSILON;
            let training = Tally { digit_loss: number(), sum_loss: number(), ..Tally::default() };
            let state = LoopState {
                training,
                training_seconds: number(),
                best: Some(BestEpoch { epoch: 3, accuracy: number() }),
                ..LoopState::default()
            };
            std::fs::write(folder.path().join(STATE_FILE), serde_json::to_string(&state).unwrap()).unwrap();
            assert_eq!(read_state(folder.path()).unwrap(), state);
        }
    }
}
