use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::bench::cases::{Case, Operation, notebook_layers, notebook_trunk, trunk};
use crate::dense::{Dense, DenseSpec, OneHotInput};
use crate::trunk::Trunk;

/// The notebook's network, `batch` images and a class for each.
fn notebook(batch: usize, seed: u64) -> Case {
    Case::new(Operation::Predict(notebook_trunk(), notebook_layers(), batch), seed)
}

fn predictor(case: &Case, isa: Isa) -> Predictor {
    case.with_network(|network| Predictor::new(network, isa)).unwrap()
}

/// Embeddings, then the logits of each head.
fn predict(predictor: &Predictor, images: &[f32], one_hot: OneHot<'_>) -> Vec<Vec<f32>> {
    let batch = images.len() / predictor.trunk.image_len();
    let spec = &predictor.dense.spec;
    let rows = match (one_hot, spec.one_hot) {
        (OneHot::All, Some(input)) => batch * input.classes,
        _ => batch,
    };
    let widths = spec.heads.iter().map(|classes| rows * classes);
    let widths = [batch * predictor.embedding_width()].into_iter().chain(widths);
    let mut found: Vec<Vec<f32>> = widths.map(|len| vec![f32::NAN; len]).collect();
    let (embedding, logits) = found.split_first_mut().unwrap();
    predictor.embed(images, embedding).unwrap();
    let mut logits: Vec<&mut [f32]> = logits.iter_mut().map(Vec::as_mut_slice).collect();
    predictor.predict(images, one_hot, &mut logits).unwrap();
    found
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.1f64, |largest, value| largest.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() < 1e-5 * largest, "{found} against {expected}");
    }
}

#[test]
fn with_a_batchs_own_statistics_it_predicts_as_the_training_pass() {
    let (batch, isa, mut case) = (32, Isa::best(), notebook(32, 2));
    let [images, trunk_params, dense_params, ..] = &case.inputs[..] else { unreachable!("five inputs") };
    let trunk = Trunk::new(notebook_trunk(), isa).unwrap();
    let pass = trunk.forward(images, batch, trunk_params, None).unwrap();
    let dense = Dense::new(notebook_layers(), isa).unwrap();
    let dense_pass = dense.forward(pass.output(), Some(&case.one_hot), dense_params).unwrap();
    let mut statistics: Vec<_> = pass.statistics().map(|found| (found.mean, found.variance)).collect();
    statistics
        .extend([0, 1].map(|layer| dense_pass.statistics(layer)).map(|found| (found.mean, found.variance)));
    let (means, variances): (Vec<_>, Vec<_>) = statistics.into_iter().unzip();
    let (means, variances) = (means.concat(), variances.concat());
    let (mut first, mut second) = (vec![0.0; batch * 10], vec![0.0; batch * 19]);
    dense_pass.copy_logits(&mut [&mut first, &mut second]).unwrap();

    (case.inputs[3], case.inputs[4]) = (means, variances);
    let found = case.run(isa).outputs;
    for (found, expected) in found.iter().flatten().zip(first.iter().chain(&second)) {
        assert!((found - expected).abs() < 1e-4, "{found} against {expected}");
    }
}

#[test]
fn feature_maps_agree_with_the_oracle_and_disturb_no_prediction() {
    for pool_last in [false, true] {
        let mut trunk = notebook_trunk();
        trunk.blocks[5].pool = pool_last;
        let case = Case::new(Operation::Predict(trunk, notebook_layers(), 1), 6);
        let image = &case.inputs[0];
        let Operation::Predict(trunk, dense, _) = &case.operation else { unreachable!("it predicts") };
        let (network, pass) = case.prediction(trunk, dense, &case.oracle_inputs());
        let expected =
            network.stages().into_iter().map(|at| (network.nodes()[at].output, &pass.nodes[at].output));
        let expected: Vec<_> = expected.collect();
        for isa in Isa::available() {
            let predictor = predictor(&case, isa);
            let before = predict(&predictor, image, OneHot::All);
            let found = predictor.feature_maps(image).unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, (shape, values)) in found.iter().zip(&expected) {
                assert_eq!(Some([found.channels, found.height, found.width]), shape.map(), "{isa}");
                assert_close(&found.values, values);
            }
            assert_eq!(predict(&predictor, image, OneHot::All), before, "{isa}");
            let wrong = predictor.feature_maps(&image[1..]);
            assert_eq!(wrong, Err(Error::Length { argument: "image", expected: 784, found: 783 }));
        }
    }
}

