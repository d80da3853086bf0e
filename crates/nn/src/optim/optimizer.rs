//! The optimizer: what it updates, what it remembers of each, and the count of its steps.

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;

use adder_kernels::Isa;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use candle_nn::Optimizer;

use super::error::{OptimizerError, StateError};
use super::gradients::{Gradients, check};
use super::parameter::{Parameter, numbered};
use super::rule::{Memory, Rule, Step};
use super::schedule::Settings;
use super::state;
use crate::cpu::{default_isa, has_kernels};

/// An optimizer of the rule that `P` holds the numbers of: [`SGD`](super::SGD), [`AdamW`](super::AdamW) or
/// [`Muon`](super::Muon).
///
/// Its memory of each parameter starts at zero. Clones of a parameter's variable share their values, so the network sees
/// every step at once.
///
/// ```
/// use std::collections::HashMap;
///
/// use adder_nn::optim::{Gradients, Parameter, ParamsSGD, SGD, Settings};
/// use candle_core::{Device, Tensor, Var};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let var = Var::new(&[1f32, -2.0], &Device::Cpu)?;
/// let parameters = vec![Parameter { name: "weight".into(), var: var.clone(), decays: true }];
/// let params = ParamsSGD { lr: 0.1, momentum: 0.9, ..ParamsSGD::default() };
/// let mut optimizer = SGD::with_parameters(parameters.clone(), params)?;
///
/// // A step: gradients of a loss, clipped to a norm of 1, at half the rate.
/// let gradients = Gradients::take(var.sqr()?.sum_all()?.backward()?, &parameters)?;
/// let norm = gradients.norm()?;
/// optimizer.step_with(&gradients.clipped(norm, 1.0)?, Settings { rate_factor: 0.5, momentum: None })?;
///
/// // What is remembered, saved and loaded.
/// let saved: HashMap<String, Tensor> =
///     optimizer.state().into_iter().map(|(name, var)| Ok((name, var.copy()?))).collect::<candle_core::Result<_>>()?;
/// assert!(saved.contains_key("velocity.weight"));
/// let mut other = SGD::with_parameters(parameters, params)?;
/// other.load_state(&saved)?;
/// other.set_steps(optimizer.steps());
/// # Ok(())
/// # }
/// ```
///
/// # Differences from candle-nn
/// candle's optimizers take bare variables, all of which decay, and hide what they remember.
#[derive(Debug)]
pub struct Optim<P: Rule> {
    params: P,
    /// The instruction set of updates in place, which f32 on the CPU has; `None` for candle's operations everywhere.
    pub(crate) isa: Option<Isa>,
    slots: Vec<Slot<P::Memory>>,
    settings: Settings,
    steps: u64,
}

#[derive(Debug)]
struct Slot<M> {
    parameter: Parameter,
    memory: M,
}

impl<M: Memory> Slot<M> {
    fn new(parameter: Parameter) -> candle_core::Result<Self> {
        let memory = M::new(&parameter.var)?;
        Ok(Self { parameter, memory })
    }
}

impl<P: Rule> Optim<P> {
    /// An optimizer at rest, of parameters of floats that it updates in this order.
    ///
    /// # Errors
    /// [`OptimizerError::DuplicateName`]; [`OptimizerError::Candle`] where the device has no room or `ADDER_ISA` asks for an
    /// instruction set that is not there.
    pub fn with_parameters(parameters: Vec<Parameter>, params: P) -> Result<Self, OptimizerError> {
        let mut names = HashSet::new();
        if let Some(twice) = parameters.iter().find(|parameter| !names.insert(&parameter.name)) {
            return Err(OptimizerError::DuplicateName(twice.name.clone()));
        }
        let slots = parameters.into_iter().map(Slot::new).collect::<candle_core::Result<_>>()?;
        Ok(Self { params, isa: Some(default_isa()?), slots, settings: Settings::default(), steps: 0 })
    }

    /// The numbers of the rule.
    pub fn params(&self) -> &P {
        &self.params
    }

    /// Replaces the numbers of the rule; what is remembered stays.
    pub fn set_params(&mut self, params: P) {
        self.params = params;
    }

