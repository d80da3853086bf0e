use adder_random::{Purpose, Stream};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::head::Head;
use crate::trunk::{BlockSpec, Output, Trunk};
use crate::{Error, naive};

/// A network with all that it owns.
#[derive(Clone, Debug)]
struct Network {
    trunk: TrunkSpec,
    trunk_params: Vec<f32>,
    head: HeadSpec,
    head_params: Vec<f32>,
    /// Mean and variance of every block, then of the embedding and the hidden layer.
    statistics: Vec<[Vec<f32>; 2]>,
}

impl Network {
    /// Random parameters, gammas of both signs among them, and random statistics.
    fn random(trunk: TrunkSpec, head: HeadSpec, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let mut uniform = |len: usize, low: f32, high: f32| -> Vec<f32> {
            (0..len).map(|_| stream.uniform(low, high)).collect()
        };
        let trunk_params = uniform(trunk.parameters(), -0.5, 0.5);
        let head_params = uniform(head.parameters(), -0.5, 0.5);
        let widths = trunk.blocks.iter().map(|block| block.out_channels).chain([head.embedding, head.hidden]);
        let statistics = widths.map(|width| [uniform(width, -0.5, 0.5), uniform(width, 0.1, 2.0)]).collect();
        Self { trunk, trunk_params, head, head_params, statistics }
    }

    fn notebook(seed: u64) -> Self {
        let block = |out_channels, padding, pool| BlockSpec { out_channels, padding, dropout: 0.1, pool };
        let blocks = vec![
            block(8, 1, false),
            block(8, 1, true),
            block(16, 1, false),
            block(16, 1, true),
            block(16, 1, false),
            block(16, 0, false),
        ];
        let trunk =
            TrunkSpec { in_channels: 1, height: 28, width: 28, blocks, output: Output::GlobalAverage };
        let head = HeadSpec { features: 16, embedding: 20, addends: 10, hidden: 64, digits: 10, sums: 19 };
        Self::random(trunk, head, seed)
    }

