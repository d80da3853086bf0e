use adder_network::LayerKind;
use adder_network::naive::Pass;
use adder_random::{Purpose, Stream};
use proptest::prelude::*;

use super::*;
use crate::bench::cases::{notebook_trunk as notebook, scale_weights, small_trunk as small, trunk};
use crate::bench::oracle::{NaiveTrunk, largest, wide};
use crate::conv::Algorithm;

/// A trunk with everything that its passes take.
struct TrunkCase {
    spec: TrunkSpec,
    batch: usize,
    images: Vec<f32>,
    params: Vec<f32>,
    key: Option<DropoutKey>,
    grad_output: Vec<f32>,
}

/// Everything that a training step gives.
#[derive(Debug, PartialEq)]
struct StepResults {
    output: Vec<f32>,
    /// Mean and variance of each block.
    statistics: Vec<[Vec<f32>; 2]>,
    grad_params: Vec<f32>,
    grad_images: Vec<f32>,
}

impl TrunkCase {
    fn new(spec: TrunkSpec, batch: usize, key: Option<DropoutKey>, seed: u64) -> Self {
        let plan = TrunkPlan::new(spec.clone(), Isa::SCALAR).unwrap();
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let mut tensor = |len| (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect::<Vec<f32>>();
        let (images, grad_output) =
            (tensor(batch * plan.spec.image_len()), tensor(batch * plan.output_len()));
        let mut params = tensor(spec.parameters());
        scale_weights(&spec, &mut params);
        Self { spec, batch, images, params, key, grad_output }
    }

    fn run(&self, isa: Isa) -> StepResults {
        self.run_on(&Trunk::new(self.spec.clone(), isa).unwrap())
    }

    fn run_on(&self, trunk: &Trunk) -> StepResults {
        let mut pass = trunk.forward(&self.images, self.batch, &self.params, self.key).unwrap();
        // What is not written stays a NaN, which is equal and near to nothing.
        let mut grad_params = vec![f32::NAN; self.params.len()];
        let mut grad_images = vec![f32::NAN; self.images.len()];
        pass.backward(&self.grad_output, &mut grad_params, Some(&mut grad_images)).unwrap();
        let statistics =
            pass.statistics().map(|found| [found.mean.to_vec(), found.variance.to_vec()]).collect();
        StepResults { output: pass.output().to_vec(), statistics, grad_params, grad_images }
    }

    fn oracle(&self) -> NaiveTrunk {
        NaiveTrunk::new(&self.spec, self.batch, self.key)
    }

    /// Holds a step to the oracle. False where rounding decides, so that there is nothing to hold it to.
    fn agrees_with_the_oracle(&self, step: &StepResults) -> bool {
        let oracle = self.oracle();
        let (images, params) = (wide(&self.images), wide(&self.params));
        let pass = oracle.forward(&images, &params);
        if is_near_a_kink(&oracle, &pass) {
            return false;
        }
        assert_close(&step.output, &pass.features, "output");
        for (found, expected) in step.statistics.iter().zip(pass.norms()) {
            assert_close(&found[0], &expected.mean, "mean");
            assert_close(&found[1], &expected.variance, "variance");
        }
        let grads = oracle.backward(&params, &pass, wide(&self.grad_output));
        // The oracle once more, from inputs that are off by what rounding them to f32 may do.
        let [images, params] = [nudged(&self.images), nudged(&self.params)];
        let moved = oracle.forward(&images, &params);
        let other = oracle.backward(&params, &moved, wide(&self.grad_output));
        let floor = 3e-5 * grads.largest.max(1.0);
        let check = |found: &[f32], [expected, moved]: [&[f64]; 2], what: &str| {
            assert_within(found, expected, floor + as_conditioned(expected, moved), what);
        };
        for (block, layout) in self.spec.layout().into_iter().enumerate() {
            for (name, range) in [("weight", layout.weight), ("gamma", layout.gamma), ("beta", layout.beta)] {
                let what = format!("gradient of block {block}'s {name}");
                let expected = [&grads.params[range.clone()], &other.params[range.clone()]];
                check(&step.grad_params[range], expected, &what);
            }
        }
        let expected = [&grads.images[..], &other.images];
        check(&step.grad_images, expected, "gradient of the images");
        true
    }

    /// Every instruction set gives the same bits, and these are near the oracle's numbers.
    fn check(&self) -> bool {
        let step = self.run(Isa::SCALAR);
        for isa in Isa::available() {
            assert!(self.run(isa) == step, "{isa} and scalar code differ for {:?}", self.spec);
        }
        self.agrees_with_the_oracle(&step)
    }
}

/// Whether a ReLU or a pool would choose otherwise after a change in the sixth decimal.
fn is_near_a_kink(trunk: &NaiveTrunk, pass: &Pass) -> bool {
    let near = |gap: f64| gap != 0.0 && gap.abs() < 2e-6;
    trunk.network.nodes().iter().zip(&pass.nodes).any(|(node, pass)| match node.kind {
        LayerKind::Conv2d { .. } => pass.output.iter().any(|&value| near(value)),
        LayerKind::Dropout { .. } => {
            let pools = node.output.map().is_some_and(|[_, height, _]| height >= 2);
            pools && pass.output.windows(2).any(|pair| near(pair[0] - pair[1]))
        }
        _ => false,
    })
}

/// Values off by up to half a unit in the last place of `f32`, at random.
fn nudged(values: &[f32]) -> Vec<f64> {
    let mut stream = Stream::new(8, Purpose::Test, 0, 0);
    let mut nudge = |value: &f32| f64::from(*value) * (1.0 + 6e-8 * f64::from(stream.uniform(-1.0, 1.0)));
    values.iter().map(&mut nudge).collect()
}

/// How much further than the oracle's inputs the kernels' hundreds of rounded sums and products may be off.
const ROUNDINGS: f64 = 16.0;

/// How far gradients may be off where rounding the inputs moves what is right from `expected` to `moved`, as it does
/// where a norm is over very few values: nothing in `f32` can be nearer than that. Elsewhere this is next to nothing.
fn as_conditioned(expected: &[f64], moved: &[f64]) -> f64 {
    let moves: Vec<f64> = expected.iter().zip(moved).map(|(a, b)| a - b).collect();
    ROUNDINGS * largest(&moves)
}

fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_within(found, expected, 1e-5, what);
}

