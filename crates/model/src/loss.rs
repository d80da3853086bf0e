//! The loss that training minimizes: those of all heads, added up.

use adder_kernels::Isa;
use adder_kernels::loss::Tally as HeadsTally;
use adder_network::HeadKind;
use adder_nn::loss::{CrossEntropy, cross_entropy_with};
use candle_core::Tensor;

use crate::Result;
use crate::head::HeadRule;
use crate::tally::score_heads;
use crate::targets::HeadTargets;

/// The loss of a batch.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The sum over the heads of the mean over the rows: a differentiable scalar.
    pub value: Tensor,
    /// Losses and right answers of the batch, as sums.
    pub tally: HeadsTally,
}

/// The loss of the heads' outputs, `[rows, outputs]`, on the kernels for an instruction set or on candle's operations. With
/// smoothing, soft targets or thresholds, so are the tally's losses; else they are the cross-entropies of the logits.
pub(crate) fn joint_loss(
    heads: &[HeadRule],
    outputs: &[Tensor],
    targets: &[HeadTargets<'_>],
    isa: Option<Isa>,
) -> Result<Loss> {
    let options = match isa {
        Some(isa) => CrossEntropy::default().with_isa(isa),
        None => CrossEntropy::default().without_kernels(),
    };
    let (mut losses, mut values) = (Vec::with_capacity(heads.len()), Vec::with_capacity(heads.len()));
    for ((head, outputs), targets) in heads.iter().zip(outputs).zip(targets) {
        let logits = head.logits(outputs)?;
        losses.push(match head.kind {
            HeadKind::Ordinal => head.threshold_loss(outputs, targets, options)?,
            HeadKind::Softmax | HeadKind::Regression => head_loss(&logits, targets, options)?,
        });
        values.push(logits.flatten_all()?.to_vec1()?);
    }
    let labels = targets.iter().map(|targets| classes(targets.labels)).collect::<Result<Vec<_>>>()?;
    let pairs: Vec<(&[f32], &[u8])> =
        values.iter().map(Vec::as_slice).zip(labels.iter().map(Vec::as_slice)).collect();
    let mut tally = score_heads(&pairs)?;
    for (((tallied, loss), targets), head) in tally.heads.iter_mut().zip(&losses).zip(targets).zip(heads) {
        if targets.label_smoothing > 0.0 || targets.soft.is_some() || head.kind == HeadKind::Ordinal {
            tallied.loss = f64::from(loss.to_scalar::<f32>()?) * tally.rows as f64;
        }
    }
    let mut losses = losses.into_iter();
    let first = losses.next().ok_or_else(|| candle_core::Error::msg("a network has heads"))?;
    let value = losses.try_fold(first, |total, loss| total + loss)?;
    Ok(Loss { value, tally })
}

/// The mean over the rows of one head's cross-entropies, from its logits, `[rows, classes]`.
fn head_loss(logits: &Tensor, targets: &HeadTargets<'_>, options: CrossEntropy) -> Result<Tensor> {
    let &HeadTargets { labels, label_smoothing, soft } = targets;
    let by_labels = cross_entropy_with(logits, labels, options.with_label_smoothing(label_smoothing))?;
    let Some((soft, _)) = soft else { return Ok(by_labels) };
    let weight = targets.soft_weight()?;
    let by_soft = cross_entropy_with(logits, soft, options)?;
    Ok(((by_labels * (1.0 - weight))? + (by_soft * weight)?)?)
}

/// Classes as the kernels take them. One that does not fit a byte becomes 255, which is no class either.
pub(crate) fn classes(classes: &Tensor) -> Result<Vec<u8>> {
    Ok(classes.to_vec1::<u32>()?.into_iter().map(|class| u8::try_from(class).unwrap_or(u8::MAX)).collect())
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use serde::Deserialize;

    use super::*;
    use crate::Error;

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
        let targets = [(&digits, &soft_digits), (&sums, &soft_sums)].map(|(labels, soft)| HeadTargets {
            labels,
            label_smoothing: golden.smoothing,
            soft: Some((soft, golden.weight)),
        });
        let both = logits.each_ref().map(|logits| logits.as_tensor().clone());
        let rules = [10, 19].map(|classes| HeadRule { kind: HeadKind::Softmax, classes });
        let Loss { value, tally } = joint_loss(&rules, &both, &targets, None).unwrap();
        for (found, golden) in tally.heads.iter().zip(heads) {
            assert!((found.loss / tally.rows as f64 - golden.loss).abs() < 1e-6 * golden.loss);
        }
        let gradients = value.backward().unwrap();
        for (head, logits) in heads.into_iter().zip(&logits) {
            let gradient: Vec<f32> = gradients.get(logits).unwrap().flatten_all().unwrap().to_vec1().unwrap();
            for (found, expected) in gradient.iter().zip(&head.gradient) {
                assert!((found - expected).abs() < 1e-7, "{found} against {expected}");
            }
        }

        let heavy = HeadTargets { soft: Some((&soft_digits, 1.1)), ..targets[0] };
        assert!(matches!(joint_loss(&rules, &both, &[heavy, targets[1]], None), Err(Error::Argument { .. })));
    }
}