    /// Calls `visit` with what the predictor is made from.
    fn with<T>(&self, visit: impl FnOnce(&TrainedNetwork<'_>) -> T) -> T {
        let statistics: Vec<RunningStatistics<'_>> =
            self.statistics.iter().map(|[mean, variance]| RunningStatistics { mean, variance }).collect();
        let (trunk_statistics, rest) = statistics.split_at(self.statistics.len() - 2);
        visit(&TrainedNetwork {
            trunk: &self.trunk,
            trunk_params: &self.trunk_params,
            trunk_statistics,
            head: &self.head,
            head_params: &self.head_params,
            embedding_statistics: rest[0],
            hidden_statistics: rest[1],
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

/// Embeddings, digit logits and sum logits.
type Answer = [Vec<f32>; 3];

fn answer(predictor: &Predictor, images: &[f32], addends: Addends<'_>) -> Answer {
    let batch = images.len() / predictor.trunk.image_len();
    let spec = predictor.heads.spec;
    let pairs = if addends == Addends::All { batch * spec.addends } else { batch };
    let mut answer =
        [batch * spec.embedding, pairs * spec.digits, pairs * spec.sums].map(|len| vec![f32::NAN; len]);
    let [embedding, digits, sums] = &mut answer;
    predictor.embed(images, embedding).unwrap();
    predictor.predict(images, addends, digits, sums).unwrap();
    answer
}

/// Addends that go around.
fn some_addends(batch: usize, count: usize) -> Vec<u8> {
    (0..batch).map(|image| (image * 3 % count) as u8).collect()
}

fn assert_right(network: &Network, images: &[f32], addends: &[u8], found: &Answer) {
    let images: Vec<f64> = images.iter().map(|&value| f64::from(value)).collect();
    let expected = network.with(|network| naive::predict::predict(network, &images, addends));
    for (found, expected) in
        found.iter().zip([expected.embedding, expected.digit_logits, expected.sum_logits])
    {
        assert_eq!(found.len(), expected.len());
        let largest = expected.iter().fold(0.1f64, |largest, value| largest.max(value.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5 * largest, "{found} against {expected}");
        }
    }
}

#[test]
fn the_notebooks_network_answers_as_the_oracle() {
    let network = Network::notebook(1);
    let (images, addends) = (network.images(10, 1), some_addends(10, 10));
    for isa in Isa::available() {
        assert_right(
            &network,
            &images,
            &addends,
            &answer(&network.predictor(isa), &images, Addends::Each(&addends)),
        );
    }
}

#[test]
fn with_a_batchs_own_statistics_it_answers_as_the_training_pass() {
    let mut network = Network::notebook(2);
    let (batch, isa) = (32, Isa::best());
    let (images, addends) = (network.images(batch, 2), some_addends(batch, 10));
    let trunk = Trunk::new(network.trunk.clone(), isa).unwrap();
    let pass = trunk.forward(&images, batch, &network.trunk_params, None).unwrap();
    network.statistics =
        pass.statistics().map(|found| [found.mean.to_vec(), found.variance.to_vec()]).collect();
    let head = Head::new(network.head, isa).unwrap();
    let head_pass = head.forward(pass.output(), &addends, &network.head_params).unwrap();
    for found in [head_pass.embedding_statistics(), head_pass.hidden_statistics()] {
        network.statistics.push([found.mean.to_vec(), found.variance.to_vec()]);
    }
    let (mut digits, mut sums) = (vec![0.0; batch * 10], vec![0.0; batch * 19]);
    head_pass.copy_logits(&mut digits, &mut sums).unwrap();

    let found = answer(&network.predictor(isa), &images, Addends::Each(&addends));
    for (found, expected) in found[1..].iter().flatten().zip(digits.iter().chain(&sums)) {
        assert!((found - expected).abs() < 1e-4, "{found} against {expected}");
    }
}

#[test]
fn feature_maps_agree_with_the_oracle_and_disturb_no_answer() {
    for pool_last in [false, true] {
        let mut network = Network::notebook(6);
        network.trunk.blocks[5].pool = pool_last;
        let image = network.images(1, 6);
        let wide: Vec<f64> = image.iter().map(|&value| value.into()).collect();
        let expected = network.with(|network| naive::predict::feature_maps(network, &wide, 1));
        for isa in Isa::available() {
            let predictor = network.predictor(isa);
            let before = answer(&predictor, &image, Addends::All);
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
            assert_eq!(answer(&predictor, &image, Addends::All), before, "{isa}");
            let wrong = predictor.feature_maps(&image[1..]);
            assert_eq!(wrong, Err(Error::Length { argument: "image", expected: 784, found: 783 }));
        }
    }
}

#[test]
fn all_addends_answer_as_each_alone() {
    let network = Network::notebook(3);
    let images = network.images(11, 3);
    for isa in Isa::available() {
        let predictor = network.predictor(isa);
        let [embeddings, digits, sums] = answer(&predictor, &images, Addends::All);
        for addend in 0..10 {
            let each = answer(&predictor, &images, Addends::Each(&[addend; 11]));
            let rows = |all: &[f32], width| -> Vec<f32> {
                all.chunks(width).skip(addend.into()).step_by(10).flatten().copied().collect()
            };
            assert_eq!(each, [embeddings.clone(), rows(&digits, 10), rows(&sums, 19)]);
        }
    }
}

#[test]
fn an_answer_depends_on_nothing_but_the_image() {
    let network = Network::notebook(4);
    let (batch, len) = (2 * TASK_IMAGES + 1, network.image_len());
    let (images, addends) = (network.images(batch, 4), some_addends(batch, 10));
    let expected = answer(&network.predictor(Isa::SCALAR), &images, Addends::Each(&addends));
    for isa in Isa::available() {
        let predictor = network.predictor(isa);
        for threads in 1..4 {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let found = pool.install(|| answer(&predictor, &images, Addends::Each(&addends)));
            assert_eq!(found, expected, "{isa}, {threads} threads");
        }
        // Also after an image that leaves all buffers full of NaN, and alone.
        answer(&predictor, &vec![f32::NAN; len], Addends::All);
        for image in [0, batch - 1] {
            let found =
                answer(&predictor, &images[image * len..][..len], Addends::Each(&addends[image..=image]));
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
    other.statistics.remove(0);
    assert_eq!(refused(&other), Error::Length { argument: "trunk_statistics", expected: 6, found: 5 });
    let mut other = network.clone();
    other.statistics[2][1].pop();
    let source = Error::Length { argument: "statistics", expected: 16, found: 15 };
    assert_eq!(refused(&other), Error::Block { block: 2, source: source.into() });
    let mut other = network.clone();
    other.statistics[6][0].pop();
    assert_eq!(refused(&other), Error::Length { argument: "embedding_statistics", expected: 20, found: 19 });
    let head = HeadSpec { features: 8, ..network.head };
    let error = refused(&Network::random(network.trunk, head, 5));
    let expected = "the last block's 16 channels".into();
    assert_eq!(error, Error::Dimension { argument: "features", found: 8, expected });
}

#[test]
fn wrong_arguments_are_named() {
    let predictor = Network::notebook(6).predictor(Isa::best());
    let images = vec![0.0; 2 * 784];
    let predict = |images: &[f32], addends, digits: usize, sums: usize| {
        predictor.predict(images, addends, &mut vec![0.0; digits], &mut vec![0.0; sums]).unwrap_err()
    };
    let all = Addends::All;
    assert_eq!(
        predict(&images[1..], all, 200, 380),
        Error::Length { argument: "images", expected: 784, found: 1567 }
    );
    assert_eq!(
        predict(&images, Addends::Each(&[1]), 20, 38),
        Error::Length { argument: "addends", expected: 2, found: 1 }
    );
    assert_eq!(
        predict(&images, Addends::Each(&[1, 10]), 20, 38),
        Error::Class { argument: "addends", index: 1, found: 10, classes: 10 }
    );
    assert_eq!(
        predict(&images, all, 20, 380),
        Error::Length { argument: "digit_logits", expected: 200, found: 20 }
    );
    assert_eq!(
        predict(&images, all, 200, 38),
        Error::Length { argument: "sum_logits", expected: 380, found: 38 }
    );
    let error = predictor.embed(&images, &mut [0.0; 41]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "embeddings", expected: 40, found: 41 });
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
    fn networks_of_any_shape_answer_as_the_oracle(
        [in_channels, height, width] in [1usize..4, 6usize..14, 6usize..14],
        blocks in prop::collection::vec(any_block(), 1..4),
        [embedding, hidden] in [1usize..41, 1usize..41],
        [addends, digits, sums] in [1usize..12, 1usize..12, 1usize..20],
        batch in 0usize..17,
        seed in any::<u64>(),
    ) {
        let features = blocks.last().map_or(1, |block| block.out_channels);
        let trunk = TrunkSpec { in_channels, height, width, blocks, output: Output::GlobalAverage };
        prop_assume!(trunk.convolutions().is_ok());
        let head = HeadSpec { features, embedding, addends, hidden, digits, sums };
        let network = Network::random(trunk, head, seed);
        let (images, addends) = (network.images(batch, seed), some_addends(batch, addends));
        let expected = answer(&network.predictor(Isa::SCALAR), &images, Addends::Each(&addends));
        assert_right(&network, &images, &addends, &expected);
        for isa in Isa::available() {
            prop_assert_eq!(&answer(&network.predictor(isa), &images, Addends::Each(&addends)), &expected);
        }
    }
}
