use adder_random::{Purpose, Stream};
use proptest::prelude::*;

use super::*;
use crate::Error;
use crate::bench::cases::{Case, Operation, TargetKind, notebook_layers as notebook};
use crate::loss::{HeadTally, SoftTargets, Tally, Targets, softmax, softmax_cross_entropy};

/// Inputs of one training step.
#[derive(Clone)]
struct Batch {
    spec: DenseSpec,
    inputs: Vec<f32>,
    params: Vec<f32>,
    one_hot: Option<Vec<u8>>,
    labels: Vec<Vec<u8>>,
    label_smoothing: f32,
    /// Distributions over each head's classes, and their weight.
    soft: Option<(Vec<Vec<f32>>, f32)>,
}

/// Everything that a step gives.
#[derive(Debug, PartialEq)]
struct StepResults {
    logits: Vec<Vec<f32>>,
    /// Mean and variance of each norm.
    statistics: Vec<[Vec<f32>; 2]>,
    tally: Tally,
    grad_inputs: Vec<f32>,
    grad_params: Vec<f32>,
}

impl Batch {
    fn random(spec: DenseSpec, rows: usize, label_smoothing: f32, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let mut floats = |len: usize| -> Vec<f32> { (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect() };
        let (inputs, params) = (floats(rows * spec.inputs), floats(spec.parameters()));
        let mut classes =
            |count: usize| -> Vec<u8> { (0..rows).map(|_| stream.below(count as u32) as u8).collect() };
        let one_hot = spec.one_hot.map(|input| classes(input.classes));
        let labels = spec.heads.iter().map(|&head| classes(head)).collect();
        Self { spec, inputs, params, one_hot, labels, label_smoothing, soft: None }
    }

    /// With the probabilities of other networks for a part of each target.
    fn with_soft_targets(mut self, weight: f32, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 1);
        let rows = self.labels[0].len();
        let soft = self.spec.heads.iter().map(|&classes| {
            let mut values: Vec<f32> = (0..rows * classes).map(|_| stream.uniform(-4.0, 4.0)).collect();
            softmax(&mut values, classes);
            values
        });
        self.soft = Some((soft.collect(), weight));
        self
    }

    fn targets(&self) -> Vec<Targets<'_>> {
        let soft = |head: usize| {
            let (soft, weight) = self.soft.as_ref()?;
            Some(SoftTargets { probabilities: &soft[head], weight: *weight })
        };
        let label_smoothing = self.label_smoothing;
        let heads = self.labels.iter().enumerate();
        heads.map(|(head, labels)| Targets { labels, label_smoothing, soft: soft(head) }).collect()
    }

    fn forward(&self, dense: &Dense) -> DensePass {
        dense.forward(&self.inputs, self.one_hot.as_deref(), &self.params).unwrap()
    }

    fn step(&self, isa: Isa) -> StepResults {
        self.step_on(&Dense::new(self.spec.clone(), isa).unwrap())
    }

    fn step_on(&self, dense: &Dense) -> StepResults {
        let pass = self.forward(dense);
        let mut logits: Vec<Vec<f32>> =
            self.spec.heads.iter().map(|classes| vec![f32::NAN; pass.rows() * classes]).collect();
        pass.copy_logits(&mut logits.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>()).unwrap();
        let loss = pass.loss(&self.targets()).unwrap();
        let statistics = (0..self.spec.layers.len()).map(|layer| {
            let found = loss.pass().statistics(layer);
            [found.mean.to_vec(), found.variance.to_vec()]
        });
        let (statistics, tally) = (statistics.collect(), loss.tally().clone());
        let mut grad_inputs = vec![f32::NAN; self.inputs.len()];
        let mut grad_params = vec![f32::NAN; self.params.len()];
        loss.backward(1.0, &mut grad_inputs, &mut grad_params).unwrap();
        StepResults { logits, statistics, tally, grad_inputs, grad_params }
    }
}

