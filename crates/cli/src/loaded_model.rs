//! The trained network that a command uses.

use std::io::stdin;
use std::path::{Path, PathBuf};

use adder_data::{Dataset, PairSet, Source, Split};
use adder_export::weights_file::{self, Loaded};
use adder_model::tensor_file::Metadata;
use adder_model::{IdentityAdder, counted};
use adder_train::checkpoint::check_weights;
use adder_train::{CheckpointName, Config, RunDirectory, RunError, adopt_data};
use anyhow::Result;
use candle_core::Device;

use crate::args::{CheckpointChoice, OrientationArgs, RUNS};
use crate::context::Context;
use crate::error::UsageError;
use crate::output::{escaped, say, shown};
use crate::pictures::is_stdin;
use crate::run_data::{remember_moved, with_hint};
use crate::run_name::{WORDS, place_of_run};
use crate::suggestion;

/// The name of the weights inside the program.
const BUILT_IN: &str = "pretrained";

/// A network and, where it comes from a run, the run.
pub(crate) struct LoadedModel {
    /// The weights file.
    pub(crate) path: PathBuf,
    pub(crate) model: IdentityAdder,
    /// The facts of its training that the file holds.
    pub(crate) facts: Metadata,
    run: Option<RunDirectory>,
}

/// The data that a network is measured on.
pub(crate) struct Measured {
    pub(crate) dataset: Dataset,
    /// The images of the evaluation set.
    pub(crate) evaluation: Vec<u32>,
    split: Option<Split>,
    /// The pairs of a digit and an addend that the run never trained on.
    pub(crate) held_out: PairSet,
    /// The seed of the fixed addends.
    pub(crate) seed: u64,
}

impl LoadedModel {
    /// What a command line names: a run, as [`place_of_run`] finds it, a weights file of any kind that `adder import` takes, a folder with one, `-` for one
    /// on standard input, or, by the name [`BUILT_IN`], the weights inside the program. Without a path, the newest run and, where
    /// there is none, the weights inside the program.
    pub(crate) fn open(path: Option<&Path>, checkpoint: CheckpointChoice, context: &Context) -> Result<Self> {
        let device = &context.device;
        let loaded = match path {
            Some(path) => Self::named(path, None, checkpoint, device, context.quiet)?,
            None => match RunDirectory::newest(Path::new(RUNS)) {
                Ok(run) => Self::from_run(run, checkpoint, device, context.quiet)?,
                Err(error) => Self::built_in(device).map_err(|_| error)?,
            },
        };
        let model = loaded.model.with_backend(context.backend())?;
        Ok(Self { model, ..loaded })
    }

    /// The same of a path. `key` leads to the network in a file of several.
    pub(crate) fn named(
        path: &Path,
        key: Option<&str>,
        checkpoint: CheckpointChoice,
        device: &Device,
        quiet: bool,
    ) -> Result<Self> {
        if is_stdin(path) {
            let input = stdin().lock();
            let loaded = weights_file::load_from(input, Path::new("standard input"), key, device)?;
            return Ok(Self::from_file(loaded, quiet));
        }
        if path == Path::new(BUILT_IN) && !path.exists() {
            return Self::built_in(device);
        }
        let path = &place_of_run(path)?;
        match path.is_dir().then(|| RunDirectory::open(path)) {
            None | Some(Err(RunError::NotARun(_))) => {
                let load = || -> Result<Loaded> {
                    check_weights(path)?;
                    Ok(weights_file::load(path, key, device)?)
                };
                let loaded = load()
                    .map_err(|error| suggestion::of_name(error, path, &[&WORDS[..], &[BUILT_IN]].concat()))?;
                Ok(Self::from_file(loaded, quiet))
            }
            Some(run) if key.is_none() => Self::from_run(run?, checkpoint, device, quiet),
            Some(_) => Err(UsageError("--key is for files; a run directory has one network".into()).into()),
        }
    }

    /// What was done to find a network in another's file is said.
    fn from_file(loaded: Loaded, quiet: bool) -> Self {
        let Loaded { path, model, facts, notes } = loaded;
        if !quiet && !notes.is_empty() {
            say(format_args!("note: {}", notes.join("; ")));
        }
        Self { path, model, facts, run: None }
    }

    fn from_run(
        run: RunDirectory,
        checkpoint: CheckpointChoice,
        device: &Device,
        quiet: bool,
    ) -> Result<Self> {
        let path = run.weights(name(checkpoint))?;
        let (model, facts) = run.model(name(checkpoint), device)?;
        if let Some(divergence) = run.divergence()?
            && !quiet
        {
            let weights = path.display();
            say(format_args!("warning: this run diverged: {divergence}; {weights} is from before"));
        }
        Ok(Self { path, model, facts, run: Some(run) })
    }

