//! Evaluation: loss and accuracy of the digit, of the sum and of both, over any images.

use adder_data::{Batch, DIGITS, EvaluationAddends, Labeled, PairSet, SUMS, evaluation_batches};
use adder_model::{Addends, IdentityAdder, Logits, Metrics, Predictor, Tally};
use serde::{Deserialize, Serialize};

use crate::analysis::{Analysis, AnalysisTally, Joint};
use crate::tta::Tta;

/// Images that go through the network at a time: enough to be fast, and with ten addends each still small.
const BATCH_SIZE: usize = 500;

/// The images of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvaluationSplit {
    /// The images held back from the training file: for choosing.
    #[serde(rename = "val")]
    Validation,
    /// The test file: for reporting, once.
    #[serde(rename = "eval")]
    Evaluation,
}

/// The result of an evaluation. As JSON:
/// `{"split":"eval","images":n,"pairs":n,"digit":{"loss":x,"accuracy":y},"sum":{...},"both":{...}}`, losses per pair in
/// nats, accuracies in percent. Where training held pairs out, `"seen":{"pairs":n,"digit":...}` and `"unseen":{...}` follow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The images.
    pub split: EvaluationSplit,
    /// Number of images.
    pub images: u64,
    /// Number of pairs of an image and an addend.
    pub pairs: u64,
    /// Digit, sum and both.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// The pairs that training showed and those that it held out, apart.
    #[serde(flatten)]
    pub parts: PairParts,
}

/// The pairs of an evaluation that training showed, and those that it held out; neither where it held out none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairParts {
    /// Pairs of a digit and an addend that training showed; `None` where the images have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<PairMetrics>,
    /// Pairs that training never showed; `None` where the images have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<PairMetrics>,
}

/// Losses and accuracies of a part of the pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairMetrics {
    /// Number of pairs of an image and an addend.
    pub pairs: u64,
    /// Digit, sum and both.
    #[serde(flatten)]
    pub metrics: Metrics,
}

/// An evaluation with all ten addends of each image: the file `exhaustive.json` of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExhaustiveReport {
    /// Losses and accuracies.
    pub report: Report,
    /// The two heads together.
    pub joint: Joint,
    /// The same with test-time augmentation, if somebody asked for it.
    pub tta: Option<(Tta, Report)>,
}

/// An evaluation that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// There is nothing to evaluate.
    #[error("no images to evaluate")]
    Empty,
    /// The images cannot be had.
    #[error(transparent)]
    Data(#[from] adder_data::Error),
    /// The network cannot be run.
    #[error(transparent)]
    Model(#[from] adder_model::Error),
    /// The network's numbers overflow.
    #[error("the loss over {pairs} pairs is {loss}, expected a finite number")]
    NotFinite {
        /// Pairs seen.
        pairs: u64,
        /// The sum of their losses.
        loss: f64,
    },
}

/// The images and addends that a network is evaluated on.
#[derive(Clone, Copy, Debug)]
pub struct EvaluationSet<'a> {
    /// The name of the images, for the report.
    pub split: EvaluationSplit,
    /// The file that they are in.
    pub data: &'a Labeled,
    /// The indices of its images, in this order.
    pub indices: &'a [u32],
    /// The addends that each image is asked with.
    pub addends: EvaluationAddends,
    /// The pairs of a digit and an addend that training never showed.
    pub held_out: PairSet,
    /// The views of each image that one answer is made of.
    pub tta: Tta,
}

