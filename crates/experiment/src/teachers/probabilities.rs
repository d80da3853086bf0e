//! The mean probabilities of the teachers of a run for a batch.

use adder_data::Batch;
use adder_model::{ADDENDS, DIGITS, Logits, SUMS, softmax};
use adder_train::PairTargets;
use candle_core::{Device, Tensor};

/// Probabilities for every image beside each of the ten addends. Not in logarithms as those of test-time augmentation: a target
/// needs no logarithm of a hopeless class, but the same bits on every machine.
#[derive(Debug, Default)]
pub(crate) struct TeacherProbabilities {
    /// `[images, 10, 10]`.
    digits: Vec<f32>,
    /// `[images, 10, 19]`.
    sums: Vec<f32>,
}

impl TeacherProbabilities {
    /// The mean over `predictions`, each of the same images beside all ten addends.
    ///
    /// # Errors
    /// The first that a prediction is.
    pub(crate) fn mean<E>(predictions: impl ExactSizeIterator<Item = Result<Logits, E>>) -> Result<Self, E> {
        let share = 1.0 / predictions.len() as f32;
        let mut mean = Self::default();
        for prediction in predictions {
            let Logits { digit, sum } = prediction?;
            add_softmax(&mut mean.digits, digit, DIGITS);
            add_softmax(&mut mean.sums, sum, SUMS);
        }
        mean.digits.iter_mut().chain(&mut mean.sums).for_each(|probability| *probability *= share);
        Ok(mean)
    }

    /// Marginalizes over the addends: all rows of an image become one distribution over its digit, the mean of the digit's beside
    /// each addend and of the sum's less that addend. Sums that no digit gives are left out.
    pub(crate) fn marginalize(&mut self) {
        let images =
            self.digits.chunks_exact_mut(ADDENDS * DIGITS).zip(self.sums.chunks_exact_mut(ADDENDS * SUMS));
        for (digits, sums) in images {
            let mut said = [0.0; DIGITS];
            for (addend, (digits, sums)) in
                digits.chunks_exact(DIGITS).zip(sums.chunks_exact(SUMS)).enumerate()
            {
                for (said, (digit, sum)) in said.iter_mut().zip(digits.iter().zip(&sums[addend..])) {
                    *said += digit + sum;
                }
            }
            let share = 1.0 / said.iter().fold(0.0, |total, said| total + said);
            said.iter_mut().for_each(|said| *said *= share);
            sums.fill(0.0);
            for (addend, (digits, sums)) in
                digits.chunks_exact_mut(DIGITS).zip(sums.chunks_exact_mut(SUMS)).enumerate()
            {
                digits.copy_from_slice(&said);
                sums[addend..][..DIGITS].copy_from_slice(&said);
            }
        }
    }

    /// The probabilities for the pairs of `batch`, whose images they are of, as a part `weight` of the targets.
    pub(crate) fn for_pairs(
        &self,
        batch: &Batch,
        weight: f32,
        device: &Device,
    ) -> candle_core::Result<PairTargets> {
        let gather = |of_all: &[f32], classes: usize| {
            let rows = batch.addends.iter().enumerate().map(|(pair, &addend)| {
                let row = pair / batch.addends_per_image * ADDENDS + usize::from(addend);
                &of_all[row * classes..][..classes]
            });
            Tensor::from_vec(rows.collect::<Vec<_>>().concat(), (batch.pairs(), classes), device)
        };
        Ok(PairTargets { digits: gather(&self.digits, DIGITS)?, sums: gather(&self.sums, SUMS)?, weight })
    }
}

/// Adds the softmax of rows of `classes` logits to `totals`, which may be empty yet.
fn add_softmax(totals: &mut Vec<f32>, mut logits: Vec<f32>, classes: usize) {
    softmax(&mut logits, classes);
    if totals.is_empty() {
        *totals = logits;
    } else {
        totals.iter_mut().zip(logits).for_each(|(total, probability)| *total += probability);
    }
}

#[cfg(test)]
mod tests {
    use adder_random::{Purpose, Stream};

    use super::*;

    /// The logits of two teachers for three images.
    fn predictions() -> [Logits; 2] {
        [0, 1].map(|teacher| {
            let mut stream = Stream::new(3, Purpose::Test, 0, teacher);
            let mut logits =
                |classes: usize| (0..3 * ADDENDS * classes).map(|_| stream.uniform(-4.0, 4.0)).collect();
            Logits { digit: logits(DIGITS), sum: logits(SUMS) }
        })
    }

    fn answers() -> TeacherProbabilities {
        TeacherProbabilities::mean(predictions().into_iter().map(Ok::<_, ()>)).unwrap()
    }

