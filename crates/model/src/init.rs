//! PyTorch's default initialisation, drawn from the project's own frozen generator.

use adder_random::{Purpose, Stream};
use candle_core::{Device, Shape, Tensor, Var};

use crate::{Parameter, Result};

/// Hands out parameters in the order of the layers; each draws from a stream of its own.
pub(crate) struct Initializer<'a> {
    seed: u64,
    device: &'a Device,
    parameters: Vec<Parameter>,
}

impl<'a> Initializer<'a> {
    pub(crate) fn new(seed: u64, device: &'a Device) -> Self {
        Self { seed, device, parameters: Vec::new() }
    }

    pub(crate) fn device(&self) -> &'a Device {
        self.device
    }

    /// All parameters made so far.
    pub(crate) fn into_parameters(self) -> Vec<Parameter> {
        self.parameters
    }

    /// A weight of a convolution or linear layer, U(-1/sqrt(fan_in), 1/sqrt(fan_in)): what PyTorch's Kaiming-uniform
    /// with a = sqrt(5) comes to. The fan-in is the product of all axes but the first.
    pub(crate) fn weight(&mut self, name: String, shape: impl Into<Shape>) -> Result<Var> {
        let shape = shape.into();
        let fan_in: usize = shape.dims()[1..].iter().product();
        let bound = 1.0 / (fan_in as f32).sqrt();
        let mut stream = Stream::new(self.seed, Purpose::Init, 0, self.parameters.len() as u64);
        let values: Vec<f32> = (0..shape.elem_count()).map(|_| stream.uniform(-bound, bound)).collect();
        self.push(name, Tensor::from_vec(values, shape, self.device)?, true)
    }

    /// A weight or bias of a norm, every element `value`; excluded from weight decay.
    pub(crate) fn constant(&mut self, name: String, width: usize, value: f32) -> Result<Var> {
        self.push(name, Tensor::from_vec(vec![value; width], width, self.device)?, false)
    }

    fn push(&mut self, name: String, values: Tensor, decays: bool) -> Result<Var> {
        let var = Var::from_tensor(&values)?;
        self.parameters.push(Parameter { name, var: var.clone(), decays });
        Ok(var)
    }
}
