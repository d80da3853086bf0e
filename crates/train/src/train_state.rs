//! The state of a training: everything that its steps change.

use adder_model::IdentityAdder;

use crate::ema::Ema;
use crate::optimizer::Optimizer;

/// The network in training, the moving average of its weights if there is one, and the optimizer's memory.
#[derive(Debug)]
pub(crate) struct TrainState {
    pub(crate) model: IdentityAdder,
    pub(crate) ema: Option<Ema>,
    pub(crate) optimizer: Optimizer,
}

impl TrainState {
    /// The network to use: the average, if there is one.
    pub(crate) fn result(&self) -> &IdentityAdder {
        self.ema.as_ref().map_or(&self.model, Ema::model)
    }
}
