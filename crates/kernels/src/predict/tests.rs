use adder_random::{Purpose, Stream};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::bench::cases::{notebook_layers, notebook_trunk};
use crate::dense::{Dense, DenseSpec, OneHotInput};
use crate::trunk::{BlockSpec, Output, Trunk, TrunkSpec};
use crate::{Error, naive};

/// A network with all that it owns.
#[derive(Clone, Debug)]
struct Network {
    trunk: TrunkSpec,
    trunk_params: Vec<f32>,
    dense: DenseSpec,
    dense_params: Vec<f32>,
    /// Mean and variance of every block,
    trunk_statistics: Vec<[Vec<f32>; 2]>,
    /// and of every hidden layer.
    dense_statistics: Vec<[Vec<f32>; 2]>,
}

impl Network {
    /// Random parameters, gammas of both signs among them, and random statistics.
    fn random(trunk: TrunkSpec, dense: DenseSpec, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let mut uniform = |len: usize, low: f32, high: f32| -> Vec<f32> {
            (0..len).map(|_| stream.uniform(low, high)).collect()
        };
        let trunk_params = uniform(trunk.parameters(), -0.5, 0.5);
        let dense_params = uniform(dense.parameters(), -0.5, 0.5);
        let mut statistics = |widths: &mut dyn Iterator<Item = usize>| {
            widths.map(|width| [uniform(width, -0.5, 0.5), uniform(width, 0.1, 2.0)]).collect()
        };
        let trunk_statistics = statistics(&mut trunk.blocks.iter().map(|block| block.out_channels));
        let dense_statistics = statistics(&mut dense.layers.iter().copied());
        Self { trunk, trunk_params, dense, dense_params, trunk_statistics, dense_statistics }
    }

    fn notebook(seed: u64) -> Self {
        Self::random(notebook_trunk(), notebook_layers(), seed)
    }

    /// Calls `visit` with what the predictor is made from.
    fn with<T>(&self, visit: impl FnOnce(&TrainedNetwork<'_>) -> T) -> T {
        let [trunk_statistics, dense_statistics] =
            [&self.trunk_statistics, &self.dense_statistics].map(|all| -> Vec<RunningStatistics<'_>> {
                all.iter().map(|[mean, variance]| RunningStatistics { mean, variance }).collect()
            });
        visit(&TrainedNetwork {
            trunk: &self.trunk,
            trunk_params: &self.trunk_params,
            trunk_statistics: &trunk_statistics,
            dense: &self.dense,
            dense_params: &self.dense_params,
            dense_statistics: &dense_statistics,
        })
    }

    fn predictor(&self, isa: Isa) -> Predictor {
        self.with(|network| Predictor::new(network, isa)).unwrap()
    }

    fn image_len(&self) -> usize {
        self.trunk.in_channels * self.trunk.height * self.trunk.width
    }

    fn images(&self, batch: usize, seed: u64) -> Vec<f32> {
        let mut stream = Stream::new(seed, Purpose::Test, 1, 0);
        (0..batch * self.image_len()).map(|_| stream.uniform(-1.0, 1.0)).collect()
    }
}

/// Embeddings, then the logits of each head.
type Prediction = Vec<Vec<f32>>;

fn predict(predictor: &Predictor, images: &[f32], one_hot: OneHot<'_>) -> Prediction {
    let batch = images.len() / predictor.trunk.image_len();
    let spec = &predictor.dense.spec;
    let rows = match (one_hot, spec.one_hot) {
        (OneHot::All, Some(input)) => batch * input.classes,
        _ => batch,
    };
    let widths = spec.heads.iter().map(|classes| rows * classes);
    let widths = [batch * predictor.embedding_width()].into_iter().chain(widths);
    let mut found: Prediction = widths.map(|len| vec![f32::NAN; len]).collect();
    let (embedding, logits) = found.split_first_mut().unwrap();
    predictor.embed(images, embedding).unwrap();
    let mut logits: Vec<&mut [f32]> = logits.iter_mut().map(Vec::as_mut_slice).collect();
    predictor.predict(images, one_hot, &mut logits).unwrap();
    found
}

/// Classes that go around.
fn some_classes(batch: usize, count: usize) -> Vec<u8> {
    (0..batch).map(|image| (image * 3 % count) as u8).collect()
}

