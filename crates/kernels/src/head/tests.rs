use adder_random::{Purpose, Stream};
use proptest::prelude::*;

use super::*;
use crate::{Error, naive};

const NOTEBOOK: HeadSpec =
    HeadSpec { features: 16, embedding: 20, addends: 10, hidden: 64, digits: 10, sums: 19 };

/// Inputs of one training step.
struct Batch {
    spec: HeadSpec,
    features: Vec<f32>,
    params: Vec<f32>,
    addends: Vec<u8>,
    digits: Vec<u8>,
    sums: Vec<u8>,
    label_smoothing: f32,
    /// Distributions over both heads' classes, and their weight.
    soft: Option<([Vec<f32>; 2], f32)>,
}

/// Everything that a step gives.
#[derive(Debug, PartialEq)]
struct Step {
    digit_logits: Vec<f32>,
    sum_logits: Vec<f32>,
    /// Mean and variance of both norms.
    statistics: [Vec<f32>; 4],
    tally: HeadTally,
    grad_features: Vec<f32>,
    grad_params: Vec<f32>,
}

impl Batch {
    fn random(spec: HeadSpec, len: usize, label_smoothing: f32, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let mut floats = |len: usize| -> Vec<f32> { (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect() };
        let (features, params) = (floats(len * spec.features), floats(spec.parameters()));
        let mut classes =
            |count: usize| -> Vec<u8> { (0..len).map(|_| stream.below(count as u32) as u8).collect() };
        let (addends, digits, sums) = (classes(spec.addends), classes(spec.digits), classes(spec.sums));
        Self { spec, features, params, addends, digits, sums, label_smoothing, soft: None }
    }

    /// With other networks' answers for a part of each target.
    fn with_soft_targets(mut self, weight: f32, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 1);
        let soft = [self.spec.digits, self.spec.sums].map(|classes| {
            let mut values: Vec<f32> =
                (0..self.addends.len() * classes).map(|_| stream.uniform(-4.0, 4.0)).collect();
            softmax(&mut values, classes);
            values
        });
        self.soft = Some((soft, weight));
        self
    }

    fn targets(&self) -> Targets<'_> {
        let soft =
            self.soft.as_ref().map(|([digits, sums], weight)| SoftTargets { digits, sums, weight: *weight });
        let Self { digits, sums, label_smoothing, .. } = self;
        Targets { digits, sums, label_smoothing: *label_smoothing, soft }
    }

    fn step(&self, head: &Head) -> Step {
        let (len, spec) = (self.addends.len(), &self.spec);
        let pass = head.forward(&self.features, &self.addends, &self.params).unwrap();
        let (mut digit_logits, mut sum_logits) =
            (vec![f32::NAN; len * spec.digits], vec![f32::NAN; len * spec.sums]);
        pass.copy_logits(&mut digit_logits, &mut sum_logits).unwrap();
        let loss = pass.loss(self.targets()).unwrap();
        let (embedding, hidden) = (loss.pass().embedding_statistics(), loss.pass().hidden_statistics());
        let statistics =
            [embedding.mean, embedding.variance, hidden.mean, hidden.variance].map(<[f32]>::to_vec);
        let tally = loss.tally();
        let mut grad_features = vec![f32::NAN; self.features.len()];
        let mut grad_params = vec![f32::NAN; self.params.len()];
        loss.backward(1.0, &mut grad_features, &mut grad_params).unwrap();
        Step { digit_logits, sum_logits, statistics, tally, grad_features, grad_params }
    }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Equality up to `tolerance`, relative to the largest value of the tensor: small values are sums of larger ones.
fn assert_close(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.1f64, |largest, value| largest.max(value.abs()));
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs() / largest;
        assert!(error < tolerance, "{what} {at}: {found} against {expected}");
    }
}

