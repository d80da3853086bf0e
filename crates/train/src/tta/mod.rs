//! Test-time augmentation (TTA): one answer out of several views of a pair.
//!
//! The views are the image moved by whole pixels, beside the addend that was asked for or beside all ten: the digit is the same
//! beside each, and a sum moves with its addend. Each head's answer is the mean of its softmax probabilities over the views: a
//! mean of logits would let one view that is sure of itself outvote the others.

mod mean_probabilities;

use adder_data::{PIXELS, SIDE, normalize};
use adder_model::{ADDENDS, Addends, DIGITS, Logits, Predictor, SUMS};
use serde::{Deserialize, Serialize};

use mean_probabilities::MeanProbabilities;

/// Test-time augmentation: the views that a pair of an image and an addend is seen in. By default the pair alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tta {
    shift: u8,
    /// Files from before there was this choice have views beside the addend that was asked for.
    #[serde(default)]
    all_addends: bool,
}

impl Tta {
    /// The image moved by every number of pixels from `-shift` to `shift` in both directions; what moves in is black, as in
    /// MNIST's margins.
    pub const fn shifted(shift: u8) -> Self {
        Self { shift, all_addends: false }
    }

    /// The same views of the image, each beside all ten addends, over which the heads are marginalized: a view's sum is moved by
    /// the difference between the addend that was asked for and its own. Sums that no digit gives are left out, so their logits
    /// are negative infinity.
    #[must_use]
    pub const fn with_all_addends(self) -> Self {
        Self { all_addends: true, ..self }
    }

    /// The number of views: `(2 * shift + 1)^2`, ten times that beside all addends.
    pub const fn count(self) -> usize {
        let along_a_side = 2 * self.shift as usize + 1;
        along_a_side * along_a_side * if self.all_addends { ADDENDS } else { 1 }
    }

    /// Logits as [`Predictor::predict_batch`] gives them; of more than one view, the logarithms of the mean probabilities, whose
    /// softmax is the mean.
    pub(crate) fn predict(
        self,
        predictor: &Predictor,
        images: &[f32],
        addends: Addends<'_>,
    ) -> adder_model::Result<Logits> {
        if self.count() == 1 {
            return predictor.predict_batch(images, addends);
        }
        let beside = if self.all_addends { Addends::All } else { addends };
        let mut logits = Logits { digit: Vec::new(), sum: Vec::new() };
        let [mut digit, mut sum] = [DIGITS, SUMS].map(MeanProbabilities::new);
        let mut view = vec![0.0; images.len()];
        for (down, right) in self.moves() {
            move_images(images, down, right, &mut view);
            predictor.predict_into(&view, beside, &mut logits)?;
            digit.add(&logits.digit);
            sum.add(&logits.sum);
        }
        if self.all_addends {
            let by_digit_head = digit.marginalize(|_| 0).logarithms();
            let by_sum_head = sum.marginalize(|addend| addend).logarithms();
            return Ok(for_pairs(&by_digit_head, &by_sum_head, addends));
        }
        Ok(Logits { digit: digit.logarithms(), sum: sum.logarithms() })
    }

    /// Pixels down and to the right.
    fn moves(self) -> impl Iterator<Item = (isize, isize)> {
        let shift = isize::from(self.shift);
        (-shift..=shift).flat_map(move |down| (-shift..=shift).map(move |right| (down, right)))
    }
}

/// The logits of the pairs that were asked about, from each head's of the image's digit, `[images, 10]`.
fn for_pairs(by_digit_head: &[f32], by_sum_head: &[f32], addends: Addends<'_>) -> Logits {
    let mut logits = Logits { digit: Vec::new(), sum: Vec::new() };
    let images = by_digit_head.chunks_exact(DIGITS).zip(by_sum_head.chunks_exact(DIGITS));
    for (image, (digits, of_sum)) in images.enumerate() {
        let asked = match addends {
            Addends::Each(addends) => usize::from(addends[image])..usize::from(addends[image]) + 1,
            Addends::All => 0..ADDENDS,
        };
        for addend in asked {
            logits.digit.extend_from_slice(digits);
            let row = logits.sum.len();
            logits.sum.resize(row + SUMS, f32::NEG_INFINITY);
            logits.sum[row + addend..][..DIGITS].copy_from_slice(of_sum);
        }
    }
    logits
}

/// Moves every normalized image `[28, 28]` of `from`.
fn move_images(from: &[f32], down: isize, right: isize, to: &mut [f32]) {
    // Black before normalization.
    to.fill(normalize(0.0));
    let overlap = |by: isize| SIDE.saturating_sub(by.unsigned_abs());
    let (rows, columns) = (overlap(down), overlap(right));
    let start = |by: isize| (by.max(0) as usize).min(SIDE);
    for (from, to) in from.chunks_exact(PIXELS).zip(to.chunks_exact_mut(PIXELS)) {
        for row in 0..rows {
            let source = (row + start(-down)) * SIDE + start(-right);
            let target = (row + start(down)) * SIDE + start(right);
            to[target..target + columns].copy_from_slice(&from[source..source + columns]);
        }
    }
}

#[cfg(test)]
mod tests {
    use adder_model::{Prediction, argmax};
    use adder_random::{Purpose, Stream};

    use super::*;

