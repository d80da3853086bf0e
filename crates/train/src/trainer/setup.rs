//! The start of a run: a new one, or one that resumes.

use std::fs::File;

use adder_data::{Dataset, Position, Split};

use super::Trainer;
use super::error::TrainError;
use crate::checkpoint::{self, AveragedModel, CheckpointName, LoopState, TrainState};
use crate::config::Config;
use crate::data_place::adopt_data;
use crate::data_record::DataRecord;
use crate::environment::{Environment, Machine, Session};
use crate::events::EventLog;
use crate::images::RunImages;
use crate::origin::InitialWeights;
use crate::run_directory::{NewRun, RunDirectory};

/// A training of `config` before its first step, from `initial` weights or drawn ones.
fn train_state(
    config: &Config,
    machine: &Machine,
    initial: Option<&InitialWeights>,
) -> Result<TrainState, TrainError> {
    let model = machine.new_model(config)?;
    if let Some(initial) = initial {
        initial.load_into(&model)?;
    }
    let optimizer = config.optimizer.build(model.parameters())?;
    let decay = config.training.ema_decay;
    let averaged = (decay > 0.0).then(|| AveragedModel::new(&model, decay)).transpose()?;
    Ok(TrainState { model, averaged, optimizer })
}

impl Trainer {
    /// Starts a run in a place from [`RunDirectory::create`]. The run appears there whole, with its configuration, split, environment
    /// and first checkpoint, or not at all. Without a `split`, the seed draws one.
    ///
    /// # Errors
    /// Where the data do not fit the configuration or the directory cannot be written.
    pub fn start(
        place: NewRun,
        config: Config,
        data: Dataset,
        split: Option<Split>,
        machine: Machine,
    ) -> Result<Self, TrainError> {
        Self::start_from(place, config, data, split, machine, None)
    }

    /// The same from `initial` weights in place of drawn ones, which the run's [`Origin`](crate::Origin) records. The optimizer and
    /// the schedule begin anew.
    ///
    /// # Errors
    /// As [`start`](Self::start); [`TrainError::Model`] where they are of another network than the configuration's.
    pub fn start_from(
        place: NewRun,
        config: Config,
        data: Dataset,
        split: Option<Split>,
        machine: Machine,
        initial: Option<&InitialWeights>,
    ) -> Result<Self, TrainError> {
        let images = RunImages::new(&config, &data, split)?;
        let train_state = train_state(&config, &machine, initial)?;
        let environment = Environment { sessions: vec![Session::now(0, &machine)] };
        let state = LoopState::default();
        let (directory, lock) = place.begin(|run| -> Result<(), TrainError> {
            run.write_environment(&environment)?;
            run.write_split(&images.split)?;
            run.write_data(&DataRecord::new(&data))?;
            if let Some(initial) = initial {
                run.write_origin(&initial.origin())?;
            }
            run.write_config(&config)?;
            run.write_checksums()?;
            let events = EventLog::open(&run.events_path(), 0, None)?;
            events.sync()?;
            let folder = run.checkpoint_path(CheckpointName::Last);
            checkpoint::save(&folder, &train_state, (&state, Some(events.checksum())), Default::default())?;
            Ok(())
        })?;
        let events = EventLog::open(&directory.events_path(), 0, None)?;
        let targets = None;
        Ok(Self {
            directory,
            config,
            machine,
            data,
            images,
            train_state,
            targets,
            state,
            events,
            _lock: lock,
        })
    }

    /// Resumes a run from its last checkpoint, with the configuration and the split that it was started with. Data that were moved
    /// since are taken where they are, and the run remembers the place.
    ///
    /// # Errors
    /// [`TrainError::Finished`] where nothing is left to do; [`TrainError::OtherData`] where the data are not those that
    /// it was started on; otherwise where the checkpoint or the run is missing, broken or changed, or another
    /// program trains here.
    pub fn resume(directory: RunDirectory, data: Dataset, machine: Machine) -> Result<Self, TrainError> {
        Self::resume_until(directory, data, machine, None)
    }