/// Holds a step against the oracle.
fn assert_right(batch: &Batch, step: &Step, tolerance: f64) {
    let (features, params) = (wide(&batch.features), wide(&batch.params));
    let pass = naive::head::forward(&batch.spec, &features, &batch.addends, &params);
    assert_close(&step.digit_logits, &pass.digit_logits, tolerance, "digit logit");
    assert_close(&step.sum_logits, &pass.sum_logits, tolerance, "sum logit");
    let norms = [&pass.embedding_norm, &pass.hidden_norm];
    for (found, expected) in
        step.statistics.iter().zip(norms.iter().flat_map(|norm| [&norm.mean, &norm.variance]))
    {
        assert_close(found, expected, tolerance, "statistic");
    }
    let loss = naive::head::loss(&batch.spec, &pass, &batch.targets()) * batch.addends.len() as f64;
    assert!((step.tally.digit_loss + step.tally.sum_loss - loss).abs() <= tolerance * loss);
    let (grad_features, grad_params) =
        naive::head::backward(&batch.spec, &pass, &features, &params, &batch.targets());
    assert_close(&step.grad_features, &grad_features, tolerance, "gradient of feature");
    assert_close(&step.grad_params, &grad_params, tolerance, "gradient of parameter");
}

/// Whether no ReLU is so close to its kink that rounding could push it to the other side.
fn far_from_kinks(batch: &Batch) -> bool {
    let (features, params) = (wide(&batch.features), wide(&batch.params));
    let pass = naive::head::forward(&batch.spec, &features, &batch.addends, &params);
    [pass.embedding_norm, pass.hidden_norm]
        .iter()
        .flat_map(|norm| &norm.output)
        .all(|value| value.abs() > 1e-5)
}

#[test]
fn the_notebooks_head_agrees_with_the_oracle() {
    for isa in Isa::available() {
        let batch = Batch::random(NOTEBOOK, 128, 0.1, 1);
        assert_right(&batch, &batch.step(&Head::new(NOTEBOOK, isa).unwrap()), 1e-5);
    }
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for len in [1, 2, 3, 5, 8, 127, 128] {
        let batch = Batch::random(NOTEBOOK, len, 0.0, len as u64);
        let expected = batch.step(&Head::new(NOTEBOOK, Isa::SCALAR).unwrap());
        for isa in Isa::available() {
            assert_eq!(batch.step(&Head::new(NOTEBOOK, isa).unwrap()), expected, "{isa}, {len} pairs");
        }
    }
}

#[test]
fn buffers_are_used_again_and_leave_nothing_behind() {
    let head = Head::new(NOTEBOOK, Isa::best()).unwrap();
    let small = Batch::random(NOTEBOOK, 5, 0.0, 1);
    let expected = small.step(&head);
    let mut poison = Batch::random(NOTEBOOK, 128, 0.0, 2);
    poison.features.fill(f32::NAN);
    poison.step(&head);
    assert_eq!(small.step(&head), expected);
}

#[test]
fn right_answers_are_counted_and_of_equal_logits_the_first_wins() {
    // Without weights all logits are 0 and class 0 is the prediction.
    let mut batch = Batch::random(NOTEBOOK, 4, 0.0, 3);
    batch.params.fill(0.0);
    (batch.digits, batch.sums) = (vec![0, 0, 1, 2], vec![0, 5, 0, 3]);
    let tally = batch.step(&Head::new(NOTEBOOK, Isa::best()).unwrap()).tally;
    assert_eq!((tally.pairs, tally.digit_correct, tally.sum_correct, tally.both_correct), (4, 2, 2, 1));
    assert!((tally.digit_loss - 4.0 * 10f64.ln()).abs() < 1e-6);
    assert!((tally.sum_loss - 4.0 * 19f64.ln()).abs() < 1e-6);
}

#[test]
fn an_empty_batch_has_no_loss_and_no_gradient() {
    let step = Batch::random(NOTEBOOK, 0, 0.1, 4).step(&Head::new(NOTEBOOK, Isa::best()).unwrap());
    assert_eq!(step.tally, HeadTally::default());
    assert!(step.grad_params.iter().chain(step.statistics.iter().flatten()).all(|&value| value == 0.0));
}

