//! What a plan is made for, beside the network.

use crate::step::UpdateNumbers;
use crate::tiling::Tuning;

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Images that a batch has at most, at least 1.
    pub batch: usize,
    /// The rule that moves the weights.
    pub optimizer: OptimizerKind,
    /// Whether an average of weights and running statistics is kept.
    pub average: bool,
    /// Whether there are soft targets beside the labels.
    pub soft_targets: bool,
    /// Images of 28x28 bytes that stay on the device; 0 where batches are given as numbers.
    pub resident_images: usize,
    /// Steps whose metrics are kept, at least 1.
    pub ring: usize,
    /// How fast running statistics follow those of the batches.
    pub norm_momentum: f32,
    /// How maps are cut.
    pub tuning: Tuning,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch: 128,
            optimizer: OptimizerKind::Sgd,
            average: false,
            soft_targets: false,
            resident_images: 0,
            ring: 1024,
            norm_momentum: 0.1,
            tuning: Tuning::default(),
        }
    }
}

/// The rule that moves the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// AdamW.
    AdamW,
    /// Muon for the filters of convolutions that see features, AdamW for the rest.
    Muon,
}

/// The numbers of AdamW.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// The step size.
    pub rate: f64,
    /// How much of the running means of the gradient and of its square stays.
    pub betas: [f64; 2],
    /// Added to the root of the mean square.
    pub epsilon: f64,
    /// The part of the weight, times the step size, that is taken from it.
    pub weight_decay: f64,
}

/// The numbers of Muon's own update; AdamW's stand beside them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// The step size.
    pub rate: f64,
    /// How much of the running mean of the gradient stays.
    pub momentum: f64,
    /// Whether the step looks ahead along the new mean.
    pub nesterov: bool,
    /// The part of the weight, times the step size, that is taken from it.
    pub weight_decay: f64,
}

impl UpdateNumbers {
    /// Of SGD: `v = momentum * v + g + weight_decay * w`, `w -= rate * v`, or with Nesterov's look ahead.
    pub fn sgd(rate: f32, momentum: f32, weight_decay: f32, nesterov: bool) -> Self {
        let rule = [rate, momentum, weight_decay, f32::from(u8::from(nesterov)), 0.0, 0.0, 0.0, 0.0];
        Self { rule, ..Self::default() }
    }

    /// Of AdamW, for the step that `done` others came before.
    pub fn adamw(AdamW { rate, betas, epsilon, weight_decay }: AdamW, done: u64) -> Self {
        let [first, second] = betas.map(|beta| 1.0 - beta.powf(done as f64 + 1.0));
        let numbers = [
            1.0 - rate * weight_decay,
            rate / first,
            1.0 / second,
            1.0 - betas[0],
            betas[1],
            1.0 - betas[1],
            epsilon,
            0.0,
        ];
        Self { rule: numbers.map(|number| number as f32), ..Self::default() }
    }

    /// Of Muon, beside those of AdamW for the rest.
    pub fn muon(Muon { rate, momentum, nesterov, weight_decay }: Muon, adamw: AdamW, done: u64) -> Self {
        let ahead = if nesterov { momentum } else { 0.0 };
        let numbers = [1.0 - momentum, ahead, 1.0 - rate * weight_decay, rate * 0.2];
        Self { muon: numbers.map(|number| number as f32), ..Self::adamw(adamw, done) }
    }
}
