use super::*;

/// Logits whose largest is at `class`, with that probability in a head of `classes`.
fn row(classes: usize, class: u8, probability: f64) -> Vec<f32> {
    let other = (1.0 - probability) / (classes - 1) as f64;
    (0..classes)
        .map(|at| if at == usize::from(class) { probability.ln() } else { other.ln() } as f32)
        .collect()
}

/// A batch of images with `per_image` pairs each, given as (image, digit, addend, answered digit, answered sum).
fn batch(per_image: usize, pairs: &[(u32, u8, u8, u8, u8)]) -> (Batch, Logits) {
    let mut batch = Batch { addends_per_image: per_image, ..Batch::default() };
    let mut logits = Logits { digit: Vec::new(), sum: Vec::new() };
    for (place, &(image, digit, addend, answered_digit, answered_sum)) in pairs.iter().enumerate() {
        if place % per_image == 0 {
            batch.indices.push(image);
        }
        batch.addends.push(addend);
        batch.digits.push(digit);
        batch.sums.push(digit + addend);
        logits.digit.extend(row(DIGITS, answered_digit, 0.9));
        logits.sum.extend(row(SUMS, answered_sum, 0.8));
    }
    (batch, logits)
}

/// Six pairs of three images: a slip in adding, a sum without its digit, a misread digit, and three right ones.
fn hand_made() -> Analysis {
    let (first, first_logits) = batch(
        2,
        &[
            (70, 3, 1, 3, 4),  // right
            (70, 3, 9, 3, 11), // the digit alone
            (12, 4, 0, 9, 9),  // misread, and added rightly
            (12, 4, 5, 9, 9),  // the sum alone
        ],
    );
    let (second, second_logits) = batch(2, &[(5, 9, 9, 9, 18), (5, 9, 0, 9, 9)]);
    let mut tally = AnalysisTally::new(EvaluationAddends::Fixed { seed: 1 }, 2);
    tally.add(&first, &first_logits);
    tally.add(&second, &second_logits);
    tally.finish()
}

#[test]
fn the_joint_counts_are_the_hand_made_ones() {
    let analysis = hand_made();
    assert_eq!((analysis.pairs, analysis.exhaustive), (6, false));
    let expected = Joint {
        pairs: 6,
        both_right: 3,
        digit_only: 1,
        sum_only: 1,
        neither_right: 1,
        consistent: 4,
        misread: 1,
        sum_given_digit: Some(75.0),
        digit_given_sum: Some(75.0),
        consistency: Some(100.0 * 4.0 / 6.0),
    };
    assert_eq!(analysis.joint, expected);
}

#[test]
fn a_slip_in_adding_is_not_a_lucky_sum() {
    let count = |answered_digit, answered_sum| {
        let (batch, logits) = batch(1, &[(1, 4, 3, answered_digit, answered_sum)]);
        let mut tally = AnalysisTally::new(EvaluationAddends::Fixed { seed: 1 }, 1);
        tally.add(&batch, &logits);
        let Joint { both_right, digit_only, sum_only, neither_right, misread, .. } = tally.finish().joint;
        [both_right, digit_only, sum_only, neither_right, misread]
    };
    assert_eq!(count(4, 7), [1, 0, 0, 0, 0]);
    assert_eq!(count(4, 8), [0, 1, 0, 0, 0]);
    assert_eq!(count(5, 7), [0, 0, 1, 0, 0]);
    assert_eq!(count(5, 8), [0, 0, 0, 1, 1]);
    assert_eq!(count(5, 9), [0, 0, 0, 1, 0]);
}

#[test]
fn confusions_and_scores_are_the_hand_made_ones() {
    let analysis = hand_made();
    let cell = |target: usize, answer: usize| analysis.digit.confusion.rows()[target][answer];
    assert_eq!([cell(3, 3), cell(4, 9), cell(9, 9), cell(9, 4)], [2, 2, 2, 0]);
    assert_eq!(analysis.digit.confusion.mistakes(), [(4, 9, 2)]);
    // True sums 4, 12, 4, 9, 18, 9 answered as 4, 11, 9, 9, 18, 9.
    assert_eq!(analysis.sum.confusion.mistakes(), [(4, 9, 1), (12, 11, 1)]);
    let nine = analysis.digit.classes[9];
    assert_eq!((nine.class, nine.pairs, nine.answered), (9, 2, 4));
    assert_eq!((nine.precision, nine.recall), (Some(50.0), Some(100.0)));
    // 2 * 0.5 * 1 / (0.5 + 1)
    assert!((nine.f1.unwrap() - 200.0 / 3.0).abs() < 1e-9);
    let four = analysis.digit.classes[4];
    assert_eq!((four.precision, four.recall, four.f1), (None, Some(0.0), Some(0.0)));
    let absent = analysis.digit.classes[0];
    assert_eq!((absent.precision, absent.recall, absent.f1), (None, None, None));
}