#[test]
fn a_nan_reaches_the_loss_and_the_gradients() {
    for isa in Isa::available() {
        let mut batch = Batch::random(NOTEBOOK, 8, 0.0, 5);
        batch.features[17] = f32::NAN;
        let step = batch.step(&Head::new(NOTEBOOK, isa).unwrap());
        assert!(step.tally.digit_loss.is_nan() && step.tally.sum_loss.is_nan(), "{isa}: {:?}", step.tally);
        assert!(step.grad_params.iter().any(|value| value.is_nan()));
    }
}

#[test]
fn the_scale_of_the_loss_scales_the_gradients() {
    let batch = Batch::random(NOTEBOOK, 16, 0.0, 6);
    let head = Head::new(NOTEBOOK, Isa::best()).unwrap();
    let expected = batch.step(&head);
    let pass = head.forward(&batch.features, &batch.addends, &batch.params).unwrap();
    let (mut grad_features, mut grad_params) = (vec![0.0; 16 * 16], vec![0.0; NOTEBOOK.parameters()]);
    let loss = pass.loss(batch.targets()).unwrap();
    loss.backward(4.0, &mut grad_features, &mut grad_params).unwrap();
    assert!(
        grad_features.iter().zip(&expected.grad_features).all(|(found, expected)| *found == 4.0 * expected)
    );
    assert!(grad_params.iter().zip(&expected.grad_params).all(|(found, expected)| *found == 4.0 * expected));
}

#[test]
fn impossible_widths_are_named() {
    let isa = Isa::SCALAR;
    let error = Head::new(HeadSpec { hidden: 0, ..NOTEBOOK }, isa).unwrap_err();
    assert_eq!(error, Error::Dimension { argument: "hidden", found: 0, expected: "at least 1".into() });
    let error = Head::new(HeadSpec { sums: 257, ..NOTEBOOK }, isa).unwrap_err();
    assert_eq!(error, Error::Dimension { argument: "sums", found: 257, expected: "1 to 256 classes".into() });
    let error = Head::new(HeadSpec { features: usize::MAX, ..NOTEBOOK }, isa).unwrap_err();
    assert!(matches!(error, Error::TooLarge { argument: "spec", .. }));
}

#[test]
fn wrong_arguments_are_named() {
    let head = Head::new(NOTEBOOK, Isa::best()).unwrap();
    let params = vec![0.0; NOTEBOOK.parameters()];
    let error = head.forward(&[0.0; 33], &[1, 2], &params).unwrap_err();
    assert_eq!(error, Error::Length { argument: "features", expected: 32, found: 33 });
    let error = head.forward(&[0.0; 32], &[1, 10], &params).unwrap_err();
    assert_eq!(error, Error::Class { argument: "addends", index: 1, found: 10, classes: 10 });
    let error = head.forward(&[0.0; 32], &[1, 2], &params[1..]).unwrap_err();
    let expected = NOTEBOOK.parameters();
    assert_eq!(error, Error::Length { argument: "params", expected, found: expected - 1 });

    let loss_of = |targets: Targets<'_>| head.forward(&[0.0; 32], &[1, 2], &params).unwrap().loss(targets);
    let loss = |digits: &[u8], sums: &[u8], label_smoothing| {
        loss_of(Targets { digits, sums, label_smoothing, soft: None })
    };
    let error = loss(&[1], &[1, 1], 0.0).unwrap_err();
    assert_eq!(error, Error::Length { argument: "digits", expected: 2, found: 1 });
    let error = loss(&[1, 1], &[1, 19], 0.0).unwrap_err();
    assert_eq!(error, Error::Class { argument: "sums", index: 1, found: 19, classes: 19 });
    let error = loss(&[1, 1], &[1, 1], 1.0).unwrap_err();
    assert_eq!(error, Error::Probability { argument: "label_smoothing", found: 1.0 });
    let error = loss(&[1, 1], &[1, 1], 0.0).unwrap().backward(1.0, &mut [0.0; 31], &mut []).unwrap_err();
    assert_eq!(error, Error::Length { argument: "grad_features", expected: 32, found: 31 });

    let soft = |digits: &[f32], sums: &[f32], weight| {
        let soft = Some(SoftTargets { digits, sums, weight });
        loss_of(Targets { digits: &[1, 1], sums: &[1, 1], label_smoothing: 0.0, soft })
    };
    let error = soft(&[0.1; 20], &[0.1; 37], 1.0).unwrap_err();
    assert_eq!(error, Error::Length { argument: "soft sums", expected: 38, found: 37 });
    let error = soft(&[0.1; 20], &[0.1; 38], 1.5).unwrap_err();
    assert_eq!(error, Error::Part { argument: "weight", found: 1.5 });
}

