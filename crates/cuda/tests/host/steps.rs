//! Whole steps of random networks against the naive loops.

use adder_cuda::{Metrics, Settings, Tuning};
use adder_network::naive::{Inputs, Mode, forward};
use adder_network::{LayerKind, ModelConfig, Network};
use proptest::prelude::*;

use crate::case::{Block, Case, Sketch, assert_close, wide};

fn block() -> impl Strategy<Value = Block> {
    let dropout = prop_oneof![Just(0.0f32), 0.05f32..0.6];
    (1usize..10, 0usize..3, dropout, any::<bool>()).prop_map(|(channels, padding, dropout, pool)| Block {
        channels,
        padding,
        dropout,
        pool,
    })
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let input = (1usize..4, 3usize..12, 3usize..12);
    let dense = (prop::collection::vec(1usize..9, 0..3), prop::option::of(0usize..2));
    let heads = prop::collection::vec(1usize..7, 1..4);
    let blocks = prop::collection::vec(block(), 1..4);
    (input, blocks, any::<bool>(), dense, heads).prop_map(
        |((channels, height, width), blocks, global_average, (hidden, one_hot), heads)| Sketch {
            input: [channels, height, width],
            blocks,
            global_average,
            one_hot: one_hot.filter(|&layer| layer < hidden.len()),
            hidden,
            heads,
        },
    )
}

fn tuning() -> impl Strategy<Value = Tuning> {
    let pixels = prop::option::of(prop::sample::select(vec![1usize, 2, 4]));
    let words = prop_oneof![Just(11 * 1024usize), 300usize..900];
    (pixels, prop::sample::select(vec![32usize, 64, 256]), words)
        .prop_map(|(pixels, threads, shared_words)| Tuning { pixels, threads, shared_words })
}

/// Holds a step to the naive loops. False where rounding decides, so that there is nothing to hold it to.
fn agrees(case: &Case, order: u64) -> bool {
    let (naive, moved) = (case.naive(false), case.naive(true));
    if naive.is_near_a_kink(&case.network) {
        return false;
    }
    let mut engine = case.engine(order);
    case.train(&mut engine);
    let Metrics { number, rows, heads, .. } = engine.metrics(case.step.number).unwrap();
    assert_eq!((number, rows), (case.step.number, case.rows));
    for (at, ((loss, correct), (expected, moved))) in
        heads.iter().zip(naive.losses.iter().zip(&moved.losses)).enumerate()
    {
        assert_close(&[*loss as f32], [&[*expected], &[*moved]], 3e-5, &format!("loss of head {at}"));
        assert!(*correct <= case.rows);
    }
    let gradients = engine.gradients().unwrap();
    let floor = 3e-5 * naive.grads.largest.max(1.0);
    for parameter in case.network.parameters() {
        let range = parameter.range.clone();
        let expected = [&naive.grads.params[range.clone()], &moved.grads.params[range.clone()]];
        assert_close(&gradients[range], expected, floor, &format!("gradient of {}", parameter.name));
    }
    assert_running(case, &engine.state().unwrap()[1], [&naive, &moved].map(|naive| &naive.pass));
    true
}

