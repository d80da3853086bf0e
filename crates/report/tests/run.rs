//! A tiny run, really trained: what is shown of it is what its files, its data and its network say.

use adder_data::{Dataset, Source, load, normalize, pairing};
use adder_model::{Backend, IdentityAdder, ModelConfig, Predictor, thousands, weights};
use adder_network::Layer;
use adder_report::page::run_page;
use adder_report::{Inspection, Record, Samples, run_figures};
use adder_train::optim::ScheduleStep;
use adder_train::{
    CheckpointName, ConfigSources, IfExists, Machine, Outcome, RunDirectory, StopFlag, Trainer,
};
use candle_core::Device;
use tempfile::TempDir;

const IMAGES: usize = 60;

struct Run {
    record: Record,
    data: Dataset,
    model: IdentityAdder,
    _folder: TempDir,
}

/// Two epochs of a small network on the first images, one-cycle.
fn run() -> Run {
    let mut layers = ConfigSources::default();
    for assignment in [
        "model.channels=[4, 6]",
        "model.pool_after=[1, 2]",
        "model.unpadded=[]",
        "model.dropout_free=[]",
        "data.limit=60",
        "training.epochs=2",
        "training.batch_size=8",
        "schedule.kind=one_cycle",
        "schedule.warmup=0.5",
    ] {
        layers.add_assignment(assignment).unwrap();
    }
    let config = layers.resolve().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = RunDirectory::create(folder.path().join("tiny"), IfExists::Fail).unwrap();
    let data = load(&Source::Embedded, &mut |_| {}).unwrap();
    let machine = Machine { device: Device::Cpu, backend: Backend::Fused, threads: 1, loader_workers: 1 };
    let trainer = Trainer::start(place, config, data.clone(), None, machine).unwrap();
    let directory = trainer.directory().clone();
    let outcome = trainer.run(&mut (), &StopFlag::default()).unwrap();
    assert!(matches!(outcome, Outcome::Finished(_)), "{outcome:?}");

    let (model, _) = weights::load(&directory.weights(CheckpointName::Last).unwrap(), &Device::Cpu).unwrap();
    let mut record = Record::read(&directory).unwrap();
    let indices: Vec<u32> = (0..IMAGES as u32).collect();
    record.samples = Some(Samples::new(&record.config, &data, &directory.split().unwrap()).unwrap());
    record.inspection =
        Some(Inspection::new(&model, &data.evaluation, &indices, record.config.seed).unwrap());
    Run { record, data, model, _folder: folder }
}

#[test]
fn images_come_with_their_own_answers() {
    let Run { record, data, model, .. } = run();
    let (inspection, images) = (record.inspection.unwrap(), &data.evaluation);
    let predictor = Predictor::new(&model).unwrap();
    assert_eq!(inspection.predictions.len(), 9);
    for (index, shown) in (0..).zip(&inspection.predictions) {
        assert_eq!((&shown.pixels, shown.digit), (images.image(index), images.label(index)));
        assert_eq!(shown.addend, pairing::evaluation_addend(record.config.seed, index));
        let alone = predictor.predict(&shown.pixels, shown.addend).unwrap();
        assert_eq!((shown.answer.digit, shown.answer.sum), (alone.digit, alone.sum));
    }
    assert!(inspection.mistakes.len() > 1, "so short a training makes mistakes");
    for (worst, pixels) in &inspection.mistakes {
        assert_eq!((pixels, worst.digit), (images.image(worst.index), images.label(worst.index)));
    }
    assert_eq!(inspection.embedded_digits, images.labels()[..IMAGES]);
    assert_eq!(inspection.embeddings.len(), IMAGES * inspection.embedding_width);
    let first: Vec<f32> = model.parameters()[0].var.flatten_all().unwrap().to_vec1().unwrap();
    let kernels = inspection.kernels.unwrap();
    assert_eq!((kernels.side, kernels.weights), (3, first));

    let maps = &inspection.feature_maps;
    assert!(maps[0].values.iter().copied().eq(images.image(0).map(|byte| normalize(f32::from(byte)))));
    let sizes: Vec<_> = maps.iter().map(|map| (map.layer.as_str(), map.side, map.values.len())).collect();
    assert_eq!(sizes, [("image", 28, 784), ("block 1", 14, 4 * 196), ("block 2", 7, 6 * 49)]);
}

