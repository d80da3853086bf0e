//! Runs that learn from other networks.

#[path = "../../../train/src/trainer/tests/support.rs"]
#[expect(dead_code, reason = "part of it is for the tests of the crate below")]
mod support;

use std::fs;
use std::path::Path;

use adder_data::{Batch, PIXELS, Position, TrainLoader};
use adder_model::{Addends, Backend, Mode, Predictor, weights};
use adder_random::{Purpose, Stream};
use adder_train::trainer::gradients::{loss, next_gradients};
use adder_train::{
    CheckpointName, IfExists, Machine, Observer, Outcome, Progress, RunDirectory, RunPlan, StopFlag,
    TargetSource, TrainError, Trainer,
};
use candle_core::Device;

use super::Teachers;
use super::mixup::mix;
use crate::observer::{RunObserver, TeacherNumber};
use crate::series::{SeriesError, run, teach, teachers};
use support::*;

/// Two teachers of two epochs, so of ten steps each, narrower than their student; two addends for each image.
const TAUGHT: [&str; 6] = [
    "distillation.teachers=2",
    "distillation.weight=0.7",
    "distillation.teacher_epochs=2",
    "distillation.teacher_channels=[2, 3]",
    "data.addends_per_image=2",
    "training.ema_decay=0.9",
];
const OF_A_TEACHER: u64 = 2 * STEPS_PER_EPOCH;

impl RunObserver for Stopper {
    fn teacher(&mut self, _: TeacherNumber) -> Box<dyn Observer + '_> {
        Box::new(self)
    }
}

fn run_for(trainer: Trainer, steps: u64) -> Outcome {
    let stop = StopFlag::default();
    run(trainer, &mut Stopper { stop: stop.clone(), after: steps }, &stop).unwrap()
}

fn run_to_the_end(trainer: Trainer) {
    let outcome = run(trainer, &mut (), &StopFlag::default()).unwrap();
    assert!(matches!(outcome, Outcome::Finished(_)), "{outcome:?}");
}

fn teacher(run: &Path, number: u64) -> RunDirectory {
    RunDirectory::open(run.join("teachers").join(number.to_string())).unwrap()
}

#[test]
fn teachers_are_runs_on_the_students_images_that_are_never_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run_to_the_end(start(&path, config(&TAUGHT)).unwrap());
    let run = RunDirectory::open(&path).unwrap();
    let teachers: Vec<_> = run.teachers().collect();
    assert_eq!(teachers.len(), 2);
    let mut seeds = vec![run.config().unwrap().seed];
    for teacher in teachers {
        let config = teacher.config().unwrap();
        assert_eq!((&config.model.channels[..], config.model.hidden), (&[2, 3][..], 8));
        assert_eq!((config.training.epochs, config.distillation.teachers), (2, 0));
        assert_eq!(teacher.split().unwrap(), run.split().unwrap());
        assert!(teacher.evaluation().unwrap().is_none() && run.evaluation().unwrap().is_some());
        seeds.push(config.seed);
    }
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 3);
}

#[test]
fn a_run_stopped_at_a_teacher_or_behind_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    run_to_the_end(start(&whole, config(&TAUGHT)).unwrap());
    let (taught, whole) = (weights_of(&teacher(&whole, 2)), remains(&whole));
    // In the first teacher, at its end, in the second, at its end, and in the student.
    for steps in [3, OF_A_TEACHER, OF_A_TEACHER + 5, 2 * OF_A_TEACHER, 2 * OF_A_TEACHER + 7] {
        let path = folder.path().join(format!("stopped-{steps}"));
        let Outcome::Stopped { steps: own, .. } = run_for(start(&path, config(&TAUGHT)).unwrap(), steps)
        else {
            panic!("a run that was to stop after {steps} steps is finished");
        };
        assert_eq!(own, steps.saturating_sub(2 * OF_A_TEACHER));
        run_to_the_end(resume(&path).unwrap());
        assert_same(&whole, &remains(&path), &format!("stopped after {steps}"));
        assert!(taught == weights_of(&teacher(&path, 2)));
    }
}

