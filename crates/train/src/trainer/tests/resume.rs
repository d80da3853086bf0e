//! A run that resumes ends with the bits of one that was never stopped.

use super::*;
use crate::data_place::adopt_data;

#[test]
fn a_run_stopped_anywhere_ends_with_the_bits_of_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    run_to_the_end(start(&whole, config(&[])).unwrap());
    let whole = remains(&whole);

    // In the middle of an epoch, at its end, and right before the very end.
    for steps in [1, 3, STEPS_PER_EPOCH, 7, STEPS - 1] {
        let path = folder.path().join(format!("stopped-{steps}"));
        let outcome = run_for(start(&path, config(&[])).unwrap(), steps);
        let position = Position { epoch: steps / STEPS_PER_EPOCH, step: steps % STEPS_PER_EPOCH };
        assert_eq!(outcome, Outcome::Stopped { position, steps });
        run_to_the_end(resume(&path).unwrap());
        assert_same(&whole, &remains(&path), &format!("stopped after {steps}"));
    }

    // And after every single step.
    let path = folder.path().join("stuttered");
    let mut outcome = run_for(start(&path, config(&[])).unwrap(), 1);
    while let Outcome::Stopped { .. } = outcome {
        outcome = run_for(resume(&path).unwrap(), 1);
    }
    assert_same(&whole, &remains(&path), "stopped after every step");
    let environment = RunDirectory::open(&path).unwrap().environment().unwrap();
    let steps_before: Vec<_> = environment.sessions.iter().map(|session| session.steps_before).collect();
    assert_eq!(steps_before, (0..STEPS).collect::<Vec<_>>());
}

#[test]
fn a_run_that_was_killed_resumes_from_its_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, killed] = ["whole", "killed"].map(|name| folder.path().join(name));
    run_to_the_end(start(&whole, config(&[])).unwrap());

    // A panic in the observer is as sudden as a power cut: seven steps and their events are there, the checkpoint is
    // that of step five.
    struct Killer(u64);
    impl Observer for Killer {
        fn on_step(&mut self, progress: &Progress<'_>) {
            assert!(progress.event.step < self.0, "killed");
        }
    }
    let trainer = start(&killed, config(&[])).unwrap();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        trainer.run(&mut Killer(7), &StopFlag::default())
    }));
    assert!(panic.is_err());
    assert_eq!(RunDirectory::open(&killed).unwrap().events().unwrap().len(), 8);
    // What a write that was cut off leaves.
    fs::OpenOptions::new()
        .append(true)
        .open(killed.join("events.jsonl"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"{\"event\":\"st"))
        .unwrap();
    run_to_the_end(resume(&killed).unwrap());
    assert_same(&remains(&whole), &remains(&killed), "killed");
}

#[test]
fn neither_the_loader_nor_its_threads_change_a_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for loader_workers in [0, 1, 3] {
        let path = folder.path().join(loader_workers.to_string());
        let directory = RunDirectory::create(&path, IfExists::Fail).unwrap();
        let machine = Machine { loader_workers, ..machine() };
        run_to_the_end(Trainer::start(directory, config(&[]), dataset(), None, machine).unwrap());
        all.push(remains(&path));
    }
    assert_same(&all[0], &all[1], "1 worker");
    assert_same(&all[0], &all[2], "3 workers");
}

#[test]
fn a_checkpoint_that_was_being_replaced_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, torn] = ["whole", "torn"].map(|name| folder.path().join(name));
    run_to_the_end(start(&whole, config(&[])).unwrap());
    run_for(start(&torn, config(&[])).unwrap(), 7);
    // The old checkpoint has moved away, the new one has not taken its place.
    fs::rename(torn.join("last"), torn.join(".last.new")).unwrap();
    fs::create_dir(torn.join(".last.old")).unwrap();
    run_to_the_end(resume(&torn).unwrap());
    assert_same(&remains(&whole), &remains(&torn), "torn");
    assert!(!torn.join(".last.old").exists() && !torn.join(".last.new").exists());
}

#[test]
fn a_run_with_the_keys_of_before_their_renaming_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, old] = ["whole", "old"].map(|name| folder.path().join(name));
    let options = config(&["training.ema_decay=0.9"]);
    run_to_the_end(start(&whole, options.clone()).unwrap());
    run_for(start(&old, options).unwrap(), 7);
    let path = old.join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    let renamed = text.replace("ema_decay", "average_decay").replace("marginalize", "consistent");
    assert_ne!(renamed, text);
    fs::write(&path, renamed).unwrap();
    // Nor had a run of then any checksums.
    fs::remove_file(old.join("checksums.json")).unwrap();
    run_to_the_end(resume(&old).unwrap());
    fs::write(&path, text).unwrap();
    assert_same(&remains(&whole), &remains(&old), "old keys");
}

#[test]
fn moved_data_are_taken_where_they_are_and_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run_for(start(&path, config(&[])).unwrap(), 2);
    let run = RunDirectory::open(&path).unwrap();
    let moved = Dataset { origin: "elsewhere".parse().unwrap(), ..dataset() };
    let others = Dataset { evaluation: labelled(20, 2), ..moved.clone() };

    let error = Trainer::resume(run.clone(), others, machine()).unwrap_err();
    let words = error.to_string();
    assert!(matches!(&error, TrainError::OtherData(other) if other.set == "evaluation"), "{error:?}");
    assert!(words.contains("as in embedded") && words.contains("found 20 images of checksum"), "{words}");
    assert!(words.contains(" in elsewhere:"), "{words}");
    assert_eq!(run.config().unwrap(), config(&[]), "a refusal changed the run");

    run_for(Trainer::resume(run.clone(), moved.clone(), machine()).unwrap(), 2);
    assert_eq!(run.config().unwrap().data.source, moved.origin);
    assert!(run.config().unwrap().equals_but_for_place(&config(&[])));
    let text = fs::read_to_string(path.join("config.toml")).unwrap();
    assert!(text.starts_with("# Everything that decided this run."), "{text}");
    // And back, as far as the end.
    assert!(adopt_data(&run, &dataset()).unwrap() && !adopt_data(&run, &dataset()).unwrap());
    let whole = folder.path().join("whole");
    run_to_the_end(start(&whole, config(&[])).unwrap());
    run_to_the_end(resume(&path).unwrap());
    assert_same(&remains(&path), &remains(&whole), "moved");
}
