//! Logits, predictions, and how people and programs get them: all ten sums, doubts, and maps as shades.

use serde::Serialize;

use crate::tally::argmax;
use crate::{ADDENDS, DIGITS, FeatureMaps, SUMS, softmax};

/// The addends to add to each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addends<'a> {
    /// One for each image.
    Each(&'a [u8]),
    /// All ten for each image: the pairs of one image stand together, addend 0 first. They share one pass through the
    /// convolutions.
    All,
}

/// The logits of a batch of pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// `[pairs, 10]`, row by row.
    pub digit: Vec<f32>,
    /// `[pairs, 19]`, row by row.
    pub sum: Vec<f32>,
}

/// Below this probability of the digit or of the sum the network counts as unsure. At 0.8 hardly fewer generated pictures are
/// answered wrong without a doubt, and more right ones are doubted: docs/pictures.md.
pub const SURE: f32 = 0.7;

/// The prediction for one pair of an image and an addend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The most probable digit.
    pub digit: u8,
    /// The most probable sum.
    pub sum: u8,
    /// A probability for each digit 0..=9.
    pub digit_probabilities: Vec<f32>,
    /// A probability for each sum 0..=18.
    pub sum_probabilities: Vec<f32>,
}

impl Logits {
    /// The number of pairs.
    pub fn pairs(&self) -> usize {
        self.digit.len() / DIGITS
    }

    /// The predictions, pair by pair.
    pub fn predictions(&self) -> impl Iterator<Item = Prediction> {
        let rows = self.digit.chunks_exact(DIGITS).zip(self.sum.chunks_exact(SUMS));
        rows.map(|(digit, sum)| Prediction::of(digit, sum))
    }

    /// The predictions image by image, of logits with [`Addends::All`](crate::Addends::All).
    pub fn by_image(&self) -> impl Iterator<Item = AllPredictions> {
        let mut answers = self.predictions();
        (0..self.pairs() / ADDENDS).map(move |_| {
            let answers = (0..).zip(answers.by_ref().take(ADDENDS));
            let sums: Vec<Sum> = answers.map(|(addend, answer)| Sum { addend, answer }).collect();
            let Prediction { digit, ref digit_probabilities, .. } = sums[0].answer;
            AllPredictions { digit, digit_probabilities: digit_probabilities.clone(), sums }
        })
    }
}

impl Prediction {
    /// The prediction of `[10]` logits of the digit and `[19]` of the sum.
    pub(crate) fn of(digit: &[f32], sum: &[f32]) -> Self {
        Self {
            digit: argmax(digit) as u8,
            sum: argmax(sum) as u8,
            digit_probabilities: probabilities(digit),
            sum_probabilities: probabilities(sum),
        }
    }

    /// The reasons why this prediction beside `addend` may be wrong, in words; none where nothing speaks against it.
    pub fn doubts(&self, addend: u8) -> impl Iterator<Item = String> + use<> {
        let Self { digit, sum, ref digit_probabilities, ref sum_probabilities } = *self;
        let least = digit_probabilities[usize::from(digit)].min(sum_probabilities[usize::from(sum)]);
        let unsure = (least < SURE).then(|| {
            let mut order: Vec<usize> = (0..digit_probabilities.len()).collect();
            order.sort_by(|&a, &b| digit_probabilities[b].total_cmp(&digit_probabilities[a]));
            format!("the network is unsure: it may be a {} or a {}", order[0], order[1])
        });
        let disagree =
            (digit + addend != sum).then(|| format!("the heads disagree: digit {digit}, but sum {sum}"));
        unsure.into_iter().chain(disagree)
    }
}

fn probabilities(logits: &[f32]) -> Vec<f32> {
    let mut probabilities = logits.to_vec();
    softmax(&mut probabilities, logits.len());
    probabilities
}

/// The predictions for one image beside every addend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AllPredictions {
    /// The digit beside addend 0.
    pub digit: u8,
    /// A probability for each digit 0..=9, beside addend 0.
    pub digit_probabilities: Vec<f32>,
    /// The predictions for the addends 0..=9.
    pub sums: Vec<Sum>,
}

