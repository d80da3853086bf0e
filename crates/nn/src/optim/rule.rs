//! What an optimizer knows of its rule.

use std::fmt::Debug;

use adder_kernels::Isa;
use candle_core::{Result, Tensor, Var};

use super::parameter::Parameter;
use super::schedule::Settings;

/// The rule of an optimizer: its numbers, and the update that they make.
pub trait Rule: Clone + Debug {
    /// The numbers that the constructor of candle's trait takes.
    type Config: Into<Self>;
    /// Its memory of a parameter.
    type Memory: Memory;

    /// The step size.
    fn learning_rate(&self) -> f64;

    /// Replaces the step size.
    fn set_learning_rate(&mut self, rate: f64);

    /// Updates a parameter and its memory by its gradient, contiguous and alike in shape, element type and device.
    ///
    /// # Errors
    /// Where the device has no room.
    fn update(
        &self,
        step: Step,
        parameter: &Parameter,
        memory: &Self::Memory,
        gradient: &Tensor,
    ) -> Result<()>;
}

/// An update's place in the training, and on the machine.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The instruction set of updates in place; `None` for candle's operations.
    pub(crate) isa: Option<Isa>,
    /// The schedule's word on the step.
    pub(crate) settings: Settings,
    /// Steps before it.
    pub(crate) done: u64,
}

/// The memory of a parameter for its rule: tensors as it in shape, element type and device, zero before the first step.
pub trait Memory: Sized + Debug {
    /// The memory of a parameter before its first step.
    ///
    /// # Errors
    /// Where the device has no room.
    fn new(weight: &Var) -> Result<Self>;

    /// The tensors with the names that they are saved under, before the parameter's.
    fn tensors(&self) -> Vec<(&'static str, &Var)>;
}

/// The running sum or mean of gradients.
#[derive(Debug)]
pub struct Velocity(pub(crate) Var);

impl Memory for Velocity {
    fn new(weight: &Var) -> Result<Self> {
        Ok(Self(zeros(weight)?))
    }

    fn tensors(&self) -> Vec<(&'static str, &Var)> {
        vec![("velocity", &self.0)]
    }
}

/// The running means of gradients and of their squares.
#[derive(Debug)]
pub struct Moments(pub(crate) [Var; 2]);

impl Memory for Moments {
    fn new(weight: &Var) -> Result<Self> {
        Ok(Self([zeros(weight)?, zeros(weight)?]))
    }

    fn tensors(&self) -> Vec<(&'static str, &Var)> {
        let [first, second] = &self.0;
        vec![("first_moment", first), ("second_moment", second)]
    }
}

fn zeros(weight: &Var) -> Result<Var> {
    Var::from_tensor(&weight.zeros_like()?)
}