    /// The same with another number of epochs in all, if it is given: how a finished run goes on. From here on the run is one of so
    /// many epochs: its schedule's course, and the epochs without augmentation at the end, are those of the longer run. Its teachers
    /// stay as they are. Its evaluation, its report and what else was measured of it are deleted, since they are of the shorter run.
    ///
    /// # Errors
    /// As [`resume`](Self::resume); [`TrainError::Epochs`] where more were done than are asked for;
    /// [`TrainError::Finished`] also where the run's patience ended it.
    pub fn resume_until(
        directory: RunDirectory,
        data: Dataset,
        machine: Machine,
        epochs: Option<u64>,
    ) -> Result<Self, TrainError> {
        let lock: File = directory.lock()?;
        adopt_data(&directory, &data)?;
        let before = directory.config()?;
        let config = epochs.map_or_else(|| before.clone(), |epochs| before.with_epochs(epochs));
        let images = RunImages::new(&config, &data, Some(directory.split()?))?;
        let mut train_state = train_state(&config, &machine, None)?;
        let folder = directory.checkpoint_path(CheckpointName::Last);
        let (state, known) = checkpoint::load(&folder, &mut train_state)?;
        checkpoint::check(&directory.checkpoint_path(CheckpointName::Best))?;
        let mut environment = directory.environment()?;
        environment.sessions.push(Session::now(state.steps, &machine));
        let events = EventLog::open(&directory.events_path(), state.events, known)?;
        let targets = None;
        let trainer = Self {
            directory,
            config,
            machine,
            data,
            images,
            train_state,
            targets,
            state,
            events,
            _lock: lock,
        };
        trainer.check_state(&before)?;
        if trainer.config != before {
            trainer.directory.forget_results()?;
            trainer.directory.write_config(&trainer.config)?;
        }
        trainer.directory.forget_divergence()?;
        trainer.directory.write_environment(&environment)?;
        Ok(trainer)
    }

    /// Whether the state can be one of this run, whose configuration was `before`.
    fn check_state(&self, before: &Config) -> Result<(), TrainError> {
        let LoopState { position: Position { epoch, step }, steps, training, .. } = self.state;
        let (epochs, steps_per_epoch) = (before.training.epochs, self.steps_per_epoch());
        let check = |holds: bool, field, expected: String, found: u64| match holds {
            true => Ok(()),
            false => {
                let path = self.directory.checkpoint_path(CheckpointName::Last);
                Err(TrainError::Position { path, field, expected, found: found.to_string() })
            }
        };
        check(epoch <= epochs, "position.epoch", format!("0 to {epochs}"), epoch)?;
        let most = if epoch == epochs { 0 } else { self.batches_per_epoch() - 1 };
        check(step <= most, "position.step", format!("0 to {most}"), step)?;
        let together = self.config.training.accumulation;
        check(step % together == 0, "position.step", format!("a multiple of {together}"), step)?;
        let expected = epoch * steps_per_epoch + step / together;
        check(steps == expected, "steps", format!("{expected}, as the position says"), steps)?;
        let pairs_of_batch = self.config.training.batch_size * self.config.data.addends_per_image;
        let expected = step * pairs_of_batch as u64;
        check(
            training.pairs == expected,
            "training.pairs",
            format!("{expected}, as the position says"),
            training.pairs,
        )?;
        let asked = self.config.training.epochs;
        if asked < epoch || (asked == epoch && step > 0) {
            let path = self.directory.path().to_owned();
            return Err(TrainError::Epochs { path, done: epoch, asked });
        }
        if self.is_over() && self.directory.evaluation()?.is_some() {
            return Err(TrainError::Finished { path: self.directory.path().to_owned(), epochs: epoch });
        }
        Ok(())
    }
}