/// Holds values to four figures of the largest. The floor is for what comes to nothing, or nearly, as a sum of terms that
/// are not small.
fn assert_within(found: &[f32], expected: &[f64], floor: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let bound = 1e-4 * largest(expected) + floor;
    for (index, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (f64::from(found) - expected).abs();
        assert!(error <= bound, "{what}: {found} where {expected} is right within {bound}, at {index}");
    }
}

/// A trunk whose output is a map.
fn to_map(input: [usize; 3], blocks: &[(usize, usize, f32, bool)]) -> TrunkSpec {
    TrunkSpec { output: Output::Map, ..trunk(input, blocks) }
}

#[test]
fn a_variance_far_below_the_mean_agrees_with_the_oracle() {
    let spec = to_map([1, 9, 9], &[(8, 0, 0.2, false)]);
    let mut case = TrunkCase::new(spec, 3, Some(DropoutKey(4)), 1);
    // Activations near 100 that differ by some hundredths: their squares, near 10,000, are rounded to a thousandth.
    case.images.iter_mut().for_each(|value| *value = 100.0 + 0.1 * *value);
    case.params[..72].iter_mut().for_each(|weight| *weight = 0.1 + 0.1 * *weight);
    let step = case.run(Isa::best());
    let pass = case.oracle().forward(&wide(&case.images), &wide(&case.params));
    let expected = &pass.norms().next().unwrap().variance;
    for (&found, &expected) in step.statistics[0][1].iter().zip(expected) {
        let error = (f64::from(found) - expected).abs();
        assert!(error < 1e-3 * expected, "{found} where {expected} is right");
    }
}

fn any_block() -> impl Strategy<Value = BlockSpec> {
    (1usize..=40, 0usize..=1, prop_oneof![Just(0.0), Just(0.25)], any::<bool>(), any::<u32>()).prop_map(
        |(out_channels, padding, dropout, pool, mask)| BlockSpec {
            out_channels,
            padding,
            dropout,
            pool,
            mask,
        },
    )
}

