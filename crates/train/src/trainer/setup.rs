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
use crate::run_directory::{NewRun, RunDirectory};

/// A training of `config` before its first step.
fn train_state(config: &Config, machine: &Machine) -> Result<TrainState, TrainError> {
    let model = machine.new_model(config)?;
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
        let images = RunImages::new(&config, &data, split)?;
        let train_state = train_state(&config, &machine)?;
        let environment = Environment { sessions: vec![Session::now(0, &machine)] };
        let state = LoopState::default();
        let (directory, lock) = place.begin(|run| -> Result<(), TrainError> {
            run.write_environment(&environment)?;
            run.write_split(&images.split)?;
            run.write_data(&DataRecord::new(&data))?;
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
        let lock: File = directory.lock()?;
        adopt_data(&directory, &data)?;
        let config = directory.config()?;
        let images = RunImages::new(&config, &data, Some(directory.split()?))?;
        let mut train_state = train_state(&config, &machine)?;
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
        trainer.check_state()?;
        trainer.directory.forget_divergence()?;
        trainer.directory.write_environment(&environment)?;
        Ok(trainer)
    }

    /// Whether the state can be one of this run.
    fn check_state(&self) -> Result<(), TrainError> {
        let LoopState { position: Position { epoch, step }, steps, training, .. } = self.state;
        let (epochs, steps_per_epoch) = (self.config.training.epochs, self.steps_per_epoch());
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
        if self.is_over() && self.directory.evaluation()?.is_some() {
            return Err(TrainError::Finished { path: self.directory.path().to_owned(), epochs: epoch });
        }
        Ok(())
    }
}
