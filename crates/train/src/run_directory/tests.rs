use std::time::{Duration, UNIX_EPOCH};

use adder_model::Backend;
use candle_core::Device;

use super::*;
use crate::divergence::Divergence;
use crate::environment::{Machine, Session};

/// A run that looks complete from the outside, as it was started at `started`.
fn run_started(path: &Path, started: &str) -> RunDirectory {
    let run = RunDirectory::create(path, IfExists::Fail).unwrap();
    run.write_config(&Config::default()).unwrap();
    let machine = Machine { device: Device::Cpu, backend: Backend::Fused, threads: 1, loader_workers: 1 };
    let session = Session { started: started.into(), ..Session::now(0, &machine) };
    run.write_environment(&Environment { sessions: vec![session] }).unwrap();
    fs::create_dir(path.join("last")).unwrap();
    run
}

#[test]
fn a_run_is_made_with_its_parents_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/one");
    assert!(matches!(RunDirectory::open(&path), Err(RunError::NotARun(p)) if p == path));
    let run = RunDirectory::create(&path, IfExists::Fail).unwrap();
    assert!(matches!(RunDirectory::open(&path), Err(RunError::NotARun(_))), "no configuration is there yet");
    let config = Config { seed: 77, ..Config::default() };
    run.write_config(&config).unwrap();
    assert_eq!(RunDirectory::open(&path).unwrap(), run);
    assert_eq!(run.config().unwrap(), config);
    let split = Split::shuffled(100, 0.2, 5).unwrap();
    run.write_split(&split).unwrap();
    assert_eq!(run.split().unwrap(), split);
    assert_eq!(run.evaluation().unwrap(), None);
    let missing = run.weights(CheckpointName::Best);
    assert!(
        matches!(missing, Err(RunError::Checkpoint(CheckpointError::Missing(p))) if p == path.join("best"))
    );
}

#[test]
fn what_is_there_is_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let run = run_started(&path, "2026-01-31T14:25:30Z");
    fs::write(path.join("notes.txt"), "mine").unwrap();
    fs::write(path.join("events.jsonl"), "").unwrap();
    run.write_resume_options(&ResumeOptions::default()).unwrap();
    let divergence = Divergence { what: "loss".into(), value: f64::NAN, epoch: 1, step: 1 };
    run.write_divergence(&divergence).unwrap();
    assert!(matches!(RunDirectory::create(&path, IfExists::Fail), Err(RunError::Exists(p)) if p == path));
    assert!(run.config().is_ok());

    RunDirectory::create(&path, IfExists::Replace).unwrap();
    let mut left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".lock", "notes.txt"]);
}

#[test]
fn other_files_are_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let letters = folder.path().join("letters");
    fs::create_dir(&letters).unwrap();
    RunDirectory::create(&letters, IfExists::Fail).unwrap();
    fs::write(letters.join("love.txt"), "").unwrap();
    for path in [letters.clone(), letters.join("love.txt")] {
        for if_exists in [IfExists::Fail, IfExists::Replace] {
            let refused = RunDirectory::create(&path, if_exists);
            assert!(matches!(refused, Err(RunError::Occupied(p)) if p == path));
        }
    }
}

#[test]
fn the_newest_run_is_the_one_that_started_last() {
    let folder = tempfile::tempdir().unwrap();
    let newest = || RunDirectory::newest(folder.path());
    assert!(matches!(newest(), Err(RunError::NoRuns(_))));
    assert!(matches!(RunDirectory::newest(&folder.path().join("none")), Err(RunError::NoRuns(_))));
    run_started(&folder.path().join("z"), "2026-01-30T23:59:59Z");
    let expected = run_started(&folder.path().join("a"), "2026-01-31T14:25:30Z");
    run_started(&folder.path().join("m"), "2025-12-31T14:25:30Z");
    // Passed over: a run without a checkpoint, a broken one, a folder and a file that are none.
    let later = "2027-01-01T00:00:00Z";
    let unsaved = run_started(&folder.path().join("unsaved"), later);
    fs::remove_dir(unsaved.path().join("last")).unwrap();
    let broken = run_started(&folder.path().join("broken"), later);
    fs::write(broken.path().join("environment.json"), "{").unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    assert_eq!(newest().unwrap(), expected);
}

#[test]
fn a_run_is_named_for_its_start_and_seed() {
    let time = UNIX_EPOCH + Duration::from_secs(1_769_869_530);
    assert_eq!(RunDirectory::name(time, 42), "20260131-142530-seed42");
}

#[test]
fn options_for_the_session_that_resumes_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_started(&folder.path().join("run"), "2026-01-31T14:25:30Z");
    assert_eq!(run.resume_options().unwrap(), ResumeOptions::default());
    // A run of before the file is remembered by its event file.
    fs::write(run.event_file_path("1"), "").unwrap();
    assert!(run.resume_options().unwrap().tensorboard);
    let options = ResumeOptions { tensorboard: false, arguments: vec!["--threads".into(), "2".into()] };
    run.write_resume_options(&options).unwrap();
    assert_eq!(run.resume_options().unwrap(), options);
    fs::write(run.path().join("resume.json"), "{").unwrap();
    assert!(matches!(run.resume_options(), Err(RunError::Syntax { .. })));
}