impl EvaluationSet<'_> {
    /// Losses and accuracies of `model`: norms use their running statistics, dropout is off.
    ///
    /// # Errors
    /// Any [`EvaluationError`].
    pub fn evaluate(&self, model: &IdentityAdder) -> Result<Report, EvaluationError> {
        self.for_each_batch(model, |_, _| ())
    }

    /// As [`evaluate`](Self::evaluate), with what there is to know about the errors; the `worst` many of the images that
    /// fail are shown.
    ///
    /// # Errors
    /// Any [`EvaluationError`].
    pub fn analyze(
        &self,
        model: &IdentityAdder,
        worst: usize,
    ) -> Result<(Report, Analysis), EvaluationError> {
        let mut tally = AnalysisTally::new(self.addends, worst);
        let report = self.for_each_batch(model, |batch, logits| tally.add(batch, logits))?;
        Ok((report, tally.finish()))
    }

    /// Hands each batch with its logits to `watch`, in order, once they are known to fit.
    fn for_each_batch(
        &self,
        model: &IdentityAdder,
        mut watch: impl FnMut(&Batch, &Logits),
    ) -> Result<Report, EvaluationError> {
        let predictor = Predictor::new(model)?;
        let mut tally = Tally::default();
        let mut parts = PartTallies::default();
        for batch in evaluation_batches(self.data, self.indices, BATCH_SIZE, self.addends)? {
            let addends = match self.addends {
                EvaluationAddends::Fixed { .. } => Addends::Each(&batch.addends),
                EvaluationAddends::Exhaustive => Addends::All,
            };
            let logits = self.tta.predict(&predictor, &batch.images, addends)?;
            tally += Tally::of_logits(&logits.digit, &logits.sum, &batch.digits, &batch.sums)?;
            if !self.held_out.is_empty() {
                parts.add(&batch, &logits, self.held_out)?;
            }
            watch(&batch, &logits);
        }
        let (pairs, loss) = (tally.pairs, tally.digit_loss + tally.sum_loss);
        if pairs == 0 {
            return Err(EvaluationError::Empty);
        }
        if !loss.is_finite() {
            return Err(EvaluationError::NotFinite { pairs, loss });
        }
        let (images, metrics, parts) = (self.indices.len() as u64, tally.metrics(), parts.finish());
        Ok(Report { split: self.split, images, pairs, metrics, parts })
    }
}

/// The tallies of the pairs that training showed and of those that it held out.
#[derive(Default)]
struct PartTallies {
    seen: Tally,
    unseen: Tally,
}

impl PartTallies {
    /// Adds each pair to the part that it belongs to.
    fn add(&mut self, batch: &Batch, logits: &Logits, held_out: PairSet) -> Result<(), adder_model::Error> {
        let rows = logits.digit.chunks_exact(DIGITS).zip(logits.sum.chunks_exact(SUMS));
        for (pair, (digit, sum)) in rows.enumerate() {
            let unseen = held_out.contains(batch.digits[pair], batch.addends[pair]);
            let part = if unseen { &mut self.unseen } else { &mut self.seen };
            *part += Tally::of_logits(digit, sum, &batch.digits[pair..=pair], &batch.sums[pair..=pair])?;
        }
        Ok(())
    }

    fn finish(&self) -> PairParts {
        let part = |tally: &Tally| {
            (tally.pairs > 0).then(|| PairMetrics { pairs: tally.pairs, metrics: tally.metrics() })
        };
        PairParts { seen: part(&self.seen), unseen: part(&self.unseen) }
    }
}

/// Evaluates `model` on the images of `data` at `indices`, as [`EvaluationSet::evaluate`] does, each image as
/// it is and no pair held out.
///
/// # Errors
/// Any [`EvaluationError`].
pub fn evaluate(
    model: &IdentityAdder,
    split: EvaluationSplit,
    data: &Labeled,
    indices: &[u32],
    addends: EvaluationAddends,
) -> Result<Report, EvaluationError> {
    let (held_out, tta) = (PairSet::default(), Tta::default());
    EvaluationSet { split, data, indices, addends, held_out, tta }.evaluate(model)
}

#[cfg(test)]
pub(crate) mod tests {
    use adder_data::PIXELS;
    use adder_model::{HeadMetrics, Mode, ModelConfig};
    use adder_random::{Purpose, Stream};
    use candle_core::{Device, Tensor};

    use super::*;

    fn data(images: usize) -> Labeled {
        let mut stream = Stream::new(1, Purpose::Test, 0, 0);
        let pixels = (0..images * PIXELS).map(|_| stream.below(256) as u8).collect();
        Labeled::new(pixels, (0..images).map(|_| stream.below(10) as u8).collect()).unwrap()
    }

    /// A small network with random weights.
    pub(crate) fn model() -> IdentityAdder {
        let config = ModelConfig {
            channels: vec![4],
            pool_after: vec![1],
            unpadded: vec![],
            dropout_free: vec![],
            ..ModelConfig::default()
        };
        IdentityAdder::new(&config, 5, &Device::Cpu).unwrap()
    }

