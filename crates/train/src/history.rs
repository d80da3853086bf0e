//! The course of a run.

use crate::checkpoint::CheckpointName;
use crate::config::TrainingConfig;
use crate::events::{EpochEvent, Event, StepEvent};

/// The events of a run, each kind by itself, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Every step.
    pub steps: Vec<StepEvent>,
    /// Every epoch.
    pub epochs: Vec<EpochEvent>,
}

impl History {
    /// Time spent in steps and in validation, in seconds.
    pub fn seconds(&self) -> f64 {
        total(self.epochs.iter().map(|epoch| epoch.training_seconds + epoch.validation_seconds))
    }

    /// Time spent in steps, in seconds.
    pub fn training_seconds(&self) -> f64 {
        total(self.epochs.iter().map(|epoch| epoch.training_seconds))
    }

    /// Whether a run with these epochs is over: all are done, or its patience is at an end.
    pub fn is_over(&self, training: &TrainingConfig) -> bool {
        training.is_over(self.epochs.len() as u64, self.best().map(|best| best.epoch))
    }

    /// The epoch whose weights the evaluation set sees, as [`TrainingConfig::evaluate`] says.
    pub fn evaluated_epoch(&self, training: &TrainingConfig) -> Option<&EpochEvent> {
        match training.evaluate {
            CheckpointName::Last => self.epochs.last(),
            CheckpointName::Best => self.best(),
        }
    }

    /// The epoch with the best validation accuracy of both heads; of equals, the first.
    pub fn best(&self) -> Option<&EpochEvent> {
        let better = |best: Option<&EpochEvent>, epoch: &EpochEvent| {
            best.is_none_or(|best| epoch.validation.both.accuracy > best.validation.both.accuracy)
        };
        self.epochs.iter().fold(None, |best, epoch| if better(best, epoch) { Some(epoch) } else { best })
    }
}

/// The sum of times. The standard library's sum of no numbers is -0.0, which a person would see.
fn total(seconds: impl Iterator<Item = f64>) -> f64 {
    seconds.fold(0.0, |total, seconds| total + seconds)
}

impl From<Vec<Event>> for History {
    fn from(events: Vec<Event>) -> Self {
        let mut history = Self::default();
        for event in events {
            match event {
                Event::Step(step) => history.steps.push(step),
                Event::Epoch(epoch) => history.epochs.push(epoch),
            }
        }
        history
    }
}

#[cfg(test)]
mod tests {
    use adder_model::{HeadMetrics, Metrics};

    use super::*;

    #[test]
    fn of_equally_good_epochs_the_first_is_best() {
        let epoch = |epoch: u64, accuracy: f64| {
            let head = HeadMetrics { loss: 1.0, accuracy: 0.0 };
            let training = Metrics { digit: head, sum: head, both: head };
            let validation = Metrics { both: HeadMetrics { accuracy, ..head }, ..training };
            let (training_seconds, validation_seconds) = (4.0, 1.5);
            EpochEvent { epoch, step: epoch, training, validation, training_seconds, validation_seconds }
        };
        let epochs = vec![epoch(1, 97.0), epoch(2, 98.5), epoch(3, 98.5), epoch(4, 98.0)];
        let history = History { steps: Vec::new(), epochs };
        assert_eq!(history.best().unwrap().epoch, 2);
        let evaluated = |evaluate| {
            let training = TrainingConfig { evaluate, ..TrainingConfig::default() };
            history.evaluated_epoch(&training).unwrap().epoch
        };
        assert_eq!([CheckpointName::Best, CheckpointName::Last].map(evaluated), [2, 4]);
        let over = |patience| history.is_over(&TrainingConfig { patience, ..TrainingConfig::default() });
        assert_eq!([0, 1, 2, 3].map(over), [false, true, true, false]);
        assert_eq!(history.seconds(), 22.0);
        assert_eq!(History::default().best(), None);
        assert!(History::default().seconds().is_sign_positive(), "a run of no epoch took 0 s, not -0 s");
    }
}