#[test]
fn all_classes_predict_as_each_alone() {
    let case = notebook(11, 3);
    for isa in Isa::available() {
        let predictor = predictor(&case, isa);
        let all = predict(&predictor, &case.inputs[0], OneHot::All);
        for class in 0..10 {
            let each = predict(&predictor, &case.inputs[0], OneHot::Each(&[class; 11]));
            let rows = |all: &[f32], width| -> Vec<f32> {
                all.chunks(width).skip(class.into()).step_by(10).flatten().copied().collect()
            };
            assert_eq!(each, [all[0].clone(), rows(&all[1], 10), rows(&all[2], 19)]);
        }
    }
}

#[test]
fn a_prediction_depends_on_nothing_but_the_image() {
    let (batch, len) = (2 * TASK_IMAGES + 1, 784);
    let case = notebook(batch, 4);
    let (images, classes) = (&case.inputs[0], &case.one_hot);
    let expected = predict(&predictor(&case, Isa::SCALAR), images, OneHot::Each(classes));
    for isa in Isa::available() {
        let predictor = predictor(&case, isa);
        for threads in 1..4 {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| predict(&predictor, images, OneHot::Each(classes)));
            assert_eq!(found, expected, "{isa}, {threads} threads");
        }
        // Also after an image that leaves all buffers full of NaN, and alone.
        predict(&predictor, &vec![f32::NAN; len], OneHot::All);
        for image in [0, batch - 1] {
            let found =
                predict(&predictor, &images[image * len..][..len], OneHot::Each(&classes[image..=image]));
            for ((found, expected), width) in found.iter().zip(&expected).zip([20, 10, 19]) {
                assert_eq!(found, &expected[image * width..][..width]);
            }
        }
    }
}

#[test]
fn a_network_that_cannot_be_is_refused() {
    let case = notebook(1, 5);
    let refused = |change: &dyn Fn(&mut TrainedNetwork<'_>)| {
        case.with_network(|network| {
            let mut other = *network;
            change(&mut other);
            Predictor::new(&other, Isa::SCALAR).unwrap_err()
        })
    };
    let length = |argument, expected, found| Error::Length { argument, expected, found };
    let error = refused(&|other| other.trunk_params = &other.trunk_params[1..]);
    let expected = case.inputs[1].len();
    assert_eq!(error, length("trunk_params", expected, expected - 1));
    let error = refused(&|other| other.trunk_statistics = &other.trunk_statistics[1..]);
    assert_eq!(error, length("trunk_statistics", 6, 5));
    let error = refused(&|other| other.dense_statistics = &other.dense_statistics[1..]);
    assert_eq!(error, length("dense_statistics", 2, 1));
    let short = RunningStatistics { mean: &[0.0; 16], variance: &[1.0; 15] };
    let error = case.with_network(|network| {
        let mut statistics = network.trunk_statistics.to_vec();
        statistics[2] = short;
        Predictor::new(&TrainedNetwork { trunk_statistics: &statistics, ..*network }, Isa::SCALAR)
            .unwrap_err()
    });
    let source = length("statistics", 16, 15).into();
    assert_eq!(error, Error::Block { block: 2, source });
    let error = case.with_network(|network| {
        let statistics = [network.dense_statistics[0], short];
        Predictor::new(&TrainedNetwork { dense_statistics: &statistics, ..*network }, Isa::SCALAR)
            .unwrap_err()
    });
    let source = length("statistics", 64, 16).into();
    assert_eq!(error, Error::Layer { layer: 1, source });
    let narrow = DenseSpec { inputs: 8, ..notebook_layers() };
    let case = Case::new(Operation::Predict(notebook_trunk(), narrow, 1), 5);
    let error = case.with_network(|network| Predictor::new(network, Isa::SCALAR)).unwrap_err();
    let expected = "the last block's 16 channels".into();
    assert_eq!(error, Error::Dimension { argument: "inputs", found: 8, expected });
}