    /// Probabilities in f64, of row `row` of `classes` logits.
    fn probability(logits: &[f32], classes: usize, row: usize, class: usize) -> f64 {
        let row = &logits[row * classes..][..classes];
        let total: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
        f64::from(row[class]).exp() / total
    }

    #[test]
    fn the_mean_is_of_probabilities() {
        let answers = answers();
        let [one, other] = predictions();
        for (found, classes, one, other) in
            [(&answers.digits, DIGITS, &one.digit, &other.digit), (&answers.sums, SUMS, &one.sum, &other.sum)]
        {
            for (at, &found) in found.iter().enumerate() {
                let [one, other] =
                    [one, other].map(|logits| probability(logits, classes, at / classes, at % classes));
                assert!((f64::from(found) - (one + other) / 2.0).abs() < 1e-6, "{at}");
            }
        }
        let failed = [Ok(predictions()[0].clone()), Err("no answer")];
        assert_eq!(TeacherProbabilities::mean(failed.into_iter()).unwrap_err(), "no answer");
    }

    #[test]
    fn agreed_answers_are_one_distribution_over_the_digit() {
        let apart = answers();
        let mut agreed = answers();
        agreed.marginalize();
        for image in 0..3 {
            // What each teacher's head says of the digit, by the definition.
            let mut said = [0.0f64; DIGITS];
            for (digit, said) in said.iter_mut().enumerate() {
                for addend in 0..ADDENDS {
                    let row = image * ADDENDS + addend;
                    *said += f64::from(apart.digits[row * DIGITS + digit]);
                    *said += f64::from(apart.sums[row * SUMS + digit + addend]);
                }
            }
            let total: f64 = said.iter().sum();
            for addend in 0..ADDENDS {
                let row = image * ADDENDS + addend;
                for (digit, said) in said.iter().enumerate() {
                    let found = f64::from(agreed.digits[row * DIGITS + digit]);
                    assert!((found - said / total).abs() < 1e-6, "image {image}, digit {digit}");
                }
                for sum in 0..SUMS {
                    let digit = sum.checked_sub(addend).filter(|&digit| digit < DIGITS);
                    let expected = digit.map_or(0.0, |digit| agreed.digits[row * DIGITS + digit]);
                    assert_eq!(agreed.sums[row * SUMS + sum], expected, "image {image}, {addend} to {sum}");
                }
            }
        }
    }

    // By hand: the digit head says 3 beside every addend; the sum head says 5 more than the addend, but beside 9 it says 0, which
    // no digit gives. Twenty answers, of which nineteen count.
    #[test]
    fn a_sum_that_no_digit_gives_says_nothing() {
        let mut answers =
            TeacherProbabilities { digits: vec![0.0; ADDENDS * DIGITS], sums: vec![0.0; ADDENDS * SUMS] };
        for addend in 0..ADDENDS {
            answers.digits[addend * DIGITS + 3] = 1.0;
            answers.sums[addend * SUMS + if addend == 9 { 0 } else { addend + 5 }] = 1.0;
        }
        answers.marginalize();
        for (class, &found) in answers.digits[4 * DIGITS..][..DIGITS].iter().enumerate() {
            let expected = [(3, 10.0 / 19.0), (5, 9.0 / 19.0)].iter().find(|(digit, _)| *digit == class);
            assert!((found - expected.map_or(0.0, |(_, share)| *share)).abs() < 1e-6, "{class}: {found}");
        }
        assert_eq!(answers.sums[9 * SUMS..][..9], [0.0; 9]);
        assert!(answers.sums[9 * SUMS + 3 + 9] > answers.sums[9 * SUMS + 5 + 9]);
    }

    #[test]
    fn a_pair_takes_the_row_of_its_image_and_addend() {
        let answers = answers();
        let addends = vec![7, 0, 9, 9, 1, 3];
        let batch = Batch {
            indices: vec![0, 1, 2],
            addends_per_image: 2,
            digits: vec![0; addends.len()],
            sums: vec![0; addends.len()],
            addends,
            ..Batch::default()
        };
        let targets = answers.for_pairs(&batch, 0.25, &Device::Cpu).unwrap();
        let soft = targets.as_targets();
        assert_eq!(soft.weight, 0.25);
        let [digits, sums]: [Vec<Vec<f32>>; 2] = [soft.digits, soft.sums].map(|rows| rows.to_vec2().unwrap());
        assert_eq!((digits.len(), sums.len()), (6, 6));
        for (pair, row) in [7, 0, 19, 19, 21, 23].into_iter().enumerate() {
            assert_eq!(digits[pair], answers.digits[row * DIGITS..][..DIGITS]);
            assert_eq!(sums[pair], answers.sums[row * SUMS..][..SUMS]);
        }
    }
}
