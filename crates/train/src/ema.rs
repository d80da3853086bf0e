//! The exponential moving average of a network's weights (Polyak and Juditsky 1992; the decay's rise is TensorFlow's
//! `ExponentialMovingAverage`).

use adder_model::IdentityAdder;
use candle_core::Var;

use crate::optimizer::elementwise::lerp;

/// The exponential moving average of a network in training: its weights and its running statistics.
#[derive(Debug)]
pub(crate) struct Ema {
    model: IdentityAdder,
    decay: f64,
}

impl Ema {
    /// The average of a network that starts as `model`.
    pub(crate) fn new(model: &IdentityAdder, decay: f64) -> Result<Self, adder_model::Error> {
        let copy = IdentityAdder::new(model.config(), 0, model.device())?.with_backend(model.backend())?;
        let ema = Self { model: copy, decay };
        for (to, from) in ema.pairs(model) {
            to.set(&from)?;
        }
        Ok(ema)
    }

    /// The averaged network.
    pub(crate) fn model(&self) -> &IdentityAdder {
        &self.model
    }

    /// Moves the average towards `model` as it is after the step that `done` others came before.
    pub(crate) fn update(&self, model: &IdentityAdder, done: u64) -> Result<(), adder_model::Error> {
        let done = done as f64;
        let decay = self.decay.min((1.0 + done) / (10.0 + done));
        for (to, from) in self.pairs(model) {
            lerp(&to, &from, 1.0 - decay)?;
        }
        Ok(())
    }

    fn pairs(&self, model: &IdentityAdder) -> impl Iterator<Item = (Var, Var)> + use<> {
        let vars = |model: &IdentityAdder| model.state().into_iter().map(|(_, var)| var);
        vars(&self.model).zip(vars(model))
    }
}

#[cfg(test)]
mod tests {
    use adder_model::ModelConfig;
    use candle_core::{Device, Tensor};

    use super::*;

    fn first(model: &IdentityAdder) -> f32 {
        model.state()[0].1.flatten_all().unwrap().to_vec1::<f32>().unwrap()[0]
    }

    fn fill(model: &IdentityAdder, value: f32) {
        for (_, var) in model.state() {
            var.set(&Tensor::full(value, var.shape(), &Device::Cpu).unwrap()).unwrap();
        }
    }

    #[test]
    fn the_average_follows_its_formula_in_weights_and_statistics() {
        let model = IdentityAdder::new(&ModelConfig::default(), 1, &Device::Cpu).unwrap();
        fill(&model, 1.0);
        let ema = Ema::new(&model, 0.5).unwrap();
        let mut expected = 1.0;
        // The decays are 0.1, 2/11, 3/12 ... and 0.5 from step 8 on.
        for done in 0..12 {
            let value = 2.0 + done as f32;
            fill(&model, value);
            ema.update(&model, done).unwrap();
            let decay = f64::min(0.5, (1.0 + done as f64) / (10.0 + done as f64));
            expected = decay * expected + (1.0 - decay) * f64::from(value);
            for (name, var) in ema.model().state() {
                for found in var.flatten_all().unwrap().to_vec1::<f32>().unwrap() {
                    assert!((f64::from(found) - expected).abs() < 1e-5, "{name}: {found} is not {expected}");
                }
            }
        }
    }

    #[test]
    fn the_average_is_a_network_of_its_own() {
        let model = IdentityAdder::new(&ModelConfig::default(), 1, &Device::Cpu).unwrap();
        let ema = Ema::new(&model, 0.9).unwrap();
        let before = first(ema.model());
        fill(&model, 7.0);
        assert_eq!(first(ema.model()), before);
    }
}
