//! Runs that go on from others: more epochs, and other weights to begin with.

use std::path::Path;

use adder_model::IdentityAdder;
use adder_nn::optim::ScheduleStep;

use super::*;
use crate::origin::InitialWeights;

fn resume_until(path: &Path, epochs: u64) -> Result<Trainer, TrainError> {
    Trainer::resume_until(RunDirectory::open(path)?, dataset(), machine(), Some(epochs))
}

/// With a rate that does not depend on the length of the run, where it ended leaves no trace.
#[test]
fn a_run_that_is_prolonged_has_the_bits_of_one_that_was_as_long_from_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, short, cut] = ["whole", "short", "cut"].map(|name| folder.path().join(name));
    run_to_the_end(start(&whole, config(&["training.epochs=4"])).unwrap());
    run_to_the_end(start(&short, config(&["training.epochs=2"])).unwrap());
    fs::write(RunDirectory::open(&short).unwrap().report_path(), "of two epochs").unwrap();
    run_for(resume_until(&short, 4).unwrap(), 3);
    let run = RunDirectory::open(&short).unwrap();
    assert!(run.evaluation().unwrap().is_none() && !run.report_path().exists(), "they are of a shorter run");
    // From here on it is a run of four epochs, whoever resumes it.
    run_to_the_end(resume(&short).unwrap());
    assert_same(&remains(&whole), &remains(&short), "prolonged");
    // And a run can end before its time, where it stands.
    run_for(start(&cut, config(&["training.epochs=9"])).unwrap(), 2 * STEPS_PER_EPOCH);
    run_to_the_end(resume_until(&cut, 2).unwrap());
    run_to_the_end(resume_until(&cut, 4).unwrap());
    assert_same(&remains(&whole), &remains(&cut), "cut short and prolonged");
}

#[test]
fn a_course_over_all_epochs_is_that_of_the_longer_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let linear = config(&["training.epochs=2", "schedule.kind=linear"]);
    run_to_the_end(start(&path, linear.clone()).unwrap());
    run_to_the_end(resume_until(&path, 4).unwrap());
    let rates: Vec<f64> = RunDirectory::open(&path)
        .unwrap()
        .events()
        .unwrap()
        .iter()
        .filter_map(|event| match event {
            Event::Step(step) => Some(step.learning_rate),
            _ => None,
        })
        .collect();
    let rate = |done: u64, total: u64| {
        let place = ScheduleStep { done, total, per_epoch: STEPS_PER_EPOCH };
        linear.optimizer.learning_rate * linear.schedule.at(place).rate_factor
    };
    let expected: Vec<f64> =
        (0..10).map(|step| rate(step, 10)).chain((10..20).map(|step| rate(step, 20))).collect();
    assert_eq!(rates, expected);
}

#[test]
fn what_cannot_be_prolonged_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run_to_the_end(start(&path, config(&["training.epochs=2"])).unwrap());
    let before = remains(&path);
    assert!(matches!(resume_until(&path, 1), Err(TrainError::Epochs { done: 2, asked: 1, .. })));
    assert!(matches!(resume_until(&path, 2), Err(TrainError::Finished { epochs: 2, .. })));
    assert_same(&before, &remains(&path), "refused");
    // A run in the middle of an epoch has begun it.
    let begun = folder.path().join("begun");
    run_for(start(&begun, config(&[])).unwrap(), STEPS_PER_EPOCH + 2);
    assert!(matches!(resume_until(&begun, 1), Err(TrainError::Epochs { done: 1, asked: 1, .. })));
    // Patience ends a run however many epochs it may have.
    let patient = folder.path().join("patient");
    let hopeless = ["training.patience=1", "optimizer.learning_rate=1e-12", "training.epochs=9"];
    run_to_the_end(start(&patient, config(&hopeless)).unwrap());
    let before = remains(&patient);
    assert!(matches!(resume_until(&patient, 20), Err(TrainError::Finished { .. })));
    assert_same(&before, &remains(&patient), "refused");
}

#[test]
fn the_teachers_of_a_prolonged_run_stay_as_long_as_they_were() {
    let taught = config(&["distillation.teachers=2", "training.epochs=3"]);
    let prolonged = taught.with_epochs(8);
    assert_eq!(prolonged.training.epochs, 8);
    assert_eq!(prolonged.teacher(1), taught.teacher(1));
}

#[test]
fn a_run_begins_with_the_weights_that_it_is_given_and_remembers_them() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    run_to_the_end(start(&first, config(&[])).unwrap());
    let (model, facts) =
        RunDirectory::open(&first).unwrap().model(CheckpointName::Last, &Device::Cpu).unwrap();
    let initial = InitialWeights::new(&first, &model, facts.clone()).unwrap();
    let begin = |path: &Path, config: Config| {
        let place = RunDirectory::create(path, IfExists::Fail).unwrap();
        Trainer::start_from(place, config, dataset(), None, machine(), Some(&initial))
    };
    // What draws or averages may differ, the shapes may not.
    let other = config(&["model.dropout=0.3", "training.ema_decay=0.9", "seed=5"]);
    let trainer = begin(&second, other.clone()).unwrap();
    let run = RunDirectory::open(&second).unwrap();
    let (begun, _) = run.model(CheckpointName::Last, &Device::Cpu).unwrap();
    let bits = |model: &IdentityAdder| {
        model.tensors().iter().map(|(name, tensor)| format!("{name} {tensor}")).collect::<Vec<_>>()
    };
    assert_eq!(bits(&begun), bits(&model));
    let origin = run.origin().unwrap().unwrap();
    assert_eq!((origin.weights, origin.facts), (first.display().to_string(), facts));
    assert_eq!(RunDirectory::open(&first).unwrap().origin().unwrap(), None);

    // Stopped and resumed it has the bits of one that was not.
    run_for(trainer, 7);
    run_to_the_end(resume(&second).unwrap());
    let third = folder.path().join("third");
    run_to_the_end(begin(&third, other).unwrap());
    assert_same(&remains(&third), &remains(&second), "from weights");

    let refused = begin(&folder.path().join("wide"), config(&["model.hidden=9"])).unwrap_err().to_string();
    assert!(
        refused.contains("hidden.linear.weight") && refused.contains(&first.display().to_string()),
        "{refused}"
    );
    assert!(!folder.path().join("wide").exists());
}
