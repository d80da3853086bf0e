//! From a head's outputs to the logits of its classes, and to the loss that trains it.

use adder_network::{Decoding, HeadKind, Network};
use adder_nn::loss::{CrossEntropy, cross_entropy_with};
use candle_core::Tensor;

use crate::targets::HeadTargets;
use crate::{Error, Result};

/// The rule of one head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadRule {
    pub(crate) kind: HeadKind,
    pub(crate) classes: usize,
}

/// The rules of a network's heads, in their order.
pub(crate) fn heads(network: &Network) -> impl Iterator<Item = HeadRule> {
    network.head_kinds().iter().zip(network.classes()).map(|(&kind, classes)| HeadRule { kind, classes })
}

impl HeadRule {
    /// The logits, f32 `[rows, classes]`, from the outputs, f32 `[rows, outputs]`.
    pub(crate) fn logits(self, outputs: &Tensor) -> Result<Tensor> {
        let Some(Decoding { weight, offset }) = self.kind.decoding(self.classes) else {
            return Ok(outputs.clone());
        };
        let (device, width) = (outputs.device(), self.kind.outputs(self.classes));
        let weight = Tensor::from_vec(weight, (self.classes, width), device)?;
        let offset = Tensor::from_vec(offset, self.classes, device)?;
        Ok(outputs.matmul(&weight.t()?)?.broadcast_add(&offset)?)
    }

    /// The mean over the rows of the binary cross-entropies of all thresholds, from their outputs, f32 `[rows, classes - 1]`.
    /// The target of a threshold is the probability of the classes above it.
    pub(crate) fn threshold_loss(
        self,
        outputs: &Tensor,
        targets: &HeadTargets<'_>,
        options: CrossEntropy,
    ) -> Result<Tensor> {
        let (rows, thresholds) = outputs.dims2()?;
        if thresholds + 1 != self.classes {
            let (expected, found) = (format!("{} thresholds", self.classes - 1), thresholds.to_string());
            return Err(Error::Argument { what: "outputs of an ordinal head", expected, found });
        }
        let above =
            HeadKind::Ordinal.decoding(self.classes).map_or_else(Vec::new, |decoding| decoding.weight);
        let above = Tensor::from_vec(above, (self.classes, thresholds), outputs.device())?;
        let above = self.distribution(targets, outputs)?.matmul(&above)?;
        // The sigmoid of z is the softmax of 0 and z.
        let pairs = |below: &Tensor, above: &Tensor| -> Result<Tensor> {
            Ok(Tensor::stack(&[below, above], 2)?.reshape((rows * thresholds, 2))?)
        };
        let logits = pairs(&outputs.zeros_like()?, outputs)?;
        let probabilities = pairs(&above.affine(-1.0, 1.0)?, &above)?;
        Ok((cross_entropy_with(&logits, &probabilities, options)? * thresholds as f64)?)
    }

    /// The target distribution of each row, f32 `[rows, classes]`.
    fn distribution(self, targets: &HeadTargets<'_>, like: &Tensor) -> Result<Tensor> {
        let HeadTargets { labels, label_smoothing, soft } = *targets;
        let smoothing = f64::from(label_smoothing);
        let one_hot = Tensor::eye(self.classes, like.dtype(), like.device())?.index_select(labels, 0)?;
        let by_labels = one_hot.affine(1.0 - smoothing, smoothing / self.classes as f64)?;
        Ok(match soft {
            None => by_labels,
            Some((soft, _)) => {
                let weight = targets.soft_weight()?;
                ((by_labels * (1.0 - weight))? + (soft * weight)?)?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use adder_kernels::Isa;
    use candle_core::{Device, Var};
    use candle_nn::ops::log_softmax;
    use serde::Deserialize;

    use super::*;
    use crate::loss::{Loss, joint_loss};

    /// Made by `tests/golden/heads.py`.
    #[derive(Deserialize)]
    struct Golden {
        smoothing: f32,
        /// Two of [`HeadKind::Ordinal`], then two of [`HeadKind::Regression`].
        heads: Vec<GoldenHead>,
    }

    #[derive(Deserialize)]
    struct GoldenHead {
        outputs: Vec<f32>,
        labels: Vec<u32>,
        soft: Vec<f32>,
        weight: f32,
        log_probabilities: Vec<f32>,
        gradient: Vec<f32>,
        loss: f64,
    }

    fn rows(values: &[f32], rows: usize) -> Tensor {
        Tensor::from_slice(values, (rows, values.len() / rows), &Device::Cpu).unwrap()
    }

    #[track_caller]
    fn close(found: &Tensor, expected: &[f32], what: &str) {
        let found: Vec<f32> = found.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(1f32, |largest, value| largest.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-6 * largest, "{what}: {found} against {expected}");
        }
    }

    #[test]
    fn heads_that_know_the_order_are_pytorchs() {
        let golden: Golden = serde_json::from_str(include_str!("../tests/golden/heads.json")).unwrap();
        let kinds = [HeadKind::Ordinal, HeadKind::Ordinal, HeadKind::Regression, HeadKind::Regression];
        let engines = std::iter::once(None).chain(Isa::available().into_iter().map(Some));
        for (isa, (head, kind)) in
            engines.flat_map(|isa| golden.heads.iter().zip(kinds).map(move |head| (isa, head)))
        {
            let rule = HeadRule { kind, classes: 19 };
            let count = head.labels.len();
            let outputs = Var::from_tensor(&rows(&head.outputs, count)).unwrap();
            let (labels, soft) =
                (Tensor::new(&head.labels[..], &Device::Cpu).unwrap(), rows(&head.soft, count));
            let soft = (head.weight > 0.0).then_some((&soft, head.weight));
            let targets = HeadTargets { labels: &labels, label_smoothing: golden.smoothing, soft };
            let logits = rule.logits(&outputs).unwrap();
            close(&log_softmax(&logits, 1).unwrap(), &head.log_probabilities, "log-probability");
            let Loss { value, tally } =
                joint_loss(&[rule], &[outputs.as_tensor().clone()], &[targets], isa).unwrap();
            let loss = tally.heads[0].loss / count as f64;
            assert!((loss - head.loss).abs() < 2e-6 * head.loss, "{kind:?}: {loss} against {}", head.loss);
            close(value.backward().unwrap().get(&outputs).unwrap(), &head.gradient, "gradient");
        }
    }

    #[test]
    fn outputs_of_another_width_are_refused() {
        let rule = HeadRule { kind: HeadKind::Ordinal, classes: 19 };
        let (outputs, labels) = (rows(&[0.0; 19], 1), Tensor::new(&[3u32], &Device::Cpu).unwrap());
        let refused = rule.threshold_loss(&outputs, &HeadTargets::labels(&labels), CrossEntropy::default());
        assert!(matches!(refused, Err(Error::Argument { .. })));
    }
}
