//! The network's tensors by name, and its norms as factors and offsets.

use std::collections::HashMap;

use adder_model::IdentityAdder;

use crate::Result;

/// Added to a variance before its square root, as PyTorch does by default.
pub(super) const EPSILON: f32 = 1e-5;

/// Shape and values of every tensor.
pub(super) struct Parameters(HashMap<String, (Vec<usize>, Vec<f32>)>);

/// `scale * x + shift`, for each channel.
pub(super) struct Affine {
    pub(super) scale: Vec<f64>,
    pub(super) shift: Vec<f64>,
}

impl Parameters {
    pub(super) fn of(model: &IdentityAdder) -> Result<Self> {
        let tensors = model.tensors().into_iter().map(|(name, tensor)| {
            let values: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
            Ok((name, (tensor.dims().to_vec(), values)))
        });
        Ok(Self(tensors.collect::<Result<_>>()?))
    }

    /// A tensor of the network.
    pub(super) fn get(&self, name: &str) -> (&[usize], &[f32]) {
        let (shape, values) = self.0.get(name).expect("the names are those of adder_model::weights");
        (shape, values)
    }

    /// The norm `NAME.norm` in evaluation.
    pub(super) fn norm(&self, name: &str) -> Affine {
        let part = |part| self.get(&format!("{name}.norm.{part}")).1.iter().map(|&value| f64::from(value));
        let scale: Vec<f64> = part("weight")
            .zip(part("running_var"))
            .map(|(weight, variance)| weight / (variance + f64::from(EPSILON)).sqrt())
            .collect();
        let shift = part("bias")
            .zip(part("running_mean"))
            .zip(&scale)
            .map(|((bias, mean), scale)| bias - mean * scale)
            .collect();
        Affine { scale, shift }
    }
}

/// A layer's weight `[out, in * taps]` and bias `[out]`.
pub(super) struct Layer {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Layer {
    /// The layer behind a norm of its inputs, as one layer: `w (s x + t) + b = (w s) x + (w t + b)`. Each input has
    /// `taps` weights that follow one another.
    pub(super) fn after(norm: &Affine, weight: &[f32], taps: usize) -> Self {
        let per_output = norm.scale.len() * taps;
        let rows = weight.chunks_exact(per_output);
        let bias = rows.clone().map(|row| {
            let terms = row.iter().enumerate().map(|(at, &weight)| f64::from(weight) * norm.shift[at / taps]);
            terms.sum::<f64>() as f32
        });
        let bias = bias.collect();
        let scaled = |row: &[f32]| -> Vec<f32> {
            let weights = row.iter().enumerate();
            weights.map(|(at, &weight)| (f64::from(weight) * norm.scale[at / taps]) as f32).collect()
        };
        Self { weight: rows.flat_map(scaled).collect(), bias }
    }

    /// This layer with a norm of its outputs, as one layer.
    pub(super) fn before(mut self, norm: &Affine) -> Self {
        let per_output = self.weight.len() / norm.scale.len();
        for (row, scale) in self.weight.chunks_exact_mut(per_output).zip(&norm.scale) {
            for weight in row {
                *weight = (f64::from(*weight) * scale) as f32;
            }
        }
        for ((bias, scale), shift) in self.bias.iter_mut().zip(&norm.scale).zip(&norm.shift) {
            *bias = (f64::from(*bias) * scale + shift) as f32;
        }
        self
    }
}
