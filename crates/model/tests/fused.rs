//! The fused path against the reference path, and against itself on other instruction sets and numbers of threads.

use adder_kernels::Isa;
use adder_model::{Backend, HeadTargets, IdentityAdder, Mode, Model, ModelConfig, SoftTargets, Targets};
use adder_network::{ClassCode, Head, HeadKind, Layer, Network};
use adder_random::{Purpose, Stream};
use candle_core::{Device, Tensor};

/// A batch that is not a multiple of the kernels' chunks of eight images.
const BATCH: usize = 19;

/// Images, addends, digits and sums of one step.
fn batch(step: u64) -> [Tensor; 4] {
    let mut stream = Stream::new(5, Purpose::Test, 1, step);
    let pixels: Vec<f32> = (0..BATCH * 784).map(|_| stream.uniform(-0.42, 2.8)).collect();
    let mut classes = || (0..BATCH).map(|_| stream.below(10)).collect::<Vec<u32>>();
    let [addends, digits] = [classes(), classes()].map(|classes| Tensor::new(classes, &Device::Cpu).unwrap());
    let sums = (&addends + &digits).unwrap();
    [Tensor::from_vec(pixels, (BATCH, 1, 28, 28), &Device::Cpu).unwrap(), addends, digits, sums]
}

/// Losses of `steps` steps of plain gradient descent; the network is changed.
fn descend(model: &IdentityAdder, steps: u64) -> Vec<f64> {
    let mut losses = Vec::new();
    for step in 0..steps {
        let [images, addends, digits, sums] = batch(step);
        let mode = Mode::Train { seed: 2, epoch: 0, step };
        let done = model.loss(&images, &addends, Targets::labels(&digits, &sums), mode).unwrap();
        losses.push(done.tally.metrics().both.loss);
        let grads = done.loss.backward().unwrap();
        for parameter in model.parameters() {
            let grad = grads.get(&parameter.var).unwrap();
            parameter.var.set(&(parameter.var.as_tensor() - (grad * 0.01).unwrap()).unwrap()).unwrap();
        }
    }
    losses
}

