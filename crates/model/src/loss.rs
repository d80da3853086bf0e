//! The loss that training minimises: the cross-entropies of both heads, added up.

use candle_core::{D, Tensor};

use crate::{Error, Logits, Result, Tally};

/// What one forward pass in training gives.
#[derive(Debug)]
pub struct Step {
    /// CE(digit) + CE(sum), each the mean over the batch: a differentiable scalar.
    pub loss: Tensor,
    /// Losses and right answers of the batch.
    pub tally: Tally,
}

/// What a batch is trained towards.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The digit of each pair, u32 `[pairs]`.
    pub digits: &'a Tensor,
    /// The sum of each pair, u32 `[pairs]`.
    pub sums: &'a Tensor,
    /// Part of each label that is spread evenly over all classes, 0 to below 1, as in PyTorch's `CrossEntropyLoss`.
    pub label_smoothing: f32,
    /// Distributions that take the place of the labels, or of a part of them.
    pub soft: Option<SoftTargets<'a>>,
}

/// Distributions over the classes of each head, such as the probabilities of other networks (Hinton, Vinyals and Dean,
/// "Distilling the Knowledge in a Neural Network", 2015, at a temperature of 1).
#[derive(Clone, Copy, Debug)]
pub struct SoftTargets<'a> {
    /// f32 `[pairs, 10]`, each row summing to 1.
    pub digits: &'a Tensor,
    /// f32 `[pairs, 19]`, each row summing to 1.
    pub sums: &'a Tensor,
    /// The part of the target, 0 to 1, that they are. The rest is the label's.
    pub weight: f32,
}

impl<'a> Targets<'a> {
    /// The labels as they are: the digit and the sum of each pair, u32 `[pairs]`.
    pub fn labels(digits: &'a Tensor, sums: &'a Tensor) -> Self {
        Self { digits, sums, label_smoothing: 0.0, soft: None }
    }
}

/// The loss of `logits`. With smoothing or soft targets, so are the tally's losses.
pub(crate) fn joint_loss(logits: &Logits, targets: Targets<'_>) -> Result<Step> {
    let Targets { digits, sums, label_smoothing, soft } = targets;
    let [soft_digits, soft_sums] = [soft.map(|soft| soft.digits), soft.map(|soft| soft.sums)];
    let weight = soft.map_or(0.0, |soft| f64::from(soft.weight));
    if !(0.0..=1.0).contains(&weight) {
        let (expected, found) = ("0 to 1".into(), weight.to_string());
        return Err(Error::Argument { what: "weight of the soft targets", expected, found });
    }
    let loss = |logits: &Tensor, labels: &Tensor, soft: Option<&Tensor>| -> Result<Tensor> {
        let log_probabilities = candle_nn::ops::log_softmax(logits, D::Minus1)?;
        let of_labels = cross_entropy(&log_probabilities, labels, label_smoothing)?;
        let Some(soft) = soft else { return Ok(of_labels) };
        let of_soft = (log_probabilities * soft)?.sum(D::Minus1)?.mean_all()?.neg()?;
        Ok(((of_labels * (1.0 - weight))? + (of_soft * weight)?)?)
    };
    let digit = loss(&logits.digit, digits, soft_digits)?;
    let sum = loss(&logits.sum, sums, soft_sums)?;
    let mut tally = Tally::of_logits(
        &logits.digit.flatten_all()?.to_vec1()?,
        &logits.sum.flatten_all()?.to_vec1()?,
        &classes(digits)?,
        &classes(sums)?,
    )?;
    if label_smoothing > 0.0 || soft.is_some() {
        let total =
            |mean: &Tensor| -> Result<f64> { Ok(f64::from(mean.to_scalar::<f32>()?) * tally.pairs as f64) };
        (tally.digit_loss, tally.sum_loss) = (total(&digit)?, total(&sum)?);
    }
    Ok(Step { loss: (digit + sum)?, tally })
}

/// Mean over the batch of minus the logarithm of the target's probability, and of its mean over all classes by as much as
/// labels are smoothed; `[b, classes]` and u32 `[b]` to a scalar.
fn cross_entropy(log_probabilities: &Tensor, targets: &Tensor, label_smoothing: f32) -> Result<Tensor> {
    let at_targets = log_probabilities.gather(&targets.unsqueeze(1)?, 1)?.mean_all()?.neg()?;
    if label_smoothing == 0.0 {
        return Ok(at_targets);
    }
    let smoothing = f64::from(label_smoothing);
    let anywhere = log_probabilities.mean_all()?.neg()?;
    Ok(((at_targets * (1.0 - smoothing))? + (anywhere * smoothing)?)?)
}

fn classes(targets: &Tensor) -> Result<Vec<u8>> {
    // A class that does not fit a byte is out of every head's range, and so is 255.
    Ok(targets.to_vec1::<u32>()?.into_iter().map(|class| u8::try_from(class).unwrap_or(u8::MAX)).collect())
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use serde::Deserialize;

    use super::*;

    /// Made by `tests/golden/soft_targets.py`.
    #[derive(Deserialize)]
    struct Golden {
        weight: f32,
        smoothing: f32,
        digit: Head,
        sum: Head,
    }

    #[derive(Deserialize)]
    struct Head {
        logits: Vec<f32>,
        labels: Vec<u32>,
        soft: Vec<f32>,
        gradient: Vec<f32>,
        loss: f64,
    }

    impl Head {
        fn rows(&self, values: &[f32]) -> Tensor {
            let rows = self.labels.len();
            Tensor::from_slice(values, (rows, values.len() / rows), &Device::Cpu).unwrap()
        }

        fn labels(&self) -> Tensor {
            Tensor::new(&self.labels[..], &Device::Cpu).unwrap()
        }
    }

    #[test]
    fn labels_and_distributions_are_mixed_as_pytorch_does() {
        let golden: Golden = serde_json::from_str(include_str!("../tests/golden/soft_targets.json")).unwrap();
        let heads = [&golden.digit, &golden.sum];
        let logits = heads.map(|head| Var::from_tensor(&head.rows(&head.logits)).unwrap());
        let ([digits, sums], [soft_digits, soft_sums]) =
            (heads.map(Head::labels), heads.map(|head| head.rows(&head.soft)));
        let soft = SoftTargets { digits: &soft_digits, sums: &soft_sums, weight: golden.weight };
        let targets = Targets {
            label_smoothing: golden.smoothing,
            soft: Some(soft),
            ..Targets::labels(&digits, &sums)
        };
        let of = Logits { digit: logits[0].as_tensor().clone(), sum: logits[1].as_tensor().clone() };
        let Step { loss, tally } = joint_loss(&of, targets).unwrap();
        let metrics = tally.metrics();
        assert!((metrics.digit.loss - golden.digit.loss).abs() < 1e-6 * golden.digit.loss);
        assert!((metrics.sum.loss - golden.sum.loss).abs() < 1e-6 * golden.sum.loss);
        let gradients = loss.backward().unwrap();
        for (head, logits) in heads.into_iter().zip(&logits) {
            let gradient: Vec<f32> = gradients.get(logits).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            for (found, expected) in gradient.iter().zip(&head.gradient) {
                assert!((found - expected).abs() < 1e-7, "{found} against {expected}");
            }
        }

        let heavy = Targets { soft: Some(SoftTargets { weight: 1.1, ..soft }), ..targets };
        assert!(matches!(joint_loss(&of, heavy), Err(Error::Argument { .. })));
    }
}
