//! The course of a run and the files that it leaves.

use adder_data::{Augmentation, Split};

use super::*;

#[test]
fn another_seed_is_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["seed=1", "seed=2"].map(|seed| {
        let path = folder.path().join(seed);
        run_to_the_end(start(&path, config(&[seed])).unwrap());
        remains(&path)
    });
    for name in ["split.json", "events.jsonl", "last/model.safetensors block1.conv.weight"] {
        assert_ne!(one[name], two[name], "{name}");
    }
}

#[test]
fn every_parameter_moves() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = start(&folder.path().join("run"), config(&["optimizer.weight_decay=0"])).unwrap();
    let values = |model: &IdentityAdder| -> Vec<(String, Vec<f32>)> {
        let tensors = model.tensors().into_iter();
        tensors.map(|(name, tensor)| (name, tensor.flatten_all().unwrap().to_vec1().unwrap())).collect()
    };
    let (before, model) = (values(trainer.model()), trainer.model().clone());
    run_for(trainer, 1);
    for ((name, before), (_, after)) in before.iter().zip(values(&model)) {
        assert!(before != &after, "{name} has not moved");
    }
}

#[test]
fn a_trained_run_is_evaluated_when_it_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut trainer = start(&path, config(&[])).unwrap();
    assert!(trainer.train(&mut (), &StopFlag::default()).unwrap());
    drop(trainer);
    assert!(RunDirectory::open(&path).unwrap().evaluation().unwrap().is_none());
    let report = run_to_the_end(resume(&path).unwrap());
    assert_eq!(RunDirectory::open(&path).unwrap().evaluation().unwrap(), Some(report));
}

#[test]
fn the_events_tell_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let report = run_to_the_end(start(&path, config(&["training.epochs=2"])).unwrap());
    let run = RunDirectory::open(&path).unwrap();
    let events = run.events().unwrap();
    let mut step = 0;
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Step(event) => {
                step += 1;
                assert_eq!((event.step, event.epoch), (step, 1 + (step - 1) / STEPS_PER_EPOCH));
                assert!(event.loss > 0.0 && event.gradient_norm > 0.0 && event.learning_rate == 0.01);
            }
            Event::Epoch(event) => {
                assert!(index == 5 || index == 11);
                assert_eq!(event.step, event.epoch * STEPS_PER_EPOCH);
                assert!(event.training_seconds > 0.0 && event.validation_seconds > 0.0);
                // The epoch's loss is that of its steps, each by its pairs: four of eight and one of six.
                let losses: Vec<f64> = events[index - 5..index]
                    .iter()
                    .map(|event| match event {
                        Event::Step(event) => event.loss,
                        other => panic!("{other:?}"),
                    })
                    .collect();
                let mean = (8.0 * losses[..4].iter().sum::<f64>() + 6.0 * losses[4]) / 38.0;
                assert!((event.training.both.loss - mean).abs() < 1e-12);
            }
        }
    }
    assert_eq!(step, 2 * STEPS_PER_EPOCH);
    assert_eq!((report.split, report.images, report.pairs), (EvaluationSplit::Evaluation, 20, 20));
    assert_eq!(run.evaluation().unwrap(), Some(report));
}

