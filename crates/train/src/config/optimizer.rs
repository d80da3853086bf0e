//! The section `[optimizer]`.

use adder_nn::optim::{
    AdamW, AnyOptimizer, Muon, OptimizerError, Parameter, ParamsAdamW, ParamsMuon, ParamsSGD, SGD,
};
use serde::{Deserialize, Serialize};

use crate::range::{Invalid, check};

/// The rule that turns gradients into steps, and its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimizerConfig {
    /// The rule.
    pub kind: OptimizerKind,
    /// The rate that the schedule's factor multiplies.
    pub learning_rate: f64,
    /// SGD and Muon: how much of the last step's velocity stays.
    pub momentum: f64,
    /// SGD and Muon: whether the step looks ahead along the new velocity.
    pub nesterov: bool,
    /// AdamW: how much of the running means of the gradient and of its square stays.
    pub betas: [f64; 2],
    /// AdamW: added to the root of the mean square.
    pub epsilon: f64,
    /// Muon: the rate of AdamW, which updates what Muon does not, as a part of `learning_rate`.
    pub adamw_factor: f64,
    /// The weights and biases of norms do not decay. SGD adds this much of the weight to its gradient, as PyTorch does
    /// (coupled); AdamW and Muon take the learning rate times this from the weight itself (decoupled).
    pub weight_decay: f64,
}

/// The rule of an optimizer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// [`SGD`].
    #[default]
    Sgd,
    /// [`AdamW`].
    Adamw,
    /// [`Muon`](adder_nn::optim::Muon), with AdamW for what it does not update.
    Muon,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Sgd,
            learning_rate: 0.01,
            momentum: 0.9,
            nesterov: false,
            betas: [0.9, 0.999],
            epsilon: 1e-8,
            adamw_factor: 1.0,
            weight_decay: 0.0,
        }
    }
}

impl OptimizerConfig {
    /// The optimizer at rest, of f32 `parameters` that it updates in this order.
    ///
    /// # Errors
    /// Where the device has no room or `ADDER_ISA` asks for what is not there.
    pub fn build(&self, parameters: &[Parameter]) -> Result<Box<dyn AnyOptimizer>, OptimizerError> {
        let Self { learning_rate: lr, momentum, nesterov, weight_decay, adamw_factor, .. } = *self;
        let ([beta1, beta2], eps) = (self.betas, self.epsilon);
        let parameters = parameters.to_vec();
        Ok(match self.kind {
            OptimizerKind::Sgd => Box::new(SGD::with_parameters(
                parameters,
                ParamsSGD { lr, momentum, nesterov, weight_decay },
            )?),
            OptimizerKind::Adamw => {
                let params = ParamsAdamW { lr, beta1, beta2, eps, weight_decay };
                Box::new(AdamW::with_parameters(parameters, params)?)
            }
            OptimizerKind::Muon => {
                let params =
                    ParamsMuon { lr, momentum, nesterov, weight_decay, adamw_factor, beta1, beta2, eps };
                Box::new(Muon::with_parameters(parameters, params)?)
            }
        })
    }

    pub(crate) fn validate(&self) -> Result<(), Invalid> {
        let rate = self.learning_rate;
        check("optimizer.learning_rate", rate, f64::MIN_POSITIVE..=1000.0, "a number above 0, up to 1000")?;
        check("optimizer.momentum", self.momentum, 0.0..1.0, "a number from 0 to below 1")?;
        for beta in self.betas {
            check("optimizer.betas", beta, 0.0..1.0, "two numbers from 0 to below 1")?;
        }
        check("optimizer.epsilon", self.epsilon, f64::MIN_POSITIVE..=1.0, "a number above 0, up to 1")?;
        let factor = self.adamw_factor;
        check("optimizer.adamw_factor", factor, f64::MIN_POSITIVE..=1000.0, "a number above 0, up to 1000")?;
        check("optimizer.weight_decay", self.weight_decay, 0.0..1.0, "a number from 0 to below 1")?;
        if self.nesterov && self.momentum == 0.0 {
            let expected = "false where optimizer.momentum is 0".into();
            return Err(Invalid { key: "optimizer.nesterov".into(), expected, found: "true".into() });
        }
        Ok(())
    }
}