#[test]
fn calibration_is_of_the_answers_own_probability() {
    let analysis = hand_made();
    // Digits: confidence 0.9, four of six right. Sums: 0.8, four of six right.
    for (head, confidence) in [(&analysis.digit, 90.0), (&analysis.sum, 80.0)] {
        let error = head.calibration.expected_error.unwrap();
        assert!((error - (confidence - 400.0 / 6.0)).abs() < 1e-4, "{error}");
        assert_eq!(head.calibration.bins.len(), 15);
    }
}

#[test]
fn errors_are_counted_where_they_belong() {
    let errors = hand_made().errors;
    let counts = |pairs, digit, sum, either| ErrorCounts { pairs, digit, sum, either };
    assert_eq!(errors.by_digit[4], counts(2, 2, 1, 2));
    assert_eq!(errors.by_digit[3], counts(2, 0, 1, 1));
    assert_eq!(errors.by_addend[0], counts(2, 1, 1, 1));
    assert_eq!(errors.by_addend[9], counts(2, 0, 1, 1));
    assert_eq!(errors.by_digit_and_addend[4][5], counts(1, 1, 0, 1));
    assert_eq!(errors.by_digit_and_addend[9][9], counts(1, 0, 0, 0));
    assert_eq!(errors.by_digit_and_addend[0][0], counts(0, 0, 0, 0));
}

#[test]
fn the_worst_image_comes_first_and_the_good_one_not_at_all() {
    let worst = hand_made().worst;
    let seen: Vec<_> =
        worst.iter().map(|image| (image.index, image.digit, image.failed_addends.clone())).collect();
    assert_eq!(seen, [(12, 4, vec![0, 5]), (70, 3, vec![9])]);
    let image = &worst[0];
    assert_eq!(image.pairs, 2);
    // The digit head gives 9 to the true 4 a ninth of 0.1 twice; the sum head a ninth of 0.2 / 2, then 0.8.
    let loss = (-(0.1f64 / 9.0).ln() - (0.2f64 / 18.0).ln() - (0.1f64 / 9.0).ln() - 0.8f64.ln()) / 2.0;
    assert!((image.loss - loss).abs() < 1e-5, "{} is not {loss}", image.loss);
    assert!((image.digit_probabilities[9] - 0.9).abs() < 1e-6);
    // Sums 9 + 0 and 9 + 5 of the answers 9 and 9; sums 4 + 0 and 4 + 5.
    assert!((image.sum_probabilities[9] - (0.8 + 0.2 / 18.0) / 2.0).abs() < 1e-6);
    assert!((image.sum_probabilities[4] - (0.2 / 18.0 + 0.8) / 2.0).abs() < 1e-6);
}

#[test]
fn only_so_many_images_are_shown() {
    let (batch, logits) = batch(1, &[(1, 2, 2, 3, 4), (2, 2, 2, 3, 5), (3, 1, 1, 1, 2)]);
    let mut tally = AnalysisTally::new(EvaluationAddends::Fixed { seed: 1 }, 1);
    tally.add(&batch, &logits);
    // Both fail once; the second has the greater loss.
    assert_eq!(tally.finish().worst.iter().map(|image| image.index).collect::<Vec<_>>(), [2]);
}

#[test]
fn hopeless_logits_have_a_finite_loss() {
    let (batch, mut logits) = batch(1, &[(1, 2, 2, 3, 4)]);
    logits.digit[3] = 3e38;
    let mut tally = AnalysisTally::new(EvaluationAddends::Exhaustive, 1);
    tally.add(&batch, &logits);
    assert!(tally.finish().worst[0].loss.is_finite());
}

#[test]
fn an_analysis_survives_json() {
    let analysis = hand_made();
    let json = serde_json::to_string(&analysis).unwrap();
    assert_eq!(serde_json::from_str::<Analysis>(&json).unwrap(), analysis);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["digit"]["confusion"][4][9], 2);
    assert!(value["digit"]["classes"][0]["precision"].is_null());
    assert_eq!(value["errors"]["by_digit_and_addend"][4][5]["digit"], 1);
    assert_eq!(value["joint"]["digit_only"], 1);
}

#[test]
fn the_table_says_it_in_words() {
    let table = hand_made().to_string();
    for line in [
        "analysis of 6 pairs, one addend for each image",
        "both right                                3    50.000 %",
        "sum right, given a right digit                 75.000 %",
        "  4   .   .   .   .   .   .   .   .   .   2",
        "4             2           -     0.00     0.00",
        "calibration of the digit: expected error 23.333 %",
        "     12      4     2/2    9 at  90.0 %",
    ] {
        assert!(table.contains(line), "no `{line}` in\n{table}");
    }
}