fn assert_right(network: &Network, images: &[f32], one_hot: &[u8], found: &Prediction) {
    let images: Vec<f64> = images.iter().map(|&value| f64::from(value)).collect();
    let expected = network.with(|network| naive::predict::predict(network, &images, one_hot));
    assert_eq!(found.len(), 1 + expected.logits.len());
    for (found, expected) in found.iter().zip([expected.embedding].into_iter().chain(expected.logits)) {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(0.1f64, |largest, value| largest.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5 * largest, "{found} against {expected}");
        }
    }
}

#[test]
fn with_a_batchs_own_statistics_it_predicts_as_the_training_pass() {
    let mut network = Network::notebook(2);
    let (batch, isa) = (32, Isa::best());
    let (images, classes) = (network.images(batch, 2), some_classes(batch, 10));
    let trunk = Trunk::new(network.trunk.clone(), isa).unwrap();
    let pass = trunk.forward(&images, batch, &network.trunk_params, None).unwrap();
    network.trunk_statistics =
        pass.statistics().map(|found| [found.mean.to_vec(), found.variance.to_vec()]).collect();
    let dense = Dense::new(network.dense.clone(), isa).unwrap();
    let dense_pass = dense.forward(pass.output(), Some(&classes), &network.dense_params).unwrap();
    network.dense_statistics.clear();
    for layer in 0..2 {
        let found = dense_pass.statistics(layer);
        network.dense_statistics.push([found.mean.to_vec(), found.variance.to_vec()]);
    }
    let (mut first, mut second) = (vec![0.0; batch * 10], vec![0.0; batch * 19]);
    dense_pass.copy_logits(&mut [&mut first, &mut second]).unwrap();

    let found = predict(&network.predictor(isa), &images, OneHot::Each(&classes));
    for (found, expected) in found[1..].iter().flatten().zip(first.iter().chain(&second)) {
        assert!((found - expected).abs() < 1e-4, "{found} against {expected}");
    }
}

#[test]
fn feature_maps_agree_with_the_oracle_and_disturb_no_prediction() {
    for pool_last in [false, true] {
        let mut network = Network::notebook(6);
        network.trunk.blocks[5].pool = pool_last;
        let image = network.images(1, 6);
        let wide: Vec<f64> = image.iter().map(|&value| value.into()).collect();
        let expected = network.with(|network| naive::predict::feature_maps(network, &wide, 1));
        for isa in Isa::available() {
            let predictor = network.predictor(isa);
            let before = predict(&predictor, &image, OneHot::All);
            let found = predictor.feature_maps(&image).unwrap();
            assert_eq!(found.len(), expected.len());
            for (found, ([_, channels, height, width], values)) in found.iter().zip(&expected) {
                let shape = (found.channels, found.height, found.width, found.values.len());
                assert_eq!(shape, (*channels, *height, *width, values.len()), "{isa}");
                let largest = values.iter().fold(0.1f64, |largest, value| largest.max(value.abs()));
                for (found, expected) in found.values.iter().zip(values) {
                    assert!((f64::from(*found) - expected).abs() < 1e-5 * largest, "{found} {expected}");
                }
            }
            assert_eq!(predict(&predictor, &image, OneHot::All), before, "{isa}");
            let wrong = predictor.feature_maps(&image[1..]);
            assert_eq!(wrong, Err(Error::Length { argument: "image", expected: 784, found: 783 }));
        }
    }
}

#[test]
fn all_classes_predict_as_each_alone() {
    let network = Network::notebook(3);
    let images = network.images(11, 3);
    for isa in Isa::available() {
        let predictor = network.predictor(isa);
        let all = predict(&predictor, &images, OneHot::All);
        for class in 0..10 {
            let each = predict(&predictor, &images, OneHot::Each(&[class; 11]));
            let rows = |all: &[f32], width| -> Vec<f32> {
                all.chunks(width).skip(class.into()).step_by(10).flatten().copied().collect()
            };
            assert_eq!(each, [all[0].clone(), rows(&all[1], 10), rows(&all[2], 19)]);
        }
    }
}