    #[test]
    fn the_json_is_the_documented_one() {
        let head = |loss, accuracy| HeadMetrics { loss, accuracy };
        let metrics = Metrics { digit: head(0.25, 99.5), sum: head(0.5, 99.0), both: head(0.75, 98.5) };
        let report = Report {
            split: EvaluationSplit::Evaluation,
            images: 200,
            pairs: 2000,
            metrics,
            parts: PairParts::default(),
        };
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(
            json,
            concat!(
                r#"{"split":"eval","images":200,"pairs":2000,"digit":{"loss":0.25,"accuracy":99.5},"#,
                r#""sum":{"loss":0.5,"accuracy":99.0},"both":{"loss":0.75,"accuracy":98.5}}"#
            )
        );
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    }

    /// One image at a time through the training graph's forward pass, counted by hand.
    fn naive(model: &IdentityAdder, data: &Labeled, pairs: &[(u32, u8)]) -> [f64; 4] {
        let [mut loss, mut digits_right, mut sums_right, mut both_right] = [0.0; 4];
        for &(index, addend) in pairs {
            let pixels: Vec<f32> =
                data.image(index).iter().map(|&byte| adder_data::normalize(f32::from(byte))).collect();
            let image = Tensor::from_vec(pixels, (1, 1, 28, 28), &Device::Cpu).unwrap();
            let addends = Tensor::new(&[u32::from(addend)], &Device::Cpu).unwrap();
            let logits = model.forward(&image, &addends, Mode::Evaluate).unwrap();
            let digit = usize::from(data.label(index));
            let mut right = Vec::new();
            for (logits, target) in [(logits.digit, digit), (logits.sum, digit + usize::from(addend))] {
                let row: Vec<f64> = logits
                    .flatten_all()
                    .unwrap()
                    .to_vec1::<f32>()
                    .unwrap()
                    .iter()
                    .map(|&x| x.into())
                    .collect();
                loss -= (row[target].exp() / row.iter().map(|x| x.exp()).sum::<f64>()).ln();
                right.push(row.iter().all(|&x| x <= row[target]));
            }
            digits_right += f64::from(u8::from(right[0]));
            sums_right += f64::from(u8::from(right[1]));
            both_right += f64::from(u8::from(right[0] && right[1]));
        }
        let count = pairs.len() as f64;
        [loss / count, 100.0 * digits_right / count, 100.0 * sums_right / count, 100.0 * both_right / count]
    }

    fn assert_matches(report: &Report, expected: [f64; 4]) {
        let Metrics { digit, sum, both } = report.metrics;
        assert!((both.loss - expected[0]).abs() < 1e-5, "{} is not {}", both.loss, expected[0]);
        assert!((digit.loss + sum.loss - both.loss).abs() < 1e-9);
        assert_eq!([digit.accuracy, sum.accuracy, both.accuracy], [expected[1], expected[2], expected[3]]);
    }

    #[test]
    fn an_evaluation_is_what_one_pair_after_the_other_comes_to() {
        // More than two batches, the last one partial, of images in another order.
        let (model, data) = (model(), data(30));
        let indices: Vec<u32> = (0..1_007).map(|n| n * 7 % 30).collect();
        let addends = EvaluationAddends::Fixed { seed: 3 };
        let report = evaluate(&model, EvaluationSplit::Validation, &data, &indices, addends).unwrap();
        let pairs: Vec<_> =
            indices.iter().map(|&index| (index, adder_data::pairing::evaluation_addend(3, index))).collect();
        assert_eq!((report.images, report.pairs), (1_007, 1_007));
        assert_matches(&report, naive(&model, &data, &pairs));
    }

    #[test]
    fn the_exhaustive_mode_gives_each_image_all_ten() {
        let (model, data) = (model(), data(30));
        let report = evaluate(
            &model,
            EvaluationSplit::Evaluation,
            &data,
            &data.indices(),
            EvaluationAddends::Exhaustive,
        )
        .unwrap();
        let pairs: Vec<_> =
            data.indices().into_iter().flat_map(|index| (0..10).map(move |addend| (index, addend))).collect();
        assert_eq!((report.images, report.pairs), (30, 300));
        assert_matches(&report, naive(&model, &data, &pairs));
    }

