//! Heads: what the numbers at the end of a network say about the classes.

use serde::{Deserialize, Serialize};

/// A head: a linear layer on the features of the last layer, whose outputs say which class it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The name, which its parameters begin with.
    pub name: String,
    /// Number of classes.
    pub classes: usize,
    /// Whether each output has an offset.
    pub bias: bool,
    /// The way from the outputs to the classes.
    pub kind: HeadKind,
}

/// The way from a head's outputs to the logits of its classes, and the loss that trains them.
///
/// Whatever the kind, the logits are an affine function of the outputs, their softmax is the probabilities, and the largest is
/// the answer: whoever only asks a trained network needs [`HeadKind::decoding`] and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadKind {
    /// An output for each class, its logit; the loss is their softmax's cross-entropy. Classes have no order.
    #[default]
    Softmax,
    /// An output for each threshold between neighboring classes: the log-odds that the class is above it. The loss is the sum of
    /// the thresholds' binary cross-entropies (Frank and Hall, "A Simple Approach to Ordinal Classification", 2001; Niu et al.,
    /// "Ordinal Regression with Multiple Output CNN for Age Estimation", 2016). The logit of a class is the sum of the outputs
    /// of the thresholds below it: where these fall from threshold to threshold, the largest is at the number of positive ones.
    Ordinal,
    /// One output `u`, which places a number `z = c + u` on the line of the classes, `c` being their middle. The logit of
    /// class `k` is `-(k - z)^2 / (2 s^2)`, the log-density of a normal distribution of width `s` = [`REGRESSION_WIDTH`] around
    /// `z`, but for what all classes share; so the answer is `z` rounded. The loss is the softmax's cross-entropy. The normal
    /// densities at the classes are an exponential family, so its gradient by `z` is `(E[k] - class) / s^2`: with targets that
    /// are labels, and but for the ends and for `s` much below a half, that of the squared error over `2 s^2`.
    Regression,
}

/// The width of the normal distribution of [`HeadKind::Regression`], in classes: of a number at a class, that class has a
/// probability of 92 % and each neighbor 4 %. docs/adding.md
/// says how it was chosen.
pub const REGRESSION_WIDTH: f64 = 0.4;

/// Logits as an affine function of a head's outputs: `weight * outputs + offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoding {
    /// `[classes, outputs]`, row by row.
    pub weight: Vec<f32>,
    /// `[classes]`.
    pub offset: Vec<f32>,
}

impl Head {
    /// A head of a softmax, without bias.
    pub fn new(name: &str, classes: usize) -> Self {
        Self { name: name.into(), classes, bias: false, kind: HeadKind::Softmax }
    }

    /// The head with a bias.
    #[must_use]
    pub fn bias(self) -> Self {
        Self { bias: true, ..self }
    }

    /// The head with another way from its outputs to the classes.
    #[must_use]
    pub fn kind(self, kind: HeadKind) -> Self {
        Self { kind, ..self }
    }
}

impl HeadKind {
    /// Outputs of a head of so many classes.
    pub fn outputs(self, classes: usize) -> usize {
        match self {
            Self::Softmax => classes,
            Self::Ordinal => classes.saturating_sub(1),
            Self::Regression => 1,
        }
    }

    /// The way from outputs to logits; `None` where the outputs are the logits.
    pub fn decoding(self, classes: usize) -> Option<Decoding> {
        let from_middle = |class: usize| class as f64 - middle(classes);
        let density = 1.0 / (REGRESSION_WIDTH * REGRESSION_WIDTH);
        match self {
            Self::Softmax => None,
            Self::Ordinal => {
                let below =
                    |class: usize| (0..classes.saturating_sub(1)).map(move |threshold| class > threshold);
                let weight = (0..classes).flat_map(below).map(|below| f32::from(u8::from(below)));
                Some(Decoding { weight: weight.collect(), offset: vec![0.0; classes] })
            }
            // With j = k - c and v = z - c, -(k - z)^2 / 2 is j v - j^2 / 2, but for v^2 / 2, which all classes share.
            Self::Regression => Some(Decoding {
                weight: (0..classes).map(|class| (from_middle(class) * density) as f32).collect(),
                offset: (0..classes)
                    .map(|class| (-0.5 * from_middle(class).powi(2) * density) as f32)
                    .collect(),
            }),
        }
    }