/// Norms over so few rows have nothing to be held to but their own bits.
#[test]
fn of_few_rows_every_instruction_set_gives_the_same_bits() {
    for rows in [1, 2, 3] {
        let batch = Batch::random(notebook(), rows, 0.0, rows as u64);
        let expected = batch.step(Isa::SCALAR);
        for isa in Isa::available() {
            assert_eq!(batch.step(isa), expected, "{isa}, {rows} rows");
        }
    }
}

#[test]
fn buffers_are_used_again_and_leave_nothing_behind() {
    let dense = Dense::new(notebook(), Isa::best()).unwrap();
    let small = Batch::random(notebook(), 5, 0.0, 1);
    let expected = small.step_on(&dense);
    let mut poison = Batch::random(notebook(), 128, 0.0, 2);
    poison.inputs.fill(f32::NAN);
    poison.step_on(&dense);
    assert_eq!(small.step_on(&dense), expected);
}

#[test]
fn right_classes_are_counted_and_of_equal_logits_the_first_wins() {
    // Without weights all logits are 0 and class 0 is the prediction.
    let mut batch = Batch::random(notebook(), 4, 0.0, 3);
    batch.params.fill(0.0);
    batch.labels = vec![vec![0, 0, 1, 2], vec![0, 5, 0, 3]];
    let tally = batch.step(Isa::best()).tally;
    let correct: Vec<usize> = tally.heads.iter().map(|head| head.correct).collect();
    assert_eq!((tally.rows, correct, tally.all_correct), (4, vec![2, 2], 1));
    assert!((tally.heads[0].loss - 4.0 * 10f64.ln()).abs() < 1e-6);
    assert!((tally.heads[1].loss - 4.0 * 19f64.ln()).abs() < 1e-6);
}

#[test]
fn an_empty_batch_has_no_loss_and_no_gradient() {
    let step = Batch::random(notebook(), 0, 0.1, 4).step(Isa::best());
    assert_eq!(step.tally, Tally { heads: vec![HeadTally::default(); 2], ..Tally::default() });
    assert!(
        step.grad_params.iter().chain(step.statistics.as_flattened().iter().flatten()).all(|&x| x == 0.0)
    );
}

#[test]
fn a_nan_reaches_the_loss_and_the_gradients() {
    for isa in Isa::available() {
        let mut batch = Batch::random(notebook(), 8, 0.0, 5);
        batch.inputs[17] = f32::NAN;
        let step = batch.step(isa);
        assert!(step.tally.heads.iter().all(|head| head.loss.is_nan()), "{isa}: {:?}", step.tally);
        assert!(step.grad_params.iter().any(|value| value.is_nan()));
    }
}

#[test]
fn the_scale_of_the_loss_scales_the_gradients() {
    let batch = Batch::random(notebook(), 16, 0.0, 6);
    let dense = Dense::new(notebook(), Isa::best()).unwrap();
    let expected = batch.step_on(&dense);
    let (mut grad_inputs, mut grad_params) = (vec![0.0; 16 * 16], vec![0.0; notebook().parameters()]);
    let loss = batch.forward(&dense).loss(&batch.targets()).unwrap();
    loss.backward(4.0, &mut grad_inputs, &mut grad_params).unwrap();
    for (found, expected) in [(grad_inputs, expected.grad_inputs), (grad_params, expected.grad_params)] {
        assert!(found.iter().zip(&expected).all(|(found, expected)| *found == 4.0 * expected));
    }
}

#[test]
fn impossible_widths_are_named() {
    let refused = |spec: DenseSpec| Dense::new(spec, Isa::SCALAR).unwrap_err();
    let dimension =
        |argument, found, expected: &str| Error::Dimension { argument, found, expected: expected.into() };
    let error = refused(DenseSpec { inputs: 0, ..notebook() });
    assert_eq!(error, dimension("inputs", 0, "at least 1"));
    let error = refused(DenseSpec { layers: vec![20, 0], ..notebook() });
    assert_eq!(error, dimension("layers", 0, "outputs of at least 1"));
    let error = refused(DenseSpec { heads: vec![], ..notebook() });
    assert_eq!(error, dimension("heads", 0, "at least 1 head"));
    let error = refused(DenseSpec { heads: vec![10, 257], ..notebook() });
    assert_eq!(error, dimension("heads", 257, "1 to 256 classes"));
    let one_hot = |layer, classes| DenseSpec { one_hot: Some(OneHotInput { layer, classes }), ..notebook() };
    assert_eq!(refused(one_hot(1, 0)), dimension("one_hot.classes", 0, "1 to 256 classes"));
    assert_eq!(refused(one_hot(2, 10)), dimension("one_hot.layer", 2, "below 2 layers"));
    for huge in [usize::MAX, 1 << 60] {
        let error = refused(DenseSpec { inputs: huge, ..notebook() });
        assert!(matches!(error, Error::TooLarge { argument: "spec", .. }));
    }
}