#[test]
fn wrong_arguments_are_named() {
    let predictor = predictor(&notebook(1, 6), Isa::best());
    let images = vec![0.0; 2 * 784];
    let predict = |images: &[f32], one_hot, [first, second]: [usize; 2]| {
        let (first, second) = (&mut vec![0.0; first][..], &mut vec![0.0; second][..]);
        predictor.predict(images, one_hot, &mut [first, second]).unwrap_err()
    };
    let length = |argument, expected, found| Error::Length { argument, expected, found };
    let all = OneHot::All;
    assert_eq!(predict(&images[1..], all, [200, 380]), length("images", 784, 1567));
    assert_eq!(predict(&images, OneHot::Each(&[1]), [20, 38]), length("one_hot", 2, 1));
    assert_eq!(predict(&images, OneHot::None, [20, 38]), length("one_hot", 2, 0));
    assert_eq!(
        predict(&images, OneHot::Each(&[1, 10]), [20, 38]),
        Error::Class { argument: "one_hot", index: 1, found: 10, classes: 10 }
    );
    let of_head = |head, source: Error| Error::Head { head, source: source.into() };
    assert_eq!(predict(&images, all, [20, 380]), of_head(0, length("logits", 200, 20)));
    assert_eq!(predict(&images, all, [200, 38]), of_head(1, length("logits", 380, 38)));
    let error = predictor.predict(&images, all, &mut [&mut [0.0; 200]]).unwrap_err();
    assert_eq!(error, length("logits", 2, 1));
    let error = predictor.embed(&images, &mut [0.0; 41]).unwrap_err();
    assert_eq!(error, length("embeddings", 40, 41));

    let plain = DenseSpec { one_hot: None, ..notebook_layers() };
    let plain = Case::new(Operation::Predict(notebook_trunk(), plain, 1), 6);
    let plain = plain.with_network(|network| Predictor::new(network, Isa::best())).unwrap();
    let predict = |one_hot| plain.predict(&images, one_hot, &mut [&mut [0.0; 20], &mut [0.0; 38]]);
    assert_eq!(predict(OneHot::None), Ok(()));
    assert_eq!(predict(OneHot::Each(&[1, 2])), Err(length("one_hot", 0, 2)));
    assert!(matches!(predict(OneHot::All), Err(Error::Dimension { argument: "one_hot", .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn networks_of_any_shape_predict_as_the_oracle(
        input in [1usize..4, 6usize..14, 6usize..14],
        blocks in prop::collection::vec((1usize..41, 0usize..3, Just(0.0), any::<bool>()), 1..4),
        layers in prop::collection::vec(1usize..41, 0..4),
        joined in prop::option::of((any::<prop::sample::Index>(), 1usize..12)),
        heads in prop::collection::vec(1usize..20, 1..4),
        batch in 0usize..17,
        seed in any::<u64>(),
    ) {
        let trunk = trunk(input, &blocks);
        let inputs = trunk.blocks.last().map_or(1, |block| block.out_channels);
        prop_assume!(trunk.convolutions().is_ok());
        let joined = joined.filter(|_| !layers.is_empty());
        let one_hot = joined.map(|(layer, classes)| OneHotInput { layer: layer.index(layers.len()), classes });
        let dense = DenseSpec { inputs, layers, one_hot, heads };
        let case = Case::new(Operation::Predict(trunk.clone(), dense.clone(), batch), seed);
        let expected = case.run(Isa::SCALAR);
        prop_assert_eq!(case.verify(&expected, 1.0), Ok(()));
        let mut embeddings = vec![f32::NAN; batch * predictor(&case, Isa::SCALAR).embedding_width()];
        predictor(&case, Isa::SCALAR).embed(&case.inputs[0], &mut embeddings).unwrap();
        let (network, pass) = case.prediction(&trunk, &dense, &case.oracle_inputs());
        let joined = pass.nodes.get(network.embedding_nodes());
        assert_close(&embeddings, joined.map_or(&pass.features, |node| &node.input));
        for isa in Isa::available() {
            prop_assert_eq!(&case.run(isa), &expected);
        }
    }
}
