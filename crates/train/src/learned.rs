//! All that a run has learned so far.

use adder_model::IdentityAdder;

use crate::average::Average;
use crate::config::Config;
use crate::optimizer::Optimizer;
use crate::trainer::TrainError;

/// The network in training, the average of its weights if there is one, and what the optimizer remembers.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) model: IdentityAdder,
    pub(crate) average: Option<Average>,
    pub(crate) optimizer: Optimizer,
}

impl Learned {
    /// What a run starts from.
    pub(crate) fn new(model: IdentityAdder, config: &Config) -> Result<Self, TrainError> {
        let optimizer = Optimizer::new(model.parameters(), config.optimizer)?;
        let decay = config.training.average_decay;
        let average = (decay > 0.0).then(|| Average::new(&model, decay)).transpose()?;
        Ok(Self { model, average, optimizer })
    }

    /// The network to use: the average, if there is one.
    pub(crate) fn result(&self) -> &IdentityAdder {
        self.average.as_ref().map_or(&self.model, Average::model)
    }
}
