//! The course of a run.

use adder_train::events::{EpochEvent, Event, StepEvent};

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
        self.epochs.iter().map(|epoch| epoch.training_seconds + epoch.validation_seconds).sum()
    }

    /// The epoch with the best validation accuracy of both heads; of equals, the first.
    pub fn best(&self) -> Option<&EpochEvent> {
        let better = |best: Option<&EpochEvent>, epoch: &EpochEvent| {
            best.is_none_or(|best| epoch.validation.both.accuracy > best.validation.both.accuracy)
        };
        self.epochs.iter().fold(None, |best, epoch| if better(best, epoch) { Some(epoch) } else { best })
    }
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