#[test]
fn the_best_checkpoint_is_that_of_the_first_best_epoch() {
    #[derive(Default)]
    struct Watcher {
        accuracies: Vec<f64>,
        best: Vec<bool>,
    }
    impl Observer for Watcher {
        fn on_epoch(&mut self, event: &EpochEvent, best: bool) {
            self.accuracies.push(event.validation.both.accuracy);
            self.best.push(best);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let config = config(&["training.epochs=8", "training.evaluate=best", "optimizer.learning_rate=0.1"]);
    let mut watcher = Watcher::default();
    let outcome = start(&path, config.clone()).unwrap().run(&mut watcher, &StopFlag::default()).unwrap();

    let highest = watcher.accuracies.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let epoch = watcher.accuracies.iter().position(|&accuracy| accuracy == highest).unwrap() as u64 + 1;
    assert_eq!(watcher.best.iter().rposition(|&best| best).unwrap() as u64 + 1, epoch);
    assert_ne!(epoch, 8, "for the test to tell best from last");
    let run = RunDirectory::open(&path).unwrap();
    let (model, facts) =
        adder_model::weights::load(&run.weights(CheckpointName::Best).unwrap(), &Device::Cpu).unwrap();
    assert_eq!(facts["epochs"], epoch.to_string());
    let data = dataset();
    let fixed = EvaluationAddends::Fixed { seed: config.seed };
    let split = EvaluationSplit::Evaluation;
    let report = evaluate(&model, split, &data.evaluation, &data.evaluation.indices(), fixed).unwrap();
    assert_eq!(outcome, Outcome::Finished(report));
}

#[test]
fn training_learns() {
    // Two classes that a person tells apart at a glance: dark noise is a 2, light noise a 7.
    let pictures = |images: usize, index: u64| {
        let mut stream = Stream::new(2, Purpose::Test, 0, index);
        let labels: Vec<u8> = (0..images).map(|index| if index % 2 == 0 { 2 } else { 7 }).collect();
        let mut noise = |label| stream.below(100) as u8 + if label == 2 { 0 } else { 150 };
        let pixels = labels.iter().flat_map(|&label| [label; PIXELS]).map(&mut noise).collect();
        Arc::new(Labeled::new(pixels, labels).unwrap())
    };
    let data = Dataset { origin: Source::Embedded, train: pictures(500, 0), evaluation: pictures(40, 1) };
    let more = [
        "seed=5",
        "model.dropout=0",
        "model.embedding=10",
        "model.hidden=32",
        "optimizer.learning_rate=0.02",
        "training.epochs=6",
    ];
    let mut config = config(&more);
    config.data.augmentation = Augmentation::NONE;
    let folder = tempfile::tempdir().unwrap();
    let directory = RunDirectory::create(folder.path().join("run"), IfExists::Fail).unwrap();
    let report = run_to_the_end(Trainer::start(directory, config, data, None, machine()).unwrap());
    assert!(report.metrics.both.accuracy > 95.0, "{report:?}");
}

#[test]
fn a_given_split_and_a_limit_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let split = Split::shuffled(IMAGES, 0.5, 77).unwrap();
    let directory = RunDirectory::create(&path, IfExists::Fail).unwrap();
    let config = config(&["data.limit=10"]);
    let trainer = Trainer::start(directory, config, dataset(), Some(split.clone()), machine()).unwrap();
    let report = run_to_the_end(trainer);
    let run = RunDirectory::open(&path).unwrap();
    assert_eq!(run.split().unwrap(), split.limit(10).unwrap());
    assert_eq!(report.images, 10);
    assert_eq!(run.events().unwrap().len(), 3 * (2 + 1));
}

#[test]
fn the_algorithm_of_convolutions_moves_the_last_bits_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let losses = ["direct", "winograd", "auto"].map(|algorithm| {
        let assignment = format!("compute.algorithm={algorithm}");
        let wide = ["model.channels=[8, 8]", "training.epochs=1", &assignment];
        let path = folder.path().join(algorithm);
        run_to_the_end(start(&path, config(&wide)).unwrap());
        let run = RunDirectory::open(&path).unwrap();
        let (model, _) = run.model(CheckpointName::Last, &Device::Cpu).unwrap();
        let weights: Vec<f32> = model
            .tensors()
            .iter()
            .flat_map(|(_, tensor)| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap())
            .collect();
        (run.evaluation().unwrap().unwrap().metrics.both.loss, weights)
    });
    let [direct, winograd, auto] = &losses;
    assert_eq!(direct, auto, "eight channels are too few to choose another");
    assert_ne!(direct.1, winograd.1);
    assert!((direct.0 - winograd.0).abs() < 1e-3, "{} and {}", direct.0, winograd.0);
}
