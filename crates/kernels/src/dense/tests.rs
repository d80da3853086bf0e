use proptest::prelude::*;

use super::*;
use crate::Error;
use crate::bench::cases::{Case, Operation, TargetKind, notebook_layers as notebook};
use crate::loss::{HeadTally, SoftTargets, Tally, Targets, softmax, softmax_cross_entropy};

/// A training step of the notebook's layers.
fn case(rows: usize, label_smoothing: f32, soft: Option<f32>, seed: u64) -> Case {
    Case::new(Operation::Dense(notebook(), rows, TargetKind { label_smoothing, soft }), seed)
}

/// The forward pass and the loss of a case.
fn loss(case: &Case, dense: &Dense) -> DenseLoss {
    let pass = dense.forward(&case.inputs[0], Some(&case.one_hot), &case.inputs[1]).unwrap();
    pass.loss(&case.targets()).unwrap()
}

fn tally(case: &Case) -> Tally {
    loss(case, &Dense::new(notebook(), Isa::best()).unwrap()).tally().clone()
}

/// The gradients of the inputs and of the parameters.
fn gradients(case: &Case, dense: &Dense, grad_scale: f32) -> [Vec<f32>; 2] {
    let mut grads = [&case.inputs[0], &case.inputs[1]].map(|input| vec![f32::NAN; input.len()]);
    let [grad_inputs, grad_params] = &mut grads;
    loss(case, dense).backward(grad_scale, grad_inputs, grad_params).unwrap();
    grads
}

/// Norms over so few rows have nothing to be held to but their own bits.
#[test]
fn of_few_rows_every_instruction_set_gives_the_same_bits() {
    for rows in [1, 2, 3] {
        let case = case(rows, 0.0, None, rows as u64);
        let expected = case.run(Isa::SCALAR);
        for isa in Isa::available() {
            assert_eq!(case.run(isa), expected, "{isa}, {rows} rows");
        }
    }
}

#[test]
fn buffers_are_used_again_and_leave_nothing_behind() {
    let dense = Dense::new(notebook(), Isa::best()).unwrap();
    let (small, mut poison) = (case(5, 0.0, None, 1), case(128, 0.0, None, 2));
    let expected = gradients(&small, &dense, 1.0);
    poison.inputs[0].fill(f32::NAN);
    gradients(&poison, &dense, 1.0);
    assert_eq!(gradients(&small, &dense, 1.0), expected);
}

#[test]
fn right_classes_are_counted_and_of_equal_logits_the_first_wins() {
    // Without weights all logits are 0 and class 0 is the prediction.
    let mut case = case(4, 0.0, None, 3);
    case.inputs[1].fill(0.0);
    case.labels = vec![vec![0, 0, 1, 2], vec![0, 5, 0, 3]];
    let tally = tally(&case);
    let correct: Vec<usize> = tally.heads.iter().map(|head| head.correct).collect();
    assert_eq!((tally.rows, correct, tally.all_correct), (4, vec![2, 2], 1));
    assert!((tally.heads[0].loss - 4.0 * 10f64.ln()).abs() < 1e-6);
    assert!((tally.heads[1].loss - 4.0 * 19f64.ln()).abs() < 1e-6);
}

#[test]
fn an_empty_batch_has_no_loss_and_no_gradient() {
    let case = case(0, 0.1, None, 4);
    assert_eq!(tally(&case), Tally { heads: vec![HeadTally::default(); 2], ..Tally::default() });
    let results = case.run(Isa::best());
    assert!(results.outputs.iter().chain(&results.grads).flatten().all(|&value| value == 0.0));
}

#[test]
fn a_nan_reaches_the_loss_and_the_gradients() {
    let mut case = case(8, 0.0, None, 5);
    case.inputs[0][17] = f32::NAN;
    for isa in Isa::available() {
        let results = case.run(isa);
        assert!(results.outputs.last().unwrap()[0].is_nan(), "{isa}");
        assert!(results.grads[1].iter().any(|value| value.is_nan()));
    }
    assert!(tally(&case).heads.iter().all(|head| head.loss.is_nan()));
}

#[test]
fn the_scale_of_the_loss_scales_the_gradients() {
    let (case, dense) = (case(16, 0.0, None, 6), Dense::new(notebook(), Isa::best()).unwrap());
    let [found, expected] = [4.0, 1.0].map(|scale| gradients(&case, &dense, scale).concat());
    assert!(found.iter().zip(&expected).all(|(found, expected)| *found == 4.0 * expected));
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
    assert_eq!(error, Error::Length { argument: "one_hot", expected: 2, found: 0 });
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
    // Of no weight they change no bit, and alone they leave nothing to the labels.
    assert_eq!(case(128, 0.1, Some(0.0), 7).run(Isa::best()), case(128, 0.1, None, 7).run(Isa::best()));
    let one = case(128, 0.1, Some(1.0), 7);
    let mut other = one.clone();
    other.labels.iter_mut().for_each(|labels| labels.rotate_left(1));
    assert_eq!(one.run(Isa::best()), other.run(Isa::best()));
}

#[test]
fn labels_as_distributions_are_labels() {
    let (expected, mut soft) = (case(16, 0.0, None, 8), case(16, 0.0, Some(1.0), 8));
    for ((labels, probabilities), classes) in soft.labels.iter().zip(&mut soft.soft).zip(notebook().heads) {
        probabilities.fill(0.0);
        for (row, &label) in probabilities.chunks_exact_mut(classes).zip(labels) {
            row[usize::from(label)] = 1.0;
        }
    }
    assert_eq!(soft.run(Isa::best()), expected.run(Isa::best()));
}

#[test]
fn free_standing_logits_have_the_loss_of_the_heads() {
    let case = case(9, 0.1, Some(0.4), 9);
    let logits = &case.run(Isa::best()).outputs[..2];
    let mut grads = logits.to_vec();
    let mut slices: Vec<&mut [f32]> = grads.iter_mut().map(Vec::as_mut_slice).collect();
    let found = softmax_cross_entropy(Isa::best(), &[&logits[0], &logits[1]], &case.targets(), &mut slices);
    assert_eq!(found.unwrap(), tally(&case));
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