    #[test]
    fn an_image_moves_and_black_moves_in() {
        let from: Vec<f32> = (0..2 * PIXELS).map(|at| at as f32).collect();
        let mut to = vec![f32::NAN; from.len()];
        move_images(&from, 1, -2, &mut to);
        let black = normalize(0.0);
        let at = |image: usize, row: usize, column: usize| image * PIXELS + row * SIDE + column;
        for image in 0..2 {
            assert_eq!(to[at(image, 1, 0)], from[at(image, 0, 2)]);
            assert_eq!(to[at(image, 27, 25)], from[at(image, 26, 27)]);
            assert_eq!([to[at(image, 0, 5)], to[at(image, 9, 26)], to[at(image, 9, 27)]], [black; 3]);
        }
        move_images(&from, 0, 0, &mut to);
        assert_eq!(to, from);
        move_images(&from, 28, 40, &mut to);
        assert!(to.iter().all(|&pixel| pixel == black));
    }

    #[test]
    fn there_are_nine_views_of_one_pixel() {
        let moves: Vec<_> = Tta::shifted(1).moves().collect();
        let nine = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 0), (0, 1), (1, -1), (1, 0), (1, 1)];
        assert_eq!(moves, nine);
        assert_eq!([0, 1, 2].map(|shift| Tta::shifted(shift).count()), [1, 9, 25]);
        assert_eq!([0, 1].map(|shift| Tta::shifted(shift).with_all_addends().count()), [10, 90]);
    }

    #[test]
    fn a_file_that_knows_shifts_alone_is_of_the_addend_asked_for() {
        assert_eq!(serde_json::from_str::<Tta>(r#"{"shift":1}"#).unwrap(), Tta::shifted(1));
        let views = Tta::shifted(2).with_all_addends();
        assert_eq!(serde_json::from_str::<Tta>(&serde_json::to_string(&views).unwrap()).unwrap(), views);
    }

    const IMAGES: usize = 3;

    fn predictor() -> Predictor {
        Predictor::new(&crate::evaluation::tests::model()).unwrap()
    }

    fn images() -> Vec<f32> {
        let mut stream = Stream::new(1, Purpose::Test, 0, 0);
        (0..IMAGES * PIXELS).map(|_| stream.uniform(-1.0, 3.0)).collect()
    }

    /// For each move of the images, what is said of every image beside every addend.
    fn answers_to_moves(predictor: &Predictor) -> Vec<Vec<Prediction>> {
        let images = images();
        let mut view = vec![0.0; images.len()];
        let answers = Tta::shifted(1).moves().map(|(down, right)| {
            move_images(&images, down, right, &mut view);
            predictor.predict_batch(&view, Addends::All).unwrap().predictions().collect()
        });
        answers.collect()
    }

    /// Asserts that `found` says `digits` and `sums`, in any scale.
    fn assert_says(found: &Prediction, digits: &[f32], sums: &[f32]) {
        for (answer, found, expected) in
            [(found.digit, &found.digit_probabilities, digits), (found.sum, &found.sum_probabilities, sums)]
        {
            assert_eq!(usize::from(answer), argmax(expected));
            let total: f32 = expected.iter().sum();
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected / total).abs() < 1e-5, "{found} is not {expected} of {total}");
            }
        }
    }

    #[test]
    fn of_shifts_a_prediction_is_the_mean_of_the_answers_to_each() {
        let predictor = predictor();
        let found = Tta::shifted(1).predict(&predictor, &images(), Addends::All).unwrap();
        let to_moves = answers_to_moves(&predictor);
        for (pair, found) in found.predictions().enumerate() {
            let [mut digits, mut sums] = [vec![0.0; DIGITS], vec![0.0; SUMS]];
            for answers in &to_moves {
                add(&mut digits, &answers[pair].digit_probabilities);
                add(&mut sums, &answers[pair].sum_probabilities);
            }
            assert_says(&found, &digits, &sums);
        }
        let alone = Tta::default().predict(&predictor, &images(), Addends::All).unwrap();
        assert_eq!(alone, predictor.predict_batch(&images(), Addends::All).unwrap());
    }

    #[test]
    fn with_all_addends_a_sum_moves_with_its_addend() {
        let predictor = predictor();
        let views = Tta::shifted(1).with_all_addends();
        let found = views.predict(&predictor, &images(), Addends::All).unwrap();
        assert_eq!(found.pairs(), IMAGES * ADDENDS);
        let to_moves = answers_to_moves(&predictor);
        for (pair, found) in found.predictions().enumerate() {
            let (image, asked) = (pair / ADDENDS, pair % ADDENDS);
            let [mut digits, mut sums] = [vec![0.0; DIGITS], vec![0.0; SUMS]];
            for answers in &to_moves {
                for addend in 0..ADDENDS {
                    let answer = &answers[image * ADDENDS + addend];
                    add(&mut digits, &answer.digit_probabilities);
                    for digit in 0..DIGITS {
                        sums[digit + asked] += answer.sum_probabilities[digit + addend];
                    }
                }
            }
            assert_says(&found, &digits, &sums);
        }
        // One addend for each image: the same pairs.
        let each = views.predict(&predictor, &images(), Addends::Each(&[7, 0, 9])).unwrap();
        for (answer, pair) in each.predictions().zip([7, ADDENDS, 2 * ADDENDS + 9]) {
            assert_eq!(answer, found.predictions().nth(pair).unwrap());
        }
        assert_eq!(each.pairs(), IMAGES);
    }

    fn add(totals: &mut [f32], probabilities: &[f32]) {
        totals.iter_mut().zip(probabilities).for_each(|(total, probability)| *total += probability);
    }
}
