//! Options that recipes may turn on beyond the notebook.

use adder_model::Mode;

use super::gradients::loss;
use super::*;

const ALL: [&str; 8] = [
    "optimizer.kind=adamw",
    "schedule.kind=one_cycle",
    "schedule.warmup=0.3",
    "training.ema_decay=0.9",
    "training.label_smoothing=0.1",
    "training.clip_norm=0.5",
    "training.accumulation=2",
    "data.addends_per_image=3",
];

#[test]
fn with_everything_on_a_stopped_run_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    run_to_the_end(start(&whole, config(&ALL)).unwrap());
    assert!(whole.join("last/raw.safetensors").exists());
    let whole = remains(&whole);
    // An epoch is of five batches, so of three steps.
    for steps in [1, 2, 3, 5] {
        let path = folder.path().join(format!("stopped-{steps}"));
        let outcome = run_for(start(&path, config(&ALL)).unwrap(), steps);
        let batch = (steps % 3) * 2;
        let position = Position { epoch: steps / 3, step: batch };
        assert_eq!(outcome, Outcome::Stopped { position, steps });
        run_to_the_end(resume(&path).unwrap());
        assert_same(&whole, &remains(&path), &format!("stopped after {steps}"));
    }
}

#[test]
fn each_option_changes_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let weights = |name: &str, more: &[&str]| {
        let path = folder.path().join(name);
        run_to_the_end(start(&path, config(more)).unwrap());
        fs::read(path.join("last/model.safetensors")).unwrap().split_off(4096)
    };
    let plain = weights("plain", &[]);
    for (index, option) in ALL.iter().enumerate() {
        // A warm-up alone needs no curve, and a shape of the curve alone is not one.
        assert_ne!(plain, weights(&index.to_string(), &[option]), "{option}");
    }
    assert_ne!(plain, weights("clean", &["data.clean_epochs=1"]));
}

#[test]
fn dropout_in_a_step_is_that_of_its_epoch_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = start(&folder.path().join("run"), config(&["model.dropout=0.5"])).unwrap();
    trainer.state.position = Position { epoch: 1, step: 2 };
    let (mut batches, mut other) = (trainer.loader().unwrap(), trainer.loader().unwrap());
    let (_, tally) = trainer.gradients(&mut batches).unwrap();

    let batch = other.next_batch();
    let loss_at = |epoch, step| {
        let mode = Mode::Train { seed: trainer.config.seed, epoch, step };
        loss(&trainer.train_state.model, &batch, (0.0, None), mode).unwrap().tally.metrics().both.loss
    };
    assert_eq!(tally.metrics().both.loss, loss_at(1, 2));
    for (epoch, step) in [(1, 1), (1, 3), (0, 2), (2, 2)] {
        assert_ne!(tally.metrics().both.loss, loss_at(epoch, step));
    }
}

#[test]
fn a_step_of_several_batches_takes_their_mean_gradient() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let config = config(&["training.accumulation=3"]);
    let trainer = start(&path, config).unwrap();
    let mut batches = trainer.loader().unwrap();
    let mut other = trainer.loader().unwrap();
    let mut trainer = trainer;
    let (gradients, tally) = trainer.gradients(&mut batches).unwrap();
    assert_eq!((tally.pairs, trainer.state.position.step), (24, 3));

    // Three batches of eight: the mean over pairs is the mean over batches.
    let mut sum = None::<Gradients>;
    for step in 0..3 {
        let batch = other.next_batch();
        let mode = Mode::Train { seed: trainer.config.seed, epoch: 0, step };
        let done = loss(&trainer.train_state.model, &batch, (0.0, None), mode).unwrap();
        let each =
            Gradients::take(done.loss.backward().unwrap(), trainer.train_state.model.parameters()).unwrap();
        sum = Some(match sum {
            Some(sum) => sum.plus(&each).unwrap(),
            None => each,
        });
    }
    let apart = gradients.plus(&sum.unwrap().scaled(-1.0 / 3.0).unwrap()).unwrap().norm().unwrap();
    assert!(apart < 1e-5, "{apart}");

    // What is left of the epoch, batches of 8 and of 6, makes the second step.
    let (_, tally) = trainer.gradients(&mut batches).unwrap();
    assert_eq!((tally.pairs, trainer.state.position.step), (14, 5));
}

#[test]
fn a_step_counts_images_and_not_their_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&["data.addends_per_image=2", "training.accumulation=3"]);
    let mut trainer = start(&folder.path().join("run"), config).unwrap();
    let mut batches = trainer.loader().unwrap();
    let images = [(); 2].map(|()| trainer.step(&mut batches).unwrap().1);
    assert_eq!(images, [24, 14]);
}

#[test]
fn a_clipped_gradient_moves_plain_sgd_by_its_norm_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let options = [
        "training.clip_norm=0.01",
        "optimizer.nesterov=false",
        "optimizer.momentum=0",
        "optimizer.weight_decay=0",
    ];
    let mut trainer = start(&path, config(&options)).unwrap();
    let all = |trainer: &Trainer| -> Vec<f32> {
        let parameters = trainer.train_state.model.parameters().iter();
        parameters.flat_map(|p| p.var.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
    };
    let before = all(&trainer);
    let mut batches = trainer.loader().unwrap();
    let (event, _) = trainer.step(&mut batches).unwrap();
    assert!(event.gradient_norm > 0.01, "the event tells the norm before clipping");
    let moved = before.iter().zip(all(&trainer)).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
    let expected = 0.01 * event.learning_rate;
    assert!((moved - expected).abs() < 1e-3 * expected, "{moved} is not {expected}");
}

#[test]
fn training_ends_after_epochs_without_progress() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    // A rate so small that nothing gets better: the first epoch stays the best.
    let options = ["training.patience=2", "training.epochs=9", "optimizer.learning_rate=1e-12"];
    run_to_the_end(start(&path, config(&options)).unwrap());
    let epochs = RunDirectory::open(&path).unwrap().events().unwrap();
    let epochs = epochs.iter().filter(|event| matches!(event, Event::Epoch(_))).count();
    assert_eq!(epochs, 3);
    assert!(matches!(resume(&path), Err(TrainError::Finished { epochs: 3, .. })));
}