fn weights_of(run: &RunDirectory) -> Vec<f32> {
    let (model, _) = weights::load(&run.weights(CheckpointName::Last).unwrap(), &Device::Cpu).unwrap();
    let tensors = model.tensors().into_iter();
    tensors.flat_map(|(_, tensor)| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
}

/// A new run, its trained teachers, and its first batch.
fn with_teachers(path: &Path, options: &[&str]) -> (Trainer, Teachers, Batch) {
    let trainer = start(path, config(options)).unwrap();
    let teachers = trained_teachers(&trainer);
    let batch = loader(&trainer).next_batch();
    (trainer, teachers, batch)
}

fn trained_teachers(trainer: &Trainer) -> Teachers {
    teachers(trainer, &mut (), &StopFlag::default()).unwrap().unwrap()
}

fn loader(trainer: &Trainer) -> TrainLoader {
    let (images, config) = (trainer.split().train().to_vec(), trainer.config().loader(1));
    TrainLoader::new(trainer.data().train.clone(), images, config, Position::default()).unwrap()
}

/// The rows of both heads that teachers give for a batch, at the weight of `TAUGHT`.
fn targets_of(teachers: &Teachers, batch: &Batch) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let targets = teachers.targets(&mut batch.clone(), 1, Position::default(), &Device::Cpu).unwrap();
    assert_eq!(targets.weight, 0.7);
    (targets.digits.to_vec2().unwrap(), targets.sums.to_vec2().unwrap())
}

#[test]
fn the_targets_are_the_mean_of_the_teachers_probabilities() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let (_, teachers, batch) = with_teachers(&path, &TAUGHT);
    let (digits, sums) = targets_of(&teachers, &batch);
    assert_eq!((digits.len(), sums.len(), batch.pairs()), (16, 16, 16));

    let predictors = [1, 2].map(|number| {
        let weights = teacher(&path, number).weights(CheckpointName::Last).unwrap();
        Predictor::new(&weights::load(&weights, &Device::Cpu).unwrap().0).unwrap()
    });
    let mut apart = 0f32;
    for pair in 0..batch.pairs() {
        // One pair after the other; the two of an image are neighbours.
        let image = &batch.images[pair / 2 * PIXELS..][..PIXELS];
        let [one, other] = [0, 1].map(|teacher| {
            let addend = Addends::Each(&batch.addends[pair..=pair]);
            predictors[teacher].predict_batch(image, addend).unwrap().predictions().next().unwrap()
        });
        let heads = [
            (&digits[pair], one.digit_probabilities, other.digit_probabilities),
            (&sums[pair], one.sum_probabilities, other.sum_probabilities),
        ];
        for (found, one, other) in heads {
            for ((found, one), other) in found.iter().zip(&one).zip(&other) {
                assert!((found - (one + other) / 2.0).abs() < 1e-6, "pair {pair}");
                apart = apart.max((one - other).abs());
            }
        }
    }
    assert!(apart > 0.01, "the teachers are the same");
}

#[test]
fn teachers_without_weight_change_nothing_and_with_weight_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let weights = |name: &str, more: &[&str]| {
        let path = folder.path().join(name);
        run_to_the_end(start(&path, config(more)).unwrap());
        weights_of(&RunDirectory::open(&path).unwrap())
    };
    let plain = weights("plain", &[]);
    let one = ["distillation.teachers=1", "distillation.teacher_epochs=1"];
    assert_eq!(plain, weights("weightless", &[one[0], one[1], "distillation.weight=0"]));
    let taught = weights("taught", &one);
    assert_ne!(plain, taught);
    assert_ne!(taught, weights("half", &[one[0], one[1], "distillation.weight=0.5"]));
    assert_ne!(taught, weights("two", &[one[1], "distillation.teachers=2"]));
}

#[test]
fn both_backends_learn_the_same_from_a_teacher() {
    let folder = tempfile::tempdir().unwrap();
    let losses = [Backend::Fused, Backend::Reference].map(|backend| {
        let path = folder.path().join(format!("{backend:?}"));
        let directory = RunDirectory::create(&path, IfExists::Fail).unwrap();
        let machine = Machine { backend, ..machine() };
        let trainer = Trainer::start(directory, config(&TAUGHT), dataset(), None, machine).unwrap();
        let (teachers, model) =
            (trained_teachers(&trainer), trainer.machine().new_model(trainer.config()).unwrap());
        let tally =
            next_gradients(&model, Some(&teachers), &mut loader(&trainer), 1, trainer.config()).unwrap().1;
        tally.metrics().both.loss
    });
    assert!((losses[0] - losses[1]).abs() < 1e-3, "{losses:?}");
}