fn any_spec() -> impl Strategy<Value = TrunkSpec> {
    let output = prop_oneof![Just(Output::GlobalAverage), Just(Output::Map)];
    let algorithm = prop_oneof![Just(Algorithm::Direct), Just(Algorithm::Winograd)];
    let sizes = [1usize..=40, 3..=33, 3..=33];
    (sizes, prop::collection::vec(any_block(), 1..=3), output, algorithm).prop_map(
        |([in_channels, height, width], blocks, output, algorithm)| TrunkSpec {
            in_channels,
            height,
            width,
            blocks,
            output,
            algorithm,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 32 }, ..ProptestConfig::default() })]

    #[test]
    fn random_trunks_agree_with_the_oracle(
        spec in any_spec(),
        batch in 1usize..=17,
        key in prop::option::of(any::<u64>()),
        seed in any::<u64>(),
    ) {
        let Ok(shapes) = spec.convolutions() else { return Err(TestCaseError::reject("no such trunk")) };
        // The oracle and scalar code do about a million products in some milliseconds.
        let work: usize = shapes.iter().map(|shape| shape.flops()).sum();
        let batch = batch.min(20_000_000 / work).max(1);
        prop_assume!(TrunkCase::new(spec, batch, key.map(DropoutKey), seed).check());
    }
}

#[test]
fn an_empty_batch_has_zeros_for_gradients_and_statistics() {
    let step = TrunkCase::new(notebook(), 0, Some(DropoutKey(1)), 1).run(Isa::best());
    assert!(step.output.is_empty() && step.grad_images.is_empty());
    assert!(step.grad_params.iter().all(|&grad| grad == 0.0));
    assert!(step.statistics.iter().flatten().flatten().all(|&statistic| statistic == 0.0));
}

#[test]
fn without_a_key_nothing_is_dropped() {
    let mut case = TrunkCase::new(notebook(), 2, None, 1);
    let step = case.run(Isa::best());
    case.spec.blocks.iter_mut().for_each(|block| block.dropout = 0.0);
    assert!(step == case.run(Isa::best()));
    case.key = Some(DropoutKey(1));
    assert!(step == case.run(Isa::best()), "nor with a key where the rate is zero");
}

#[test]
fn buffers_that_are_used_again_leave_no_trace() {
    let cases =
        [9, 17, 4, 0, 11].map(|batch| TrunkCase::new(small(), batch, Some(DropoutKey(batch as u64)), 7));
    let trunk = Trunk::new(small(), Isa::best()).unwrap();
    for case in &cases {
        assert!(case.run_on(&trunk) == case.run(Isa::best()), "batch {}", case.batch);
    }
    // Two passes at once have buffers of their own, and a pass can go back twice.
    let mut passes = [0, 1].map(|index| {
        let case: &TrunkCase = &cases[index];
        trunk.forward(&case.images, case.batch, &case.params, case.key).unwrap()
    });
    for (case, pass) in cases.iter().zip(&mut passes) {
        for _ in 0..2 {
            let mut grad_params = vec![f32::NAN; case.params.len()];
            pass.backward(&case.grad_output, &mut grad_params, None).unwrap();
            assert!(grad_params == case.run(Isa::best()).grad_params);
        }
    }
}

#[test]
fn a_product_that_underflows_is_not_taken_for_a_dropped_element() {
    let spec = to_map([1, 4, 4], &[(8, 1, 0.5, false)]);
    let mut case = TrunkCase::new(spec, 1, Some(DropoutKey(2)), 1);
    case.images.fill(1e-30);
    case.params[..72].fill(-1e-30);
    // All activations are zero, so what was kept is beta times dropout's factor.
    let masks = case.oracle().masks;
    let beta = &case.params[80..];
    for isa in Isa::available() {
        for (index, &output) in case.run(isa).output.iter().enumerate() {
            let expected = beta[index / 16] * masks[0].as_ref().unwrap()[index] as f32;
            assert!(
                (output - expected).abs() < 1e-6,
                "{isa}: {output} where {expected} is right, at {index}"
            );
        }
    }
}

#[test]
fn of_equal_values_in_a_window_the_first_wins() {
    let spec = to_map([1, 8, 8], &[(8, 1, 0.0, false), (8, 0, 0.0, true)]);
    let mut case = TrunkCase::new(spec, 2, None, 1);
    // One image of ones, one of twos: within each, all outputs of the inner pixels are the same.
    case.images[..64].fill(1.0);
    case.images[64..].fill(2.0);
    assert!(case.check());
}