#[test]
fn networks_given_layer_by_layer_are_looked_into() {
    let Run { mut record, data, .. } = run();
    let mut inspect = |front: Vec<Layer>| {
        let behind = [Layer::flatten(), Layer::linear(6), Layer::one_hot("addend", 10), Layer::linear(8)];
        let layers = front.into_iter().chain(behind).collect();
        let config = ModelConfig { layers, ..ModelConfig::default() };
        let model = IdentityAdder::new(&config, 1, &Device::Cpu).unwrap();
        let inspection = Inspection::new(&model, &data.evaluation, &[0, 1, 2], 1).unwrap();
        let maps: Vec<String> = inspection.feature_maps.iter().map(|map| map.layer.clone()).collect();
        let kernels = inspection.kernels.clone();
        record.inspection = Some(inspection);
        let drawn = run_figures(&record).iter().any(|(name, _)| *name == "kernels");
        let shown = run_page(&record).unwrap().contains("Kernels of the first convolution");
        assert_eq!((drawn, shown), (kernels.is_some(), kernels.is_some()));
        let conv = model.parameters().iter().find(|parameter| parameter.var.rank() == 4);
        let weights = conv.map(|conv| conv.var.flatten_all().unwrap().to_vec1::<f32>().unwrap());
        assert_eq!(kernels.as_ref().map(|kernels| kernels.weights.clone()), weights);
        (kernels.map(|kernels| kernels.side), maps)
    };
    let five =
        vec![Layer::batch_norm(), Layer::conv2d(6, 5), Layer::relu(), Layer::max_pool2d(2).named("half")];
    assert_eq!(inspect(five), (Some(5), vec!["image".into(), "half".into()]));
    let body = vec![Layer::relu(), Layer::conv2d(1, 7).padding(3)];
    assert_eq!(inspect(vec![Layer::residual(body)]), (Some(7), vec!["image".into(), "residual1".into()]));
    assert_eq!(inspect(vec![Layer::batch_norm()]), (None, vec!["image".into()]));
}

#[test]
fn a_page_says_the_numbers_of_its_run() {
    let Run { record, .. } = run();
    let page = run_page(&record).unwrap();
    let holds = |text: String| assert!(page.contains(&text), "{text}");
    let metrics = record.evaluation.unwrap().metrics;
    for (name, head) in [("digit", metrics.digit), ("sum", metrics.sum), ("both", metrics.both)] {
        let (loss, accuracy) = (head.loss, head.accuracy);
        let error = 100.0 - accuracy;
        holds(format!("<td>{name}</td><td>{loss:.4}</td><td>{accuracy:.2} %</td><td>{error:.2} %</td>"));
    }
    let inspection = record.inspection.as_ref().unwrap();
    let joint = &inspection.analysis.joint;
    assert_ne!(joint.digit_only, joint.sum_only, "a swap would not be seen");
    holds(format!("answers {} pairs", thousands(joint.pairs)));
    holds(format!(
        "Only the digit is right in {}, only the sum in {}, neither in {}.",
        thousands(joint.digit_only),
        thousands(joint.sum_only),
        thousands(joint.neither_right)
    ));
    for (worst, _) in &inspection.mistakes {
        let percent = |values: &[f64]| 100.0 * values.iter().copied().fold(0.0, f64::max);
        let read =
            worst.digit_probabilities.iter().position(|&p| 100.0 * p == percent(&worst.digit_probabilities));
        holds(format!("read as {}, {:.0} %", read.unwrap(), percent(&worst.digit_probabilities)));
    }
    let best = record.history.best().unwrap();
    holds(format!("{:.2} %", best.validation.both.accuracy));
    holds(format!("best validation, epoch {}", best.epoch));
}

#[test]
fn the_momentum_is_that_of_each_step() {
    let Run { record, .. } = run();
    let momenta = record.momenta();
    let (per_epoch, total) = (8, 16);
    assert_eq!(momenta.len(), total as usize);
    for (done, &(step, momentum)) in (0..).zip(&momenta) {
        let settings = record.config.schedule.at(ScheduleStep { done, total, per_epoch });
        assert_eq!((step, Some(momentum)), ((done + 1) as f64, settings.momentum));
        // The rate of the same place is the one that the run wrote down.
        let rate = record.config.optimizer.learning_rate * settings.rate_factor;
        assert_eq!(record.history.steps[done as usize].learning_rate, rate);
    }
    let [low, high] = record.config.schedule.momentum_range;
    assert_eq!((momenta[0].1, momenta[8].1), (high, low));
}