#[test]
fn soft_targets_take_the_part_of_the_labels_that_they_are_given() {
    let head = Head::new(NOTEBOOK, Isa::best()).unwrap();
    let batch = |weight| Batch::random(NOTEBOOK, 128, 0.1, 7).with_soft_targets(weight, 7);
    for weight in [0.0, 0.3, 1.0] {
        assert_right(&batch(weight), &batch(weight).step(&head), 1e-5);
    }
    // Of no weight they change no bit, and alone they leave nothing to the labels.
    assert_eq!(batch(0.0).step(&head), Batch::random(NOTEBOOK, 128, 0.1, 7).step(&head));
    let mut other_labels = batch(1.0);
    other_labels.digits.rotate_left(1);
    other_labels.sums.rotate_left(1);
    let [one, other] = [batch(1.0).step(&head), other_labels.step(&head)];
    assert_eq!((one.grad_params, one.tally.sum_loss), (other.grad_params, other.tally.sum_loss));
}

#[test]
fn labels_as_distributions_are_labels() {
    let head = Head::new(NOTEBOOK, Isa::best()).unwrap();
    let mut batch = Batch::random(NOTEBOOK, 16, 0.0, 8);
    let expected = batch.step(&head);
    let one_hot = |labels: &[u8], classes: usize| -> Vec<f32> {
        let class = |label: u8| (0..classes).map(move |class| f32::from(u8::from(class == label.into())));
        labels.iter().flat_map(|&label| class(label)).collect()
    };
    batch.soft = Some(([one_hot(&batch.digits, 10), one_hot(&batch.sums, 19)], 1.0));
    assert_eq!(batch.step(&head), expected);
}

#[test]
fn a_softmax_is_what_the_formula_says() {
    let mut found = [0.0, 2f32.ln(), 5f32.ln(), -200.0, 88.0, 88.0];
    softmax(&mut found, 3);
    for (found, expected) in found.iter().zip([0.125, 0.25, 0.625, 0.0, 0.5, 0.5]) {
        assert!((found - expected).abs() < 1e-6, "{found} against {expected}");
    }
    let mut broken = [1.0, f32::NAN, 0.0];
    softmax(&mut broken, 3);
    assert!(broken.iter().all(|value| value.is_nan()));
}

proptest! {
    // Norms over few and nearly equal rows amplify rounding: the tolerance is wide, and batches start at three.
    #[test]
    fn heads_of_any_widths_agree_with_the_oracle(
        [features, embedding, hidden] in [1usize..41, 1usize..41, 1usize..41],
        [addends, digits, sums] in [1usize..12, 1usize..12, 1usize..20],
        len in 3usize..17,
        label_smoothing in prop_oneof![Just(0.0f32), 0.0f32..0.5],
        weight in prop_oneof![Just(None), Just(Some(1.0f32)), (0.0f32..1.0).prop_map(Some)],
        seed in any::<u64>(),
    ) {
        let spec = HeadSpec { features, embedding, addends, hidden, digits, sums };
        let mut batch = Batch::random(spec, len, label_smoothing, seed);
        if let Some(weight) = weight {
            batch = batch.with_soft_targets(weight, seed);
        }
        prop_assume!(far_from_kinks(&batch));
        let expected = batch.step(&Head::new(spec, Isa::SCALAR).unwrap());
        assert_right(&batch, &expected, 1e-3);
        for isa in Isa::available() {
            prop_assert_eq!(&batch.step(&Head::new(spec, isa).unwrap()), &expected);
        }
    }
}