#[test]
fn a_prediction_depends_on_nothing_but_the_image() {
    let network = Network::notebook(4);
    let (batch, len) = (2 * TASK_IMAGES + 1, network.image_len());
    let (images, classes) = (network.images(batch, 4), some_classes(batch, 10));
    let expected = predict(&network.predictor(Isa::SCALAR), &images, OneHot::Each(&classes));
    for isa in Isa::available() {
        let predictor = network.predictor(isa);
        for threads in 1..4 {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| predict(&predictor, &images, OneHot::Each(&classes)));
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
    let refused =
        |network: &Network| network.with(|network| Predictor::new(network, Isa::SCALAR)).unwrap_err();
    let network = Network::notebook(5);
    let mut other = network.clone();
    other.trunk_params.pop();
    let (expected, found) = (network.trunk_params.len(), network.trunk_params.len() - 1);
    assert_eq!(refused(&other), Error::Length { argument: "trunk_params", expected, found });
    let mut other = network.clone();
    other.trunk_statistics.remove(0);
    assert_eq!(refused(&other), Error::Length { argument: "trunk_statistics", expected: 6, found: 5 });
    let mut other = network.clone();
    other.trunk_statistics[2][1].pop();
    let source = Error::Length { argument: "statistics", expected: 16, found: 15 };
    assert_eq!(refused(&other), Error::Block { block: 2, source: source.into() });
    let mut other = network.clone();
    other.dense_statistics[1][0].pop();
    let source = Error::Length { argument: "statistics", expected: 64, found: 63 };
    assert_eq!(refused(&other), Error::Layer { layer: 1, source: source.into() });
    let mut other = network.clone();
    other.dense_statistics.pop();
    assert_eq!(refused(&other), Error::Length { argument: "dense_statistics", expected: 2, found: 1 });
    let dense = DenseSpec { inputs: 8, ..network.dense };
    let error = refused(&Network::random(network.trunk, dense, 5));
    let expected = "the last block's 16 channels".into();
    assert_eq!(error, Error::Dimension { argument: "inputs", found: 8, expected });
}

#[test]
fn wrong_arguments_are_named() {
    let mut network = Network::notebook(6);
    let predictor = network.predictor(Isa::best());
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

    network.dense.one_hot = None;
    let plain = Network::random(network.trunk, network.dense, 6).predictor(Isa::best());
    let predict = |one_hot| plain.predict(&images, one_hot, &mut [&mut [0.0; 20], &mut [0.0; 38]]);
    assert_eq!(predict(OneHot::None), Ok(()));
    assert_eq!(predict(OneHot::Each(&[1, 2])), Err(length("one_hot", 0, 2)));
    assert!(matches!(predict(OneHot::All), Err(Error::Dimension { argument: "one_hot", .. })));
}

prop_compose! {
    fn any_block()(
        out_channels in 1usize..41,
        padding in 0usize..3,
        pool in any::<bool>(),
    ) -> BlockSpec {
        BlockSpec { out_channels, padding, dropout: 0.0, pool }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn networks_of_any_shape_predict_as_the_oracle(
        [in_channels, height, width] in [1usize..4, 6usize..14, 6usize..14],
        blocks in prop::collection::vec(any_block(), 1..4),
        layers in prop::collection::vec(1usize..41, 0..4),
        joined in prop::option::of((any::<prop::sample::Index>(), 1usize..12)),
        heads in prop::collection::vec(1usize..20, 1..4),
        batch in 0usize..17,
        seed in any::<u64>(),
    ) {
        let inputs = blocks.last().map_or(1, |block| block.out_channels);
        let trunk = TrunkSpec { in_channels, height, width, blocks, output: Output::GlobalAverage };
        prop_assume!(trunk.convolutions().is_ok());
        let joined = joined.filter(|_| !layers.is_empty());
        let one_hot = joined.map(|(layer, classes)| OneHotInput { layer: layer.index(layers.len()), classes });
        let dense = DenseSpec { inputs, layers, one_hot, heads };
        let network = Network::random(trunk, dense, seed);
        let images = network.images(batch, seed);
        let classes = one_hot.map_or(vec![], |input| some_classes(batch, input.classes));
        let given = if one_hot.is_some() { OneHot::Each(&classes) } else { OneHot::None };
        let expected = predict(&network.predictor(Isa::SCALAR), &images, given);
        assert_right(&network, &images, &classes, &expected);
        for isa in Isa::available() {
            prop_assert_eq!(&predict(&network.predictor(isa), &images, given), &expected);
        }
    }
}
