//! The end of an epoch and of a run: validation, checkpoints, evaluation.

use std::collections::BTreeMap;
use std::time::Instant;

use adder_data::{EvaluationAddends, Labeled, Position};
use adder_model::Tally;

use super::Trainer;
use super::error::TrainError;
use crate::checkpoint::{self, BestEpoch, CheckpointName};
use crate::divergence::Divergence;
use crate::evaluation::{EvaluationError, EvaluationSet, EvaluationSplit, Report};
use crate::events::{EpochEvent, Event};
use crate::observer::Observer;
use crate::tta::Tta;

impl Trainer {
    /// Validates, records the epoch and writes the checkpoints.
    pub(super) fn finish_epoch(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let started = Instant::now();
        let images = self.images.split.validation();
        observer.on_evaluation(EvaluationSplit::Validation, images.len());
        let validation =
            self.images_as(EvaluationSplit::Validation, &self.data.train, images).evaluate(self.model());
        let epoch = self.state.position.epoch + 1;
        let validation = validation.map_err(|error| self.diverged("validation loss", epoch, error))?.metrics;
        let event = EpochEvent {
            epoch,
            step: self.state.steps,
            training: self.state.training.metrics(),
            validation,
            training_seconds: self.state.training_seconds,
            validation_seconds: started.elapsed().as_secs_f64(),
        };
        self.events.append(&Event::Epoch(event))?;

        let accuracy = validation.both.accuracy;
        let best = self.state.best.is_none_or(|best| accuracy > best.accuracy);
        if best {
            self.state.best = Some(BestEpoch { epoch, accuracy });
        }
        self.state.position = Position { epoch, step: 0 };
        self.state.training = Tally::default();
        self.state.training_seconds = 0.0;
        observer.on_epoch(&event, best);

        let facts = BTreeMap::from([
            ("epochs".to_owned(), epoch.to_string()),
            ("validation_accuracy_both".to_owned(), accuracy.to_string()),
        ]);
        // The best first: what is between the two is done again, with the same bits, if the machine stops here.
        if best {
            self.save(CheckpointName::Best, facts.clone(), observer)?;
        }
        self.save(CheckpointName::Last, facts, observer)
    }

    /// Evaluates once, in the end.
    pub(super) fn evaluate(&self, observer: &mut dyn Observer) -> Result<Report, TrainError> {
        let chosen = match self.config.training.evaluate {
            CheckpointName::Last => self.model().clone(),
            CheckpointName::Best => self.directory.model(CheckpointName::Best, &self.machine.device)?.0,
        };
        let images: &Labeled = &self.data.evaluation;
        observer.on_evaluation(EvaluationSplit::Evaluation, self.images.evaluation.len());
        let set = self.images_as(EvaluationSplit::Evaluation, images, &self.images.evaluation);
        let report = set.evaluate(&chosen);
        let epochs = self.config.training.epochs;
        let report = report.map_err(|error| self.diverged("evaluation loss", epochs, error))?;
        self.directory.write_evaluation(&report)?;
        observer.on_finish(&report);
        Ok(report)
    }

    pub(super) fn save(
        &mut self,
        name: CheckpointName,
        facts: BTreeMap<String, String>,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        // An infinite running variance hides from the loss, and no checkpoint that holds one can be loaded.
        for (name, tensor) in self.model().tensors() {
            let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                let epoch = self.state.steps.div_ceil(self.steps_per_epoch());
                let (what, value, step) = (format!("tensor `{name}`"), f64::from(value), self.state.steps);
                return Err(TrainError::NotFinite(Divergence { what, value, epoch, step }));
            }
        }
        // The events first, for a checkpoint counts those that are on the disk.
        self.events.sync()?;
        self.state.events = self.events.events();
        let folder = self.directory.checkpoint_path(name);
        // The best is not resumed from: events after it may be written again, with other times.
        let events = (name == CheckpointName::Last).then(|| self.events.checksum());
        checkpoint::save(&folder, &self.train_state, (&self.state, events), facts)?;
        observer.on_checkpoint(name, &folder);
        Ok(())
    }

    /// Images of `data` to evaluate on, each paired with the same addend every time.
    fn images_as<'a>(
        &self,
        split: EvaluationSplit,
        data: &'a Labeled,
        indices: &'a [u32],
    ) -> EvaluationSet<'a> {
        let addends = EvaluationAddends::Fixed { seed: self.config.seed };
        let held_out = self.config.data.held_out_pairs.pairs();
        EvaluationSet { split, data, indices, addends, held_out, tta: Tta::default() }
    }

    /// The place of the run, for a failure to validate or evaluate after `epoch`.
    fn diverged(&self, what: &'static str, epoch: u64, error: EvaluationError) -> TrainError {
        match error {
            EvaluationError::NotFinite { loss: value, .. } => {
                TrainError::NotFinite(Divergence { what: what.into(), value, epoch, step: self.state.steps })
            }
            other => other.into(),
        }
    }
}