#[test]
fn what_is_no_teacher_of_the_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let trainer = start(&path, config(&TAUGHT)).unwrap();
    // Of another seed.
    run_to_the_end(start(&path.join("teachers/1"), config(&[])).unwrap());
    let refused = run(trainer, &mut (), &StopFlag::default()).unwrap_err();
    assert!(
        matches!(&refused, SeriesError::Teacher { number: 1, error } if matches!(**error, SeriesError::OtherRun(_)))
    );
    assert!(refused.to_string().starts_with("teacher 1: "), "{refused}");

    // Of the right configuration, but trained on images that the student validates on.
    let path = folder.path().join("other");
    let trainer = start(&path, config(&TAUGHT)).unwrap();
    run_for(start(&path.join("teachers/1"), config(&TAUGHT).teacher(1)).unwrap(), 1);
    let refused = run(trainer, &mut (), &StopFlag::default()).unwrap_err();
    assert!(
        matches!(&refused, SeriesError::Teacher { error, .. } if matches!(**error, SeriesError::OtherSplit(_)))
    );
}

#[test]
fn a_teacher_that_diverges_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let options = [
        "distillation.teachers=1",
        "optimizer.learning_rate=1000",
        "optimizer.momentum=0.99",
        "optimizer.weight_decay=0.9",
    ];
    let error = run(start(&path, config(&options)).unwrap(), &mut (), &StopFlag::default()).unwrap_err();
    assert!(
        error.to_string().contains("teacher 1: ") && error.to_string().contains("learning_rate"),
        "{error}"
    );
}

#[test]
fn a_run_that_is_replaced_or_deleted_takes_its_teachers_along() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run_for(start(&path, config(&TAUGHT)).unwrap(), 1);
    assert!(path.join("teachers/1/config.toml").exists());
    let place = RunDirectory::create(&path, IfExists::Replace).unwrap();
    let trainer = Trainer::start(place, config(&TAUGHT), dataset(), None, machine()).unwrap();
    assert!(!path.join("teachers").exists());
    run_for(trainer, 1);
    fs::write(path.join("teachers/notes.txt"), "").unwrap();
    assert!(!RunDirectory::open(&path).unwrap().delete().unwrap());
    assert!(path.join("teachers/notes.txt").exists() && !path.join("teachers/1").exists());
}

#[test]
fn a_run_without_teachers_has_none_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = start(&folder.path().join("run"), config(&[])).unwrap();
    assert!(teach(&mut trainer, &mut (), &StopFlag::default()).unwrap());
    assert_eq!(trainer.directory().teachers().count(), 0);
    // And a trainer by itself does not forget that there should be some.
    let alone = start(&folder.path().join("alone"), config(&TAUGHT)).unwrap();
    let refused = alone.run(&mut (), &StopFlag::default());
    assert!(matches!(refused, Err(TrainError::NoTargets(2))), "{refused:?}");
}

#[test]
fn marginalized_teachers_say_the_same_of_an_image_beside_every_addend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let mut options = TAUGHT.to_vec();
    options.push("distillation.marginalize=true");
    let (trainer, teachers, batch) = with_teachers(&path, &options);
    let (digits, sums) = targets_of(&teachers, &batch);
    for pair in 0..batch.pairs() {
        assert_eq!(digits[pair], digits[pair / 2 * 2]);
        assert_eq!(sums[pair][usize::from(batch.addends[pair])..][..10], digits[pair]);
    }
    // The teachers are the same as without; what is learned from them is not.
    run_to_the_end(trainer);
    let apart = folder.path().join("apart");
    run_to_the_end(start(&apart, config(&TAUGHT)).unwrap());
    assert!(weights_of(&teacher(&path, 2)) == weights_of(&teacher(&apart, 2)));
    let [marginalized, apart] = [&path, &apart].map(|path| weights_of(&RunDirectory::open(path).unwrap()));
    assert_ne!(marginalized, apart);
}