    #[test]
    fn an_analysis_counts_what_the_report_does() {
        let (model, data) = (model(), data(30));
        let indices: Vec<u32> = (0..1_007).map(|n| n * 7 % 30).collect();
        for addends in [EvaluationAddends::Fixed { seed: 3 }, EvaluationAddends::Exhaustive] {
            let split = EvaluationSplit::Validation;
            let (held_out, tta) = (PairSet::default(), Tta::default());
            let set = EvaluationSet { split, data: &data, indices: &indices, addends, held_out, tta };
            let (report, analysis) = set.analyze(&model, 4).unwrap();
            assert_eq!(report, evaluate(&model, split, &data, &indices, addends).unwrap());
            assert_eq!((analysis.pairs, analysis.joint.pairs), (report.pairs, report.pairs));
            assert_eq!(analysis.exhaustive, addends == EvaluationAddends::Exhaustive);
            let share = |pairs: u64| 100.0 * pairs as f64 / report.pairs as f64;
            let joint = analysis.joint;
            assert_eq!(share(joint.both_right), report.metrics.both.accuracy);
            assert_eq!(share(joint.both_right + joint.digit_only), report.metrics.digit.accuracy);
            assert_eq!(share(joint.both_right + joint.sum_only), report.metrics.sum.accuracy);
            let wrong: u64 = analysis.errors.by_addend.iter().map(|counts| counts.either).sum();
            assert_eq!(wrong, report.pairs - joint.both_right);
            assert_eq!(analysis.worst.len(), 4);
        }
    }

    #[test]
    fn pairs_that_training_held_out_are_reported_apart() {
        let (model, data) = (model(), data(30));
        let (indices, addends) = (data.indices(), EvaluationAddends::Exhaustive);
        let held_out: PairSet = [[3, 4], [5, 0], [7, 2]].into_iter().collect();
        let (split, tta) = (EvaluationSplit::Evaluation, Tta::default());
        let set = EvaluationSet { split, data: &data, indices: &indices, addends, held_out, tta };
        let report = set.evaluate(&model).unwrap();
        let whole = evaluate(&model, split, &data, &indices, addends).unwrap();
        assert_eq!(Report { parts: PairParts::default(), ..report }, whole);
        let all = indices.iter().flat_map(|&index| (0..10).map(move |addend| (index, addend)));
        let is_unseen = |&(index, addend): &(u32, u8)| held_out.contains(data.label(index), addend);
        let (unseen, seen): (Vec<_>, Vec<_>) = all.partition(is_unseen);
        for (part, pairs) in [(report.parts.seen, seen), (report.parts.unseen, unseen)] {
            let PairMetrics { pairs: count, metrics } = part.unwrap();
            assert_eq!(count, pairs.len() as u64);
            assert_matches(&Report { metrics, ..whole }, naive(&model, &data, &pairs));
        }
        let json = serde_json::to_string(&report).unwrap();
        assert!(json.contains(r#""seen":{"pairs":"#) && json.contains(r#""unseen":{"pairs":"#), "{json}");
        assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
        // A part without a pair has no accuracy.
        let fives = [[5u8, 0]].into_iter().collect();
        let none = EvaluationSet { held_out: fives, addends: EvaluationAddends::Exhaustive, ..set };
        let other: Vec<u32> = indices.iter().copied().filter(|&index| data.label(index) != 5).collect();
        let report = EvaluationSet { indices: &other, ..none }.evaluate(&model).unwrap();
        assert_eq!(
            (report.parts.seen.map(|part| part.pairs), report.parts.unseen),
            (Some(report.pairs), None)
        );
    }

    #[test]
    fn nothing_to_evaluate_is_an_error() {
        let fixed = EvaluationAddends::Fixed { seed: 3 };
        let found = evaluate(&model(), EvaluationSplit::Validation, &data(1), &[], fixed);
        assert!(matches!(found, Err(EvaluationError::Empty)));
        let found = evaluate(&model(), EvaluationSplit::Validation, &data(1), &[1], fixed);
        assert!(matches!(found, Err(EvaluationError::Data(adder_data::Error::Index { found: 1, .. }))));
    }
}