    /// The kind in a word or two, behind that of the linear layer; nothing for a softmax.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Softmax => "",
            Self::Ordinal => ", ordinal",
            Self::Regression => ", regression",
        }
    }

    /// Whether it is the usual one, which files do not mention.
    pub(crate) fn is_softmax(&self) -> bool {
        *self == Self::Softmax
    }
}

/// The middle of the classes on their line.
pub(crate) fn middle(classes: usize) -> f64 {
    (classes as f64 - 1.0) / 2.0
}

impl Decoding {
    /// The linear layer that gives the logits at once, out of a head's `weight`, `[outputs, inputs]`, and bias, `[outputs]`: a
    /// weight `[classes, inputs]` and a bias `[classes]`.
    pub fn fold(&self, weight: &[f32], bias: Option<&[f32]>) -> (Vec<f32>, Vec<f32>) {
        let (classes, outputs) = (self.offset.len(), self.weight.len() / self.offset.len().max(1));
        let inputs = weight.len() / outputs.max(1);
        let mut folded = Vec::with_capacity(classes * inputs);
        let mut offsets = Vec::with_capacity(classes);
        for (row, &offset) in self.weight.chunks_exact(outputs).zip(&self.offset) {
            let column = |input: usize| {
                let products = row.iter().zip(weight.chunks_exact(inputs));
                products.map(|(factor, weight)| f64::from(*factor) * f64::from(weight[input])).sum::<f64>()
                    as f32
            };
            folded.extend((0..inputs).map(column));
            let products = row.iter().zip(bias.unwrap_or_default());
            let total: f64 = products.map(|(factor, bias)| f64::from(*factor) * f64::from(*bias)).sum();
            offsets.push((total + f64::from(offset)) as f32);
        }
        (folded, offsets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_add_up_to_logits() {
        let Decoding { weight, offset } = HeadKind::Ordinal.decoding(3).unwrap();
        assert_eq!((weight, offset), (vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0], vec![0.0; 3]));
        assert_eq!(
            [HeadKind::Softmax, HeadKind::Ordinal, HeadKind::Regression].map(|kind| kind.outputs(19)),
            [19, 18, 1]
        );
    }

    #[test]
    fn a_regressions_logits_are_those_of_a_normal_density_and_its_answer_the_rounded_number() {
        let Decoding { weight, offset } = HeadKind::Regression.decoding(19).unwrap();
        for number in [-0.6, 0.2, 8.4, 8.6, 17.49, 25.0f64] {
            let output = number - 9.0;
            let logits: Vec<f64> =
                (0..19).map(|k| f64::from(weight[k]) * output + f64::from(offset[k])).collect();
            let density = |k: f64| -(k - number).powi(2) / (2.0 * REGRESSION_WIDTH * REGRESSION_WIDTH);
            for k in 1..19 {
                let (found, expected) =
                    (logits[k] - logits[k - 1], density(k as f64) - density(k as f64 - 1.0));
                assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.0), "{number}, {k}");
            }
            let largest = (0..19).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
            assert_eq!(largest as f64, number.round().clamp(0.0, 18.0));
        }
    }

    #[test]
    fn a_folded_head_is_the_head_and_its_decoding() {
        let decoding = HeadKind::Ordinal.decoding(3).unwrap();
        let (weight, bias) = decoding.fold(&[1.0, 2.0, -3.0, 0.5], Some(&[10.0, -1.0]));
        assert_eq!((weight, bias), (vec![0.0, 0.0, 1.0, 2.0, -2.0, 2.5], vec![0.0, 10.0, 9.0]));
        assert_eq!(decoding.fold(&[1.0, 2.0], None).1, [0.0; 3]);
    }
}