/// As `TAUGHT`, with mixtures, which take the teachers' word alone.
const MIXED: [&str; 6] = [TAUGHT[0], TAUGHT[2], TAUGHT[3], TAUGHT[4], TAUGHT[5], "distillation.mixup=0.5"];

#[test]
fn the_teachers_answer_for_the_mixtures_that_the_student_sees() {
    let folder = tempfile::tempdir().unwrap();
    let trainer = start(&folder.path().join("run"), config(&MIXED)).unwrap();
    let (teachers, config) = (trained_teachers(&trainer), trainer.config());
    let model = trainer.machine().new_model(config).unwrap();
    // The third step of the epoch, so that a stream that is not of its step shows.
    let [mut batches, mut same] = [loader(&trainer), loader(&trainer)];
    let mut next_loss = || {
        let (_, tally) = next_gradients(&model, Some(&teachers), &mut batches, 1, config).unwrap();
        tally.metrics().both.loss
    };
    for _ in 0..2 {
        next_loss();
        same.next_batch();
    }
    let position @ Position { epoch, step } = same.position();
    let mut batch = same.next_batch();
    let plain = batch.images.clone();
    let mut mixed = batch.clone();
    let mut stream = Stream::new(config.seed, Purpose::Mixup, epoch, step);
    mix(&mut mixed, config.distillation.mixup, &mut stream);
    assert_ne!(mixed.images, plain);
    let targets = teachers.targets(&mut batch, config.seed, position, &Device::Cpu).unwrap();
    assert_eq!(batch.images, mixed.images);
    let mode = Mode::Train { seed: config.seed, epoch, step };
    let expected = loss(&model, &mixed, (0.0, Some(targets.as_targets())), mode).unwrap();
    assert_eq!(next_loss(), expected.tally.metrics().both.loss);
}

#[test]
fn a_run_on_mixtures_that_was_stopped_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, stopped) = (folder.path().join("whole"), folder.path().join("stopped"));
    run_to_the_end(start(&whole, config(&MIXED)).unwrap());
    run_for(start(&stopped, config(&MIXED)).unwrap(), 2 * OF_A_TEACHER + 7);
    run_to_the_end(resume(&stopped).unwrap());
    assert_same(&remains(&whole), &remains(&stopped), "mixtures");
    // The teachers learned from images as they are, the student did not.
    let unmixed = folder.path().join("unmixed");
    run_to_the_end(start(&unmixed, config(&MIXED[..5])).unwrap());
    assert!(weights_of(&teacher(&whole, 2)) == weights_of(&teacher(&unmixed, 2)));
    let [mixed, unmixed] = [&whole, &unmixed].map(|path| weights_of(&RunDirectory::open(path).unwrap()));
    assert_ne!(mixed, unmixed);
}

#[test]
fn the_observer_of_a_run_is_not_told_about_its_teachers_but_those_of_the_teachers_are() {
    #[derive(Default)]
    struct Recorder {
        of_run: Vec<u64>,
        of_teachers: Vec<(TeacherNumber, u64)>,
    }
    struct OfTeacher<'a>(&'a mut Recorder, TeacherNumber);
    impl Observer for Recorder {
        fn on_start(&mut self, plan: &RunPlan<'_>) {
            assert_eq!(self.of_teachers.len(), 2);
            self.of_run.push(plan.epochs);
        }

        fn on_step(&mut self, progress: &Progress<'_>) {
            self.of_run.push(progress.event.step);
        }
    }
    impl Observer for OfTeacher<'_> {
        fn on_start(&mut self, plan: &RunPlan<'_>) {
            self.0.of_teachers.push((self.1, plan.epochs));
        }
    }
    impl RunObserver for Recorder {
        fn teacher(&mut self, teacher: TeacherNumber) -> Box<dyn Observer + '_> {
            Box::new(OfTeacher(self, teacher))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::default();
    run(start(&folder.path().join("run"), config(&TAUGHT)).unwrap(), &mut recorder, &StopFlag::default())
        .unwrap();
    let teacher = |number| TeacherNumber { number, count: 2 };
    assert_eq!(recorder.of_teachers, [(teacher(1), 2), (teacher(2), 2)]);
    assert_eq!(recorder.of_run, [vec![3], (1..=STEPS).collect()].concat());
}