/// The prediction for one image and one addend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sum {
    /// The addend.
    pub addend: u8,
    /// The answer.
    #[serde(flatten)]
    pub answer: Prediction,
}

/// Feature maps as pictures: each map from its least value, 0, to its largest, 255.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShadedMaps {
    /// The number of maps.
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// `[channels]`, the least and the largest value of each map.
    pub ranges: Vec<[f32; 2]>,
    /// `[channels, height, width]`, row by row.
    pub pixels: Vec<u8>,
}

impl From<&FeatureMaps> for ShadedMaps {
    fn from(maps: &FeatureMaps) -> Self {
        let FeatureMaps { channels, height, width, ref values } = *maps;
        let mut shaded = Self { channels, height, width, ranges: Vec::new(), pixels: Vec::new() };
        for map in values.chunks_exact(height * width) {
            let [low, high] = map
                .iter()
                .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &x| [low.min(x), high.max(x)]);
            let scale = 255.0 / (high - low).max(f32::MIN_POSITIVE);
            shaded.ranges.push([low, high]);
            shaded.pixels.extend(map.iter().map(|value| (scale * (value - low)).round() as u8));
        }
        shaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_largest_logits_and_sum_to_one() {
        let mut prediction = Logits { digit: vec![0.0; 2 * DIGITS], sum: vec![0.0; 2 * SUMS] };
        prediction.digit[4] = 3f32.ln();
        prediction.sum[SUMS + 18] = 200.0;
        let answers: Vec<Prediction> = prediction.predictions().collect();
        assert_eq!((prediction.pairs(), answers[0].digit, answers[0].sum, answers[1].sum), (2, 4, 0, 18));
        assert!((answers[0].digit_probabilities[4] - 0.25).abs() < 1e-6);
        assert!((answers[1].sum_probabilities[18] - 1.0).abs() < 1e-6);
        assert!((answers[1].digit_probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn answers_stand_by_image_and_addend() {
        let mut prediction = Logits { digit: vec![0.0; 20 * DIGITS], sum: vec![0.0; 20 * SUMS] };
        prediction.digit[10 * DIGITS + 3] = 9.0;
        prediction.sum[14 * SUMS + 7] = 9.0;
        let images: Vec<AllPredictions> = prediction.by_image().collect();
        assert_eq!(images.iter().map(|image| image.digit).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(images[1].digit_probabilities, images[1].sums[0].answer.digit_probabilities);
        assert_eq!(
            images[1].sums.iter().map(|sum| sum.addend).collect::<Vec<_>>(),
            (0..10).collect::<Vec<_>>()
        );
        assert_eq!(
            images[1].sums.iter().map(|sum| sum.answer.sum).collect::<Vec<_>>(),
            [0, 0, 0, 0, 7, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn doubts_are_a_low_probability_and_heads_that_disagree() {
        let sure = |classes: usize, class: usize, share: f32| -> Vec<f32> {
            (0..classes).map(|at| if at == class { share } else { 0.0 }).collect()
        };
        let answer = |digit_share, sum| Prediction {
            digit: 3,
            sum,
            digit_probabilities: sure(DIGITS, 3, digit_share),
            sum_probabilities: sure(SUMS, sum.into(), 0.9),
        };
        let doubts = |answer: Prediction| answer.doubts(4).collect::<Vec<_>>();
        assert_eq!(doubts(answer(0.9, 7)), [""; 0]);
        assert_eq!(doubts(answer(0.6, 7)), ["the network is unsure: it may be a 3 or a 0"]);
        assert_eq!(doubts(answer(0.9, 8)), ["the heads disagree: digit 3, but sum 8"]);
    }

    #[test]
    fn shades_run_from_the_least_to_the_largest_of_each_map() {
        let values = vec![-1.0, 0.0, 1.0, 3.0, 5.0, 5.0, 5.0, 5.0];
        let shaded = ShadedMaps::from(&FeatureMaps { channels: 2, height: 2, width: 2, values });
        assert_eq!(shaded.ranges, [[-1.0, 3.0], [5.0, 5.0]]);
        assert_eq!(shaded.pixels, [0, 64, 128, 255, 0, 0, 0, 0]);
    }
}