    /// The parameters, in the order of their updates.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = &Parameter> {
        self.slots.iter().map(|slot| &slot.parameter)
    }

    /// The variables, in the order of their updates; what is remembered of them is lost.
    pub fn into_inner(self) -> Vec<Var> {
        self.slots.into_iter().map(|slot| slot.parameter.var).collect()
    }

    /// The steps so far, by which AdamW corrects its means.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Replaces the count of steps, as a training that resumes must beside [`load_state`](Self::load_state).
    pub fn set_steps(&mut self, steps: u64) {
        self.steps = steps;
    }

    /// Sets what a schedule says of the following steps of candle's trait ([`Optimizer::step`], `backward_step`): a factor on
    /// the learning rate, and the momentum where the schedule moves it. [`step_with`](Self::step_with) is told each time.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Updates every parameter by its gradient, as `settings` of a schedule say of this step.
    ///
    /// # Errors
    /// [`OptimizerError::MissingGradient`] or [`OptimizerError::Mismatch`] where they are the gradients of other parameters.
    /// Nothing is changed then.
    pub fn step_with(&mut self, gradients: &Gradients, settings: Settings) -> Result<(), OptimizerError> {
        let of = |(index, slot): (usize, &Slot<P::Memory>)| {
            let gradient = gradients.tensors().get(index).cloned();
            gradient.ok_or_else(|| OptimizerError::MissingGradient(slot.parameter.name.clone())).map(Some)
        };
        let gradients: Vec<_> = self.slots.iter().enumerate().map(of).collect::<Result<_, _>>()?;
        self.update(&gradients, settings)
    }

    /// Updates every parameter that has a gradient, contiguous, by it.
    fn update(&mut self, gradients: &[Option<Tensor>], settings: Settings) -> Result<(), OptimizerError> {
        let pairs = || {
            let slots = self.slots.iter().zip(gradients);
            slots.filter_map(|(slot, gradient)| Some((slot, gradient.as_ref()?)))
        };
        for (slot, gradient) in pairs() {
            check(gradient, &slot.parameter)?;
        }
        for (Slot { parameter, memory }, gradient) in pairs() {
            let isa = self.isa.filter(|_| has_kernels(&parameter.var));
            let step = Step { isa, settings, done: self.steps };
            self.params.update(step, parameter, memory, gradient)?;
        }
        self.steps += 1;
        Ok(())
    }

    /// What is remembered of each parameter, under `velocity.NAME`, or `first_moment.NAME` and `second_moment.NAME`: the
    /// variables themselves, whose values change with every step. To resume, [`steps`](Self::steps) must be saved too.
    pub fn state(&self) -> Vec<(String, Var)> {
        let tensors = |slot: &Slot<P::Memory>| {
            let named = |(kind, var): (&str, &Var)| (format!("{kind}.{}", slot.parameter.name), var.clone());
            slot.memory.tensors().into_iter().map(named).collect::<Vec<_>>()
        };
        self.slots.iter().flat_map(tensors).collect()
    }

    /// Replaces what is remembered by `tensors`, which must be those of [`state`](Self::state) in names, shapes and element
    /// types; they may be on another device.
    ///
    /// # Errors
    /// [`StateError`]: tensors that are missing, unknown, misshapen or not finite. Nothing is changed then.
    pub fn load_state(&mut self, tensors: &HashMap<String, Tensor>) -> Result<(), StateError> {
        state::load(&self.state(), tensors)
    }

    /// Adds a variable, which decays and is named by its number.
    pub(crate) fn add(&mut self, var: &Var) -> candle_core::Result<()> {
        let parameter = Parameter { name: self.slots.len().to_string(), var: var.clone(), decays: true };
        self.slots.push(Slot::new(parameter)?);
        Ok(())
    }
}

impl<P: Rule> Optimizer for Optim<P> {
    type Config = P::Config;

    fn new(vars: Vec<Var>, config: P::Config) -> candle_core::Result<Self> {
        Ok(Self::with_parameters(numbered(vars), config.into())?)
    }

    fn step(&mut self, grads: &GradStore) -> candle_core::Result<()> {
        let of = |parameter: &Parameter| grads.get(&parameter.var).map(Tensor::contiguous).transpose();
        let gradients: Vec<_> = self.parameters().map(of).collect::<candle_core::Result<_>>()?;
        Ok(self.update(&gradients, self.settings)?)
    }

    fn learning_rate(&self) -> f64 {
        self.params.learning_rate()
    }

    fn set_learning_rate(&mut self, lr: f64) {
        self.params.set_learning_rate(lr);
    }
}

/// An optimizer whose rule is chosen at run time; its methods are those of [`Optim`].
///
/// ```
/// use adder_nn::optim::{AnyOptimizer, AdamW, Parameter, ParamsAdamW, ParamsSGD, SGD};
///
/// fn optimizer(kind: &str, parameters: Vec<Parameter>) -> candle_core::Result<Box<dyn AnyOptimizer>> {
///     Ok(match kind {
///         "sgd" => Box::new(SGD::with_parameters(parameters, ParamsSGD::from(0.1))?),
///         _ => Box::new(AdamW::with_parameters(parameters, ParamsAdamW::default())?),
///     })
/// }
/// assert_eq!(optimizer("sgd", vec![]).unwrap().steps(), 0);
/// ```
pub trait AnyOptimizer: Debug + Send + Sync {
    /// As [`Optim::steps`].
    fn steps(&self) -> u64;

    /// As [`Optim::set_steps`].
    fn set_steps(&mut self, steps: u64);

    /// As [`Optim::step_with`].
    ///
    /// # Errors
    /// As there.
    fn step_with(&mut self, gradients: &Gradients, settings: Settings) -> Result<(), OptimizerError>;

    /// As [`Optim::state`].
    fn state(&self) -> Vec<(String, Var)>;

    /// As [`Optim::load_state`].
    ///
    /// # Errors
    /// As there.
    fn load_state(&mut self, tensors: &HashMap<String, Tensor>) -> Result<(), StateError>;
}

impl<P: Rule + Send + Sync> AnyOptimizer for Optim<P>
where
    P::Memory: Send + Sync,
{
    fn steps(&self) -> u64 {
        self.steps()
    }

    fn set_steps(&mut self, steps: u64) {
        self.set_steps(steps);
    }

    fn step_with(&mut self, gradients: &Gradients, settings: Settings) -> Result<(), OptimizerError> {
        self.step_with(gradients, settings)
    }

    fn state(&self) -> Vec<(String, Var)> {
        self.state()
    }

    fn load_state(&mut self, tensors: &HashMap<String, Tensor>) -> Result<(), StateError> {
        self.load_state(tensors)
    }
}