#[test]
fn a_nan_reaches_the_output() {
    let mut case = TrunkCase::new(notebook(), 2, Some(DropoutKey(2)), 1);
    case.images[100] = f32::NAN;
    for isa in Isa::available() {
        assert!(case.run(isa).output.iter().any(|value| value.is_nan()), "{isa}");
    }
}

#[test]
fn a_trunk_that_cannot_be_is_refused_with_its_block() {
    let refused = |change: fn(&mut TrunkSpec)| {
        let mut spec = small();
        change(&mut spec);
        Trunk::new(spec, Isa::SCALAR).unwrap_err()
    };
    let in_block = |error, expected| match error {
        Error::Block { block, source } => {
            assert_eq!(block, expected);
            *source
        }
        other => panic!("{other:?} names no block"),
    };
    let error = in_block(refused(|spec| spec.blocks[1].out_channels = 0), 1);
    assert!(matches!(error, Error::Dimension { argument: "out_channels", found: 0, .. }));
    let error = in_block(refused(|spec| spec.blocks[1].padding = 3), 1);
    assert!(matches!(error, Error::Dimension { argument: "padding", found: 3, .. }));
    let error = in_block(refused(|spec| spec.blocks[0].dropout = 1.0), 0);
    assert!(matches!(error, Error::Probability { .. }));
    let error = in_block(refused(|spec| spec.height = 2), 1);
    assert!(matches!(error, Error::Dimension { argument: "kernel", found: 3, .. }));
    let error = in_block(refused(|spec| spec.blocks[1].pool = true), 1);
    assert!(matches!(error, Error::Dimension { argument: "output", found: 1, .. }));
    let error = refused(|spec| spec.blocks.clear());
    assert!(matches!(error, Error::Dimension { argument: "blocks", found: 0, .. }));
}

#[test]
fn slices_that_do_not_fit_are_refused() {
    let trunk = Trunk::new(small(), Isa::SCALAR).unwrap();
    let case = TrunkCase::new(small(), 2, None, 1);
    let length = |argument, expected, found| Error::Length { argument, expected, found };
    let error = trunk.forward(&case.images, 3, &case.params, None).unwrap_err();
    assert_eq!(error, length("images", 567, 378));
    let error = trunk.forward(&case.images, 2, &case.params[1..], None).unwrap_err();
    assert_eq!(error, length("params", case.params.len(), case.params.len() - 1));
    let error = trunk.forward(&case.images, usize::MAX / 2, &case.params, None).unwrap_err();
    assert!(matches!(error, Error::TooLarge { argument: "batch", .. }));
    let mut pass = trunk.forward(&case.images, 2, &case.params, None).unwrap();
    let mut grads = case.params.clone();
    let error = pass.backward(&case.grad_output[1..], &mut grads, None).unwrap_err();
    assert_eq!(error, length("grad_output", case.grad_output.len(), case.grad_output.len() - 1));
    let error = pass.backward(&case.grad_output, &mut grads[1..], None).unwrap_err();
    assert_eq!(error, length("grad_params", case.params.len(), case.params.len() - 1));
    let error = pass.backward(&case.grad_output, &mut grads, Some(&mut [0.0])).unwrap_err();
    assert_eq!(error, length("grad_images", 378, 1));
    assert_eq!(grads, case.params, "nothing is written where an argument is refused");
}

/// One image whose last norm is over two values: what the gradient comes to there is the small rest of large terms.
#[test]
fn a_norm_over_two_values_agrees_with_the_oracle() {
    let spec = to_map([9, 20, 17], &[(36, 1, 0.0, true), (12, 0, 0.0, true), (24, 0, 0.25, false)]);
    let key = Some(DropoutKey(10_391_439_150_042_921_568));
    assert!(TrunkCase::new(spec, 1, key, 8_068_526_560_212_956_476).check());
}

/// One channel of the last block is zero but for a few pixels, among them the one in the middle.
#[test]
fn a_channel_of_few_values_agrees_with_the_oracle() {
    let spec = to_map([30, 12, 29], &[(26, 0, 0.25, false), (38, 1, 0.0, false), (28, 0, 0.0, true)]);
    let key = Some(DropoutKey(251_962_642_520_134_751));
    assert!(TrunkCase::new(spec, 1, key, 4_650_211_056_692_322_605).check());
}
