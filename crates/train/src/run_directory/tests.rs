use std::time::{Duration, UNIX_EPOCH};

use adder_model::Backend;
use candle_core::Device;

use super::*;
use crate::divergence::Divergence;
use crate::environment::{Machine, Session};

/// A run of a configuration and nothing else.
fn run_of(path: &Path, if_exists: IfExists, config: &Config) -> RunDirectory {
    RunDirectory::create(path, if_exists).unwrap().begin(|run| run.write_config(config)).unwrap().0
}

/// The names in a folder, hidden ones included.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A run that looks complete from the outside, as it was started at `started`.
fn run_started(path: &Path, started: &str) -> RunDirectory {
    let run = run_of(path, IfExists::Fail, &Config::default());
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
    RunDirectory::create(&path, IfExists::Fail).unwrap();
    assert!(matches!(RunDirectory::open(&path), Err(RunError::NotARun(_))) && !path.exists());
    let config = Config { seed: 77, ..Config::default() };
    let run = run_of(&path, IfExists::Fail, &config);
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

    let config = Config { seed: 2, ..Config::default() };
    let place = RunDirectory::create(&path, IfExists::Replace).unwrap();
    assert!(
        run.divergence().is_ok_and(|there| there.is_some()),
        "the old run stays until the new one is whole"
    );
    place.begin(|run| run.write_config(&config)).unwrap();
    assert_eq!(names(&path), [".lock", "config.toml", "notes.txt"]);
    assert_eq!(run.config().unwrap(), config);
}

/// Starts a run whose writing ends after the configuration as suddenly as by a power cut: nothing is put in order.
fn killed_start(path: &Path, if_exists: IfExists, config: &Config) {
    let place = RunDirectory::create(path, if_exists).unwrap();
    let start = std::panic::AssertUnwindSafe(|| {
        place.begin(|run| -> Result<(), RunError> {
            run.write_config(config)?;
            fs::write(run.path().join(".unfinished-1"), "").unwrap();
            panic!("killed")
        })
    });
    assert!(std::panic::catch_unwind(start).is_err());
}

#[test]
fn a_start_that_was_killed_leaves_nothing_but_what_the_next_one_collects() {
    let folder = tempfile::tempdir().unwrap();
    let (path, config) = (folder.path().join("run"), Config::default());
    killed_start(&path, IfExists::Fail, &config);
    assert!(!path.exists() && names(folder.path()).len() == 1);
    let hidden = folder.path().join(&names(folder.path())[0]);
    assert!(matches!(RunDirectory::open(hidden), Err(RunError::NotARun(_))), "it has no name yet");
    // A hidden folder without a lock is of a start that was killed before it had one; a locked one is of a living start.
    fs::create_dir(folder.path().join(".starting-0-0")).unwrap();
    let living = RunDirectory { path: folder.path().join(".starting-0-1") };
    fs::create_dir(living.path()).unwrap();
    let _lock = living.lock().unwrap();
    run_of(&path, IfExists::Fail, &config);
    assert_eq!(names(folder.path()), [".starting-0-1", "run"]);
    assert_eq!(names(&path), [".lock", "config.toml"]);
}

#[test]
fn what_killed_writers_left_is_cleared_unless_the_run_is_being_trained() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_of(&folder.path().join("run"), IfExists::Fail, &Config::default());
    for is_trained in [true, false] {
        let _lock = is_trained.then(|| run.lock().unwrap());
        fs::create_dir_all(run.path().join(".last.old")).unwrap();
        fs::write(run.path().join(".unfinished-1"), "").unwrap();
        run.tidy().unwrap();
        assert_eq!(names(run.path()).len() == 4, is_trained, "{:?}", names(run.path()));
    }
}

#[test]
fn a_start_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("above/run");
    let fail = |place: NewRun| {
        let failed = place.begin(|run| {
            run.write_config(&Config::default())?;
            Err(RunError::NoRuns("on purpose".into()))
        });
        assert!(matches!(failed, Err(RunError::NoRuns(_))));
    };
    fail(RunDirectory::create(&path, IfExists::Fail).unwrap());
    assert!(names(&folder.path().join("above")).is_empty());
    let run = run_of(&path, IfExists::Fail, &Config { seed: 3, ..Config::default() });
    fail(RunDirectory::create(&path, IfExists::Replace).unwrap());
    assert_eq!(run.config().unwrap().seed, 3);
    assert_eq!(names(&path), [".lock", "config.toml"]);
}

#[test]
fn a_replacement_that_was_cut_off_is_the_old_run_or_the_new_one() {
    let (old, new) = (Config { seed: 1, ..Config::default() }, Config { seed: 2, ..Config::default() });
    // The names of the new run's folder, in turn, and the configuration that a kill then leaves.
    for (hidden, cleared, expected) in
        [(".new", false, 1), (".next", false, 2), (".next", true, 2), (".moving", true, 2)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        run_of(&path, IfExists::Fail, &old);
        fs::write(path.join("notes.txt"), "mine").unwrap();
        killed_start(&path, IfExists::Replace, &new);
        fs::write(path.join(".new/split.json"), "").unwrap();
        fs::remove_file(path.join(".new/.unfinished-1")).unwrap();
        fs::rename(path.join(".new"), path.join(hidden)).unwrap();
        if cleared {
            fs::remove_file(path.join("config.toml")).unwrap();
        }
        let run = RunDirectory::open(&path).unwrap();
        assert_eq!(run.config().unwrap().seed, expected, "{hidden}");
        drop(run.lock().unwrap());
        let left = names(&path);
        let expected: &[&str] = match expected {
            1 => &[".lock", "config.toml", "notes.txt"],
            _ => &[".lock", "config.toml", "notes.txt", "split.json"],
        };
        assert_eq!(left, expected, "{hidden}");
    }
}

#[test]
fn a_folder_in_which_a_start_was_cut_off_is_started_in_again_or_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    fs::create_dir(&path).unwrap();
    let config = Config::default();
    killed_start(&path, IfExists::Fail, &config);
    assert!(matches!(RunDirectory::open(&path), Err(RunError::NotBegun(p)) if p == path));
    // What a start of before could leave besides.
    fs::write(path.join("environment.json"), "").unwrap();
    run_of(&path, IfExists::Fail, &config);
    assert_eq!(names(&path), [".lock", "config.toml"]);
    fs::remove_file(path.join("config.toml")).unwrap();
    assert!(RunDirectory::open_or_begun(&path).unwrap().delete().unwrap());
    assert!(!path.exists());
    // What a deletion leaves that was cut off at the very end.
    fs::create_dir(&path).unwrap();
    assert!(RunDirectory::open_or_begun(&path).unwrap().delete().unwrap());
    assert!(!path.exists());
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