#[test]
fn wrong_arguments_are_named() {
    let dense = Dense::new(notebook(), Isa::best()).unwrap();
    let params = vec![0.0; notebook().parameters()];
    let forward = |inputs: &[f32], one_hot: &[u8]| dense.forward(inputs, Some(one_hot), &params);
    let error = forward(&[0.0; 33], &[1, 2]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "inputs", expected: 32, found: 33 });
    let error = forward(&[0.0; 32], &[1, 10]).unwrap_err();
    assert_eq!(error, Error::Class { argument: "one_hot", index: 1, found: 10, classes: 10 });
    let error = dense.forward(&[0.0; 32], None, &params).unwrap_err();
    assert_eq!(error, Error::Length { argument: "inputs", expected: 0, found: 32 });
    let error = dense.forward(&[0.0; 32], Some(&[1, 2]), &params[1..]).unwrap_err();
    let expected = params.len();
    assert_eq!(error, Error::Length { argument: "params", expected, found: expected - 1 });
    let plain = DenseSpec { one_hot: None, ..notebook() };
    let (plain, params) = (Dense::new(plain.clone(), Isa::best()).unwrap(), vec![0.0; plain.parameters()]);
    let error = plain.forward(&[0.0; 32], Some(&[1, 2]), &params).unwrap_err();
    assert_eq!(error, Error::Length { argument: "one_hot", expected: 0, found: 2 });

    let pass = || forward(&[0.0; 32], &[1, 2]).unwrap();
    let error = pass().copy_logits(&mut [&mut [0.0; 20]]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "heads", expected: 2, found: 1 });
    let of_second = |source: Error| Error::Head { head: 1, source: source.into() };
    let error = pass().copy_logits(&mut [&mut [0.0; 20], &mut [0.0; 37]]).unwrap_err();
    assert_eq!(error, of_second(Error::Length { argument: "logits", expected: 38, found: 37 }));
    let first = Targets { labels: &[1, 1], label_smoothing: 0.0, soft: None };
    let error = pass().loss(&[first]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "targets", expected: 2, found: 1 });
    let loss = |labels: &[u8], label_smoothing, soft: Option<(&[f32], f32)>| {
        let soft = soft.map(|(probabilities, weight)| SoftTargets { probabilities, weight });
        pass().loss(&[first, Targets { labels, label_smoothing, soft }])
    };
    let refused = |labels: &[u8], smoothing, soft| loss(labels, smoothing, soft).unwrap_err();
    let error = Error::Length { argument: "labels", expected: 2, found: 1 };
    assert_eq!(refused(&[1], 0.0, None), of_second(error));
    let error = Error::Class { argument: "labels", index: 1, found: 19, classes: 19 };
    assert_eq!(refused(&[1, 19], 0.0, None), of_second(error));
    let error = Error::Probability { argument: "label_smoothing", found: 1.0 };
    assert_eq!(refused(&[1, 1], 1.0, None), of_second(error));
    let error = Error::Length { argument: "probabilities", expected: 38, found: 37 };
    assert_eq!(refused(&[1, 1], 0.0, Some((&[0.1; 37], 1.0))), of_second(error));
    let error = Error::Part { argument: "weight", found: 1.5 };
    assert_eq!(refused(&[1, 1], 0.0, Some((&[0.1; 38], 1.5))), of_second(error));
    let error = loss(&[1, 1], 0.0, None).unwrap().backward(1.0, &mut [0.0; 31], &mut []).unwrap_err();
    assert_eq!(error, Error::Length { argument: "grad_inputs", expected: 32, found: 31 });
}