fn bits(model: &IdentityAdder) -> Vec<u32> {
    let values = model
        .tensors()
        .into_iter()
        .flat_map(|(_, tensor)| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    values.map(f32::to_bits).collect()
}

fn new(config: &ModelConfig) -> IdentityAdder {
    IdentityAdder::new(config, 3, &Device::Cpu).unwrap()
}

fn largest(tensor: &Tensor) -> f32 {
    let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    values.into_iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

#[test]
fn the_cpu_trains_on_the_kernels_unless_told_otherwise() {
    let model = new(&ModelConfig::default());
    assert_eq!(model.backend(), Backend::Fused);
    assert_eq!(model.clone().with_backend(Backend::Reference).unwrap().backend(), Backend::Reference);
    assert_eq!(model.on_reference().with_backend(Backend::Fused).unwrap().backend(), Backend::Fused);
}

/// Rows of probabilities over so many classes.
fn distributions(stream: &mut Stream, rows: usize, classes: usize) -> Tensor {
    let logits: Vec<f32> = (0..rows * classes).map(|_| stream.uniform(-4.0, 4.0)).collect();
    let logits = Tensor::from_vec(logits, (rows, classes), &Device::Cpu).unwrap();
    candle_nn::ops::softmax(&logits, 1).unwrap()
}

/// Three addends for each image, smoothed labels, and distributions for a part of them.
#[test]
fn both_paths_agree_on_several_addends_smoothed_labels_and_soft_targets() {
    let images = batch(0)[0].clone();
    let mut stream = Stream::new(6, Purpose::Test, 2, 0);
    let mut classes =
        || Tensor::new((0..3 * BATCH).map(|_| stream.below(10)).collect::<Vec<u32>>(), &Device::Cpu).unwrap();
    let (addends, digits) = (classes(), classes());
    let sums = (&addends + &digits).unwrap();
    let [soft_digits, soft_sums] = [10, 19].map(|classes| distributions(&mut stream, 3 * BATCH, classes));
    let mode = Mode::Train { seed: 2, epoch: 0, step: 0 };
    for config in [vec![wide()], ordered().to_vec()].concat() {
        let [ours, theirs] = [new(&config), new(&config).on_reference()].map(|model| {
            let soft = Some(SoftTargets { digits: &soft_digits, sums: &soft_sums, weight: 0.7 });
            let targets = Targets { label_smoothing: 0.2, soft, ..Targets::labels(&digits, &sums) };
            let step = model.loss(&images, &addends, targets, mode).unwrap();
            let grads = step.loss.backward().unwrap();
            let grads: Vec<Tensor> = model
                .parameters()
                .iter()
                .map(|parameter| grads.get(&parameter.var).unwrap().clone())
                .collect();
            (step, grads, model)
        });
        assert_eq!(ours.0.tally.pairs, 3 * BATCH as u64);
        let (loss, other) = (ours.0.tally.metrics().both.loss, theirs.0.tally.metrics().both.loss);
        assert!((loss - other).abs() < 1e-5 * other, "{loss}, {other}");
        for ((a, b), parameter) in ours.1.iter().zip(&theirs.1).zip(ours.2.parameters()) {
            let error = largest(&(a - b).unwrap());
            assert!(error < 2e-4 * largest(b) + 1e-6, "{}: {error} of {}", parameter.name, largest(b));
        }
        for ((name, a), (_, b)) in ours.2.tensors().into_iter().zip(theirs.2.tensors()) {
            assert!(largest(&(a - b).unwrap()) < 1e-5, "{name}");
        }
    }
}

/// Networks that know the order of addends and sums.
fn ordered() -> [ModelConfig; 2] {
    let scalar = ModelConfig { addend: ClassCode::Scalar, sum_head: HeadKind::Regression, ..wide() };
    [scalar, ModelConfig { addend: ClassCode::Thermometer, sum_head: HeadKind::Ordinal, ..wide() }]
}

fn wide() -> ModelConfig {
    ModelConfig {
        channels: vec![5, 24, 40],
        pool_after: vec![1, 2],
        unpadded: vec![3],
        dropout_free: vec![],
        ..ModelConfig::default()
    }
}

/// Dropout is on: both paths draw the same masks, or nothing here would agree.
#[test]
fn both_paths_have_the_same_gradients_with_dropout() {
    let [images, addends, digits, sums] = batch(0);
    let mode = Mode::Train { seed: 2, epoch: 0, step: 0 };
    for config in [ModelConfig::default(), wide(), ordered()[0].clone(), ordered()[1].clone()] {
        let [ours, theirs] = [new(&config), new(&config).on_reference()].map(|model| {
            let step = model.loss(&images, &addends, Targets::labels(&digits, &sums), mode).unwrap();
            let grads = step.loss.backward().unwrap();
            let grad = |parameter: &adder_model::Parameter| grads.get(&parameter.var).unwrap().clone();
            (step.tally, model.parameters().iter().map(grad).collect::<Vec<_>>())
        });
        let (loss, other) = (ours.0.metrics().both.loss, theirs.0.metrics().both.loss);
        assert!((loss - other).abs() < 1e-5 * other, "{loss}, {other}");
        assert_eq!(ours.0.both_correct, theirs.0.both_correct);
        for ((parameter, ours), theirs) in new(&config).parameters().iter().zip(ours.1).zip(theirs.1) {
            // The last block's bias is taken away by the embedding's norm: its gradient is rounding and nothing else.
            if parameter.name == format!("block{}.norm.bias", config.channels.len()) {
                continue;
            }
            // One element of 28x28 whose sign or maximum rounds to the other side moves a gradient by this much.
            let distance = largest(&(ours - &theirs).unwrap()) / largest(&theirs);
            assert!(distance < 2e-3, "{}: {distance:e}", parameter.name);
        }
    }
}

/// Two runs of blocks with a convolution between that none takes up, and one beside a shortcut: dropout is on in all of them, and
/// its masks are numbered through the whole network.
#[test]
fn both_paths_drop_the_same_in_every_run_of_blocks() {
    let block = |channels| {
        let conv = Layer::conv2d(channels, 3).padding(1);
        vec![conv, Layer::relu(), Layer::batch_norm(), Layer::dropout(0.3)]
    };
    let mut layers = [block(6), vec![Layer::max_pool2d(2)], block(8)].concat();
    layers.push(Layer::conv2d(8, 5).padding(2));
    layers.extend(block(8));
    layers.extend([Layer::residual(block(8)), Layer::global_average_pool()]);
    let network = Network::new([1, 28, 28], layers, vec![Head::new("digit", 10)]).unwrap();
    let [images, _, digits, _] = batch(0);
    let mode = Mode::Train { seed: 2, epoch: 0, step: 0 };
    let model = Model::new(network, 3, &Device::Cpu).unwrap();
    assert_eq!(model.backend(), Backend::Fused);
    let [ours, theirs] = [model.clone(), model.clone().on_reference()].map(|model| {
        let loss = model.loss(&images, &[], &[HeadTargets::labels(&digits)], mode).unwrap().value;
        let grads = loss.backward().unwrap();
        let grads = model.parameters().iter().map(|parameter| grads.get(&parameter.var).unwrap().clone());
        (loss.to_scalar::<f32>().unwrap(), grads.collect::<Vec<_>>())
    });
    assert!((ours.0 - theirs.0).abs() < 1e-5 * theirs.0, "{}, {}", ours.0, theirs.0);
    for ((parameter, ours), theirs) in model.parameters().iter().zip(ours.1).zip(theirs.1) {
        let distance = largest(&(ours - &theirs).unwrap()) / largest(&theirs);
        assert!(distance < 2e-3, "{}: {distance:e}", parameter.name);
    }
}

#[test]
fn both_paths_follow_one_curve_for_ten_steps() {
    for config in [ModelConfig::default(), wide()] {
        let curves = descend(&new(&config), 10).into_iter().zip(descend(&new(&config).on_reference(), 10));
        for (step, (ours, theirs)) in curves.enumerate() {
            assert!((ours - theirs).abs() < 1e-3 * theirs, "{config:?}, step {step}: {ours}, {theirs}");
        }
    }
}

#[test]
fn thirty_steps_give_the_same_bits_on_every_instruction_set_and_number_of_threads() {
    let trained = |isa, threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let model = new(&ModelConfig::default()).on_kernels(isa).unwrap();
        pool.install(|| descend(&model, 30));
        bits(&model)
    };
    let expected = trained(Isa::best(), 1);
    for threads in [2, 3] {
        assert!(trained(Isa::best(), threads) == expected, "{} on {threads} threads", Isa::best());
    }
    for isa in Isa::available() {
        assert!(trained(isa, 2) == expected, "{isa} differs from {}", Isa::best());
    }
}

#[test]
fn a_pass_goes_back_once_and_wrong_shapes_are_errors() {
    let model = new(&ModelConfig::default());
    let [images, addends, digits, sums] = batch(0);
    let mode = Mode::Train { seed: 1, epoch: 0, step: 0 };
    let step = model.loss(&images, &addends, Targets::labels(&digits, &sums), mode).unwrap();
    step.loss.backward().unwrap();
    assert!(step.loss.backward().unwrap_err().to_string().contains("only once"));
    let few = addends.narrow(0, 0, 3).unwrap();
    assert!(model.loss(&images, &few, Targets::labels(&digits, &sums), mode).is_err());
    assert!(model.loss(&images, &addends, Targets::labels(&few, &sums), mode).is_err());
    let wrong = Tensor::new(vec![10u32; BATCH], &Device::Cpu).unwrap();
    assert!(model.loss(&images, &addends, Targets::labels(&wrong, &sums), mode).is_err());
    assert!(
        model
            .loss(&images.narrow(3, 0, 27).unwrap(), &addends, Targets::labels(&digits, &sums), mode)
            .is_err()
    );
}