    #[cfg(feature = "pretrained")]
    fn built_in(device: &Device) -> Result<Self> {
        let (model, facts) = IdentityAdder::pretrained(device)?;
        Ok(Self { path: BUILT_IN.into(), model, facts, run: None })
    }

    #[cfg(not(feature = "pretrained"))]
    fn built_in(_: &Device) -> Result<Self> {
        anyhow::bail!("no weights are in this program: it was built without the feature `pretrained`")
    }

    /// The weights in words, for a person who did not name them: their file and, as far as it is known, what they reached in
    /// validation, on how many images of which data, beside the weights inside the program.
    pub(crate) fn described(&self) -> String {
        let file = shown(&self.path);
        let Some(accuracy) = validation_accuracy(&self.facts) else { return file };
        let data = self.run.as_ref().and_then(|run| Some((run.split().ok()?, run.config().ok()?.data)));
        let of_data = data.and_then(|(split, data)| {
            let images = data.limited_split(split).ok()?.validation().len() as u64;
            Some(format!(", {} of {}", counted(images, "image"), escaped(&data.source.to_string())))
        });
        let own = format!("{file}: validation both {accuracy:.2} %{}", of_data.unwrap_or_default());
        let built_in = self.run.as_ref().and_then(|_| Self::built_in(&Device::Cpu).ok());
        match built_in.and_then(|built_in| validation_accuracy(&built_in.facts)) {
            Some(accuracy) => format!("{own}; `{BUILT_IN}` has {accuracy:.2} %"),
            None => own,
        }
    }

    /// The data as the run had it, unless `source`, `orientation` or `limit` say otherwise; the embedded one for a mere weights
    /// file. Of what is given by a word, such as `embedded`, it is known which way its images lie.
    pub(crate) fn data(
        &self,
        source: Option<&str>,
        orientation: OrientationArgs,
        limit: Option<u32>,
        context: &Context,
    ) -> Result<Measured> {
        let config = self.run.as_ref().map_or_else(|| Ok(Config::default()), RunDirectory::config)?;
        let mut data = config.data;
        let recorded = data.source.clone();
        if let Some(source) = source {
            data.source = source.parse()?;
            let is_path = matches!(data.source, Source::Directory(_));
            (data.transpose, data.invert) = (data.transpose && is_path, data.invert && is_path);
        }
        data.transpose = orientation.transpose.unwrap_or(data.transpose);
        data.invert = orientation.invert.unwrap_or(data.invert);
        data.limit = limit.map_or(data.limit, |limit| limit as usize);
        let loaded = context.load_checked(&data);
        let dataset = match source {
            Some(_) => loaded?,
            None => loaded.map_err(|error| with_hint(error, &recorded))?,
        };
        if self.run.is_some() && dataset.origin != recorded && !context.quiet {
            say(format_args!("data: {}; the run was trained on {recorded}", dataset.origin));
        }
        let as_recorded = orientation.transpose.is_none() && orientation.invert.is_none();
        match (&self.run, source) {
            (Some(run), Some(_)) => remember_moved(run, &dataset)?,
            // A relative path means another folder elsewhere, and a folder may have changed.
            (Some(run), None) if as_recorded => {
                adopt_data(run, &dataset)?;
            }
            _ => {}
        }
        let evaluation = data.limited(dataset.evaluation.indices());
        let split = self.run.as_ref().map(RunDirectory::split).transpose()?;
        let split = split.map(|split| data.limited_split(split)).transpose()?;
        let held_out = data.held_out_pairs.pairs();
        Ok(Measured { dataset, evaluation, split, held_out, seed: config.seed })
    }
}

impl Measured {
    /// The images held back for validation, which only a run knows.
    pub(crate) fn validation(&self) -> Result<&[u32]> {
        let unknown =
            "--split val needs a run directory: a weights file does not say which images were held back";
        let split = self.split.as_ref().ok_or_else(|| UsageError(unknown.into()))?;
        split.check(&self.dataset.train)?;
        Ok(split.validation())
    }
}

/// The accuracy of both heads in validation, in percent, that a file of weights says of itself.
fn validation_accuracy(facts: &Metadata) -> Option<f64> {
    facts.get("validation_accuracy_both")?.parse().ok().filter(|accuracy: &f64| accuracy.is_finite())
}

fn name(choice: CheckpointChoice) -> CheckpointName {
    match choice {
        CheckpointChoice::Last => CheckpointName::Last,
        CheckpointChoice::Best => CheckpointName::Best,
    }
}