#[test]
fn soft_targets_take_the_part_of_the_labels_that_they_are_given() {
    let dense = Dense::new(notebook(), Isa::best()).unwrap();
    let batch = |weight| Batch::random(notebook(), 128, 0.1, 7).with_soft_targets(weight, 7);
    // Of no weight they change no bit, and alone they leave nothing to the labels.
    assert_eq!(batch(0.0).step_on(&dense), Batch::random(notebook(), 128, 0.1, 7).step_on(&dense));
    let mut other_labels = batch(1.0);
    other_labels.labels.iter_mut().for_each(|labels| labels.rotate_left(1));
    let [one, other] = [batch(1.0).step_on(&dense), other_labels.step_on(&dense)];
    assert_eq!((one.grad_params, one.tally.heads[1].loss), (other.grad_params, other.tally.heads[1].loss));
}

#[test]
fn labels_as_distributions_are_labels() {
    let mut batch = Batch::random(notebook(), 16, 0.0, 8);
    let expected = batch.step(Isa::best());
    let one_hot = |(labels, &classes): (&Vec<u8>, &usize)| -> Vec<f32> {
        let class = |label: u8| (0..classes).map(move |class| f32::from(u8::from(class == label.into())));
        labels.iter().flat_map(|&label| class(label)).collect()
    };
    let soft = batch.labels.iter().zip(&batch.spec.heads).map(one_hot).collect();
    batch.soft = Some((soft, 1.0));
    assert_eq!(batch.step(Isa::best()), expected);
}

#[test]
fn free_standing_logits_have_the_loss_of_the_heads() {
    let batch = Batch::random(notebook(), 9, 0.1, 9).with_soft_targets(0.4, 9);
    let step = batch.step(Isa::best());
    let logits: Vec<&[f32]> = step.logits.iter().map(Vec::as_slice).collect();
    let mut grads = step.logits.clone();
    let mut slices: Vec<&mut [f32]> = grads.iter_mut().map(Vec::as_mut_slice).collect();
    let tally = softmax_cross_entropy(Isa::best(), &logits, &batch.targets(), &mut slices).unwrap();
    assert_eq!(tally, step.tally);
    let error = softmax_cross_entropy(Isa::best(), &[], &[], &mut []).unwrap_err();
    let expected = "at least 1 head".into();
    assert_eq!(error, Error::Dimension { argument: "logits", found: 0, expected });
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

prop_compose! {
    fn any_spec()(
        inputs in 1usize..41,
        layers in prop::collection::vec(1usize..41, 0..4),
        joined in prop::option::of((any::<prop::sample::Index>(), 1usize..12)),
        heads in prop::collection::vec(1usize..20, 1..4),
    ) -> DenseSpec {
        let joined = joined.filter(|_| !layers.is_empty());
        let one_hot = joined.map(|(layer, classes)| OneHotInput { layer: layer.index(layers.len()), classes });
        DenseSpec { inputs, layers, one_hot, heads }
    }
}

proptest! {
    // Norms over few and nearly equal rows amplify rounding: the tolerance is wide, and batches start at three.
    #[test]
    fn layers_of_any_widths_agree_with_the_oracle(
        spec in any_spec(),
        rows in 3usize..17,
        label_smoothing in prop_oneof![Just(0.0f32), 0.0f32..0.5],
        soft in prop_oneof![Just(None), Just(Some(1.0f32)), (0.0f32..1.0).prop_map(Some)],
        seed in any::<u64>(),
    ) {
        let operation = Operation::Dense(spec, rows, TargetKind { label_smoothing, soft });
        let case = Case::new(operation, seed);
        prop_assume!(!case.is_near_a_kink());
        let expected = case.run(Isa::SCALAR);
        prop_assert_eq!(case.verify(&expected, 100.0), Ok(()));
        for isa in Isa::available() {
            prop_assert_eq!(&case.run(isa), &expected);
        }
    }
}
