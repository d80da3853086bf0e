//! Trained tensors: their names, how they are drawn, and all of them in a row.

use adder_network::{Initialization, Network};
use adder_nn::optim::Parameter;
use adder_random::{Purpose, Stream};
use candle_core::{Device, Tensor, Var};

use crate::Result;

/// Every parameter of a network, drawn from `seed`; each has a stream of its own.
pub(crate) fn initial(network: &Network, seed: u64, device: &Device) -> Result<Vec<Parameter>> {
    let parameters = network.parameters().iter().enumerate().map(|(index, parameter)| {
        let values: Vec<f32> = match parameter.initialization {
            Initialization::Constant(value) => vec![value; parameter.range.len()],
            Initialization::Uniform { fan_in } => {
                let bound = 1.0 / (fan_in as f32).sqrt();
                let mut stream = Stream::new(seed, Purpose::Init, 0, index as u64);
                (0..parameter.range.len()).map(|_| stream.uniform(-bound, bound)).collect()
            }
        };
        let var = Var::from_tensor(&Tensor::from_vec(values, &parameter.shape[..], device)?)?;
        Ok(Parameter { name: parameter.name.clone(), var, decays: parameter.decays })
    });
    parameters.collect()
}

/// Parameters one behind the other, in C order. Gradients find their way back through the graph.
pub(crate) fn flat(params: &[Parameter]) -> Result<Tensor> {
    Ok(adder_nn::fused::flat(params.iter().map(|parameter| parameter.var.as_tensor()))?)
}