/// Holds the running statistics after one step to those of the batch.
fn assert_running(case: &Case, found: &[f32], passes: [&adder_network::naive::Pass; 2]) {
    let nodes = case.network.nodes();
    let norms = nodes.iter().enumerate().filter(|(_, node)| matches!(node.kind, LayerKind::BatchNorm {}));
    let mut first = 0;
    for (index, node) in norms {
        let channels = node.output.channels();
        let count = (case.rows * node.output.pixels()) as f64;
        let unbias = if count > 1.0 { count / (count - 1.0) } else { 1.0 };
        let of = |pass: &adder_network::naive::Pass| -> Vec<f64> {
            let norm = pass.nodes[index].norm.as_ref().unwrap();
            norm.mean.iter().copied().chain(norm.variance.iter().map(|value| value * unbias)).collect()
        };
        let before = wide(&case.running[first..first + 2 * channels]);
        let momentum = f64::from(case.settings.norm_momentum);
        let after = passes.map(|pass| -> Vec<f64> {
            before.iter().zip(of(pass)).map(|(old, new)| old + momentum * (new - old)).collect()
        });
        let what = format!("running statistics of {}", node.name);
        assert_close(&found[first..first + 2 * channels], [&after[0], &after[1]], 3e-6, &what);
        first += 2 * channels;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_global_rejects: 4096, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_agree_with_the_naive_loops(
        sketch in sketch(), rows in 1usize..6, spare in 0usize..3, tuning in tuning(), soft in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let Some(network) = sketch.network() else { return Err(TestCaseError::reject("no such network")) };
        let settings = Settings { batch: rows + spare, tuning, soft_targets: soft, ring: 5, ..Settings::default() };
        let Ok(_) = adder_cuda::Plan::new(&network, settings) else {
            return Err(TestCaseError::reject("maps that do not fit"));
        };
        prop_assume!(agrees(&Case::new(network, rows, settings, seed), seed | 1));
    }

    #[test]
    fn predictions_agree_with_the_naive_loops(
        sketch in sketch(), rows in 1usize..5, tuning in tuning(), seed in any::<u64>(),
    ) {
        let Some(network) = sketch.network() else { return Err(TestCaseError::reject("no such network")) };
        let settings = Settings { batch: rows + 1, tuning, ..Settings::default() };
        let Ok(_) = adder_cuda::Plan::new(&network, settings) else {
            return Err(TestCaseError::reject("maps that do not fit"));
        };
        predicts(&Case::new(network, rows, settings, seed));
    }
}

fn predicts(case: &Case) {
    let mut statistics = Vec::new();
    let mut rest = &case.running[..];
    for norm in case.network.norms() {
        let (mean, others) = rest.split_at(norm.channels);
        let (variance, others) = others.split_at(norm.channels);
        statistics.push([wide(mean), wide(variance)]);
        rest = others;
    }
    let classes: Option<Vec<u8>> =
        case.one_hot.as_ref().map(|classes| classes.iter().map(|&class| class as u8).collect());
    let one_hot: Vec<&[u8]> = classes.iter().map(|classes| &classes[..]).collect();
    let images = wide(&case.images);
    let inputs = Inputs { images: &images, one_hot: &one_hot };
    let mode = Mode::Evaluate { statistics: &statistics };
    let pass = forward(&case.network, &wide(&case.parameters), inputs, mode);
    let found = case.engine(3).predict(&case.images, case.one_hot.as_deref()).unwrap();
    assert_eq!(found.len(), pass.logits.len());
    for (found, expected) in found.iter().zip(&pass.logits) {
        assert_close(found, [expected, expected], 2e-5, "logits");
    }
}

/// The network of the notebook on images of its size, with the tuning that a card gets.
fn notebook() -> Network {
    ModelConfig::default().network().unwrap()
}

#[test]
fn the_notebooks_network_agrees_with_the_naive_loops() {
    let settings = Settings { batch: 3, ..Settings::default() };
    let mut agreed = 0;
    for seed in 0..12 {
        let mut case = Case::new(notebook(), 2, settings, seed);
        // Its addends have ten classes, of which the case draws three.
        case.parameters.iter_mut().for_each(|value| *value *= 0.5);
        agreed += usize::from(agrees(&case, seed));
        if agreed == 2 {
            return;
        }
    }
    panic!("{agreed} of twelve seeds were far from every kink");
}

#[test]
fn masks_are_those_of_the_cpu_bit_for_bit() {
    let block = |channels, pool| Block { channels, padding: 1, dropout: 0.4, pool };
    let sketch = Sketch {
        input: [2, 7, 9],
        blocks: vec![block(6, true), block(9, false)],
        global_average: true,
        hidden: vec![],
        one_hot: None,
        heads: vec![3],
    };
    let settings = Settings { batch: 4, ..Settings::default() };
    let case = Case::new(sketch.network().unwrap(), 4, settings, 5);
    let mut engine = case.engine(9);
    case.train(&mut engine);
    for (block, mask) in case.masks().into_iter().enumerate() {
        let dropped: Vec<bool> = mask.unwrap().iter().map(|&factor| factor == 0.0).collect();
        let values = engine.block_values(block).unwrap();
        let found: Vec<bool> = values.iter().map(|value| value.is_sign_negative()).collect();
        assert!(found == dropped, "block {block}");
        assert!(found.contains(&true) && found.contains(&false));
    }
}

#[test]
fn the_first_of_equals_wins_its_window() {
    let block = |pool| Block { channels: 3, padding: 1, dropout: 0.0, pool };
    let sketch = Sketch {
        input: [1, 8, 8],
        blocks: vec![block(true), block(true)],
        global_average: true,
        hidden: vec![],
        one_hot: None,
        heads: vec![3],
    };
    let network = sketch.network().unwrap();
    let mut case = Case::new(network, 3, Settings { batch: 3, ..Settings::default() }, 11);
    // Two levels of gray and filters of their middle alone: windows of equal values, each with other neighbors.
    case.images.iter_mut().for_each(|value| *value = if *value > 0.0 { 1.0 } else { 0.5 });
    for (at, weight) in case.parameters[..27].iter_mut().enumerate() {
        *weight = if at % 9 == 4 { 0.25 + (at / 9) as f32 } else { 0.0 };
    }
    let naive = case.naive(false);
    let mut engine = case.engine(1);
    case.train(&mut engine);
    let expected = &naive.grads.params[..27];
    assert_close(&engine.gradients().unwrap()[..27], [expected, expected], 3e-5, "gradient");
}
