//! Errors that stop a run, or keep it from starting and resuming.

use adder_data::Split;

use super::*;
use crate::checkpoint::CheckpointError;
use crate::data_record::DataRecord;
use crate::divergence::Divergence;
use crate::events::EventsError;
use crate::run_directory::RunError;
use adder_model::tensor_file::TensorProblem;

#[test]
fn divergence_stops_with_the_step_and_leaves_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let config =
        config(&["optimizer.learning_rate=1000", "optimizer.momentum=0.99", "optimizer.weight_decay=0.9"]);
    match start(&path, config).unwrap().run(&mut (), &StopFlag::default()) {
        Err(TrainError::NotFinite(Divergence { epoch, step, value, what })) => {
            assert!(!value.is_finite());
            assert_eq!(epoch, 1 + (step - 1) / STEPS_PER_EPOCH);
            // The steps before it are in the events, and what was saved can be resumed.
            let run = RunDirectory::open(&path).unwrap();
            let steps =
                run.events().unwrap().iter().filter(|event| matches!(event, Event::Step(_))).count() as u64;
            assert!(steps == step || steps == step - 1, "{steps} steps are recorded, {step} is named");
            let noted = run.divergence().unwrap().unwrap();
            assert_eq!((noted.what, noted.epoch, noted.step), (what, epoch, step));
            // Who resumes it tries again.
            resume(&path).unwrap();
            assert!(run.divergence().unwrap().is_none());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    match start(&path, config(&["training.batch_size=37"])) {
        Err(TrainError::LoneImage { images: 38, batch_size: 37 }) => {}
        other => panic!("{other:?}"),
    }
    let other = Split::shuffled(IMAGES + 1, 0.5, 1).unwrap();
    let place = RunDirectory::create(&path, IfExists::Fail).unwrap();
    let refused = Trainer::start(place, config(&[]), dataset(), Some(other), machine());
    assert!(matches!(refused, Err(TrainError::Data(adder_data::Error::Split(_)))), "{refused:?}");
    assert!(!path.exists(), "a run that cannot be is not begun");
}

#[test]
fn a_run_is_not_trained_twice_at_once_nor_after_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let trainer = start(&path, config(&[])).unwrap();
    assert!(matches!(resume(&path), Err(TrainError::Run(RunError::Busy(_)))));
    assert!(matches!(RunDirectory::create(&path, IfExists::Replace), Err(RunError::Busy(_))));
    run_to_the_end(trainer);
    assert!(matches!(resume(&path), Err(TrainError::Finished { epochs: 3, .. })));
    // A crash between the last checkpoint and the evaluation leaves the evaluation to be done.
    let report = RunDirectory::open(&path).unwrap().evaluation().unwrap().unwrap();
    fs::remove_file(path.join("evaluation.json")).unwrap();
    assert_eq!(run_to_the_end(resume(&path).unwrap()), report);
}

#[test]
fn broken_runs_are_refused_with_the_file_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    run_for(start(&whole, config(&[])).unwrap(), 7);
    // Breaks one file of a copy and says what resuming makes of it: of a run of before, which has no checksums.
    let refusal = |file: &str, breaking: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let copy = tempfile::tempdir().unwrap();
        for file in ["config.toml", "split.json", "data.json", "environment.json", "events.jsonl"] {
            fs::copy(whole.join(file), copy.path().join(file)).unwrap();
        }
        fs::create_dir(copy.path().join("last")).unwrap();
        for entry in fs::read_dir(whole.join("last")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name() == "checksums.json" {
                continue;
            }
            fs::copy(entry.path(), copy.path().join("last").join(entry.file_name())).unwrap();
        }
        let path = copy.path().join(file);
        fs::write(&path, breaking(fs::read(&path).unwrap())).unwrap();
        let error = resume(copy.path()).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains(file.rsplit('/').next().unwrap()) || message.contains("last"),
            "{file}: {message}"
        );
        error
    };
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains(from), "{from} is not in {text}");
            text.replacen(from, to, 1).into_bytes()
        }
    };
    let state = "last/state.json";

    let error = refusal("config.toml", &replace("momentum", "momentun"));
    assert!(matches!(error, TrainError::Run(RunError::Config(_))), "{error:?}");
    let error = refusal("split.json", &|bytes| bytes[..bytes.len() / 2].to_vec());
    assert!(matches!(error, TrainError::Run(RunError::Syntax { .. })), "{error:?}");
    let error = refusal("data.json", &|bytes| {
        let mut record: DataRecord = serde_json::from_slice(&bytes).unwrap();
        record.train.crc32 ^= 1;
        serde_json::to_vec(&record).unwrap()
    });
    assert!(matches!(&error, TrainError::OtherData(other) if other.set == "train"), "{error:?}");
    let error = refusal("events.jsonl", &|bytes| bytes[..bytes.len() / 2].to_vec());
    assert!(matches!(error, TrainError::Events(EventsError::TooShort { expected: 8, .. })), "{error:?}");

    let error = refusal(state, &|bytes| bytes[..bytes.len() - 10].to_vec());
    assert!(matches!(error, TrainError::Checkpoint(CheckpointError::Syntax { .. })), "{error:?}");
    let error = refusal(state, &replace("\"version\": 1", "\"version\": 2"));
    assert!(
        matches!(error, TrainError::Checkpoint(CheckpointError::Value { field: "version", .. })),
        "{error:?}"
    );
    let error = refusal(state, &replace("\"events\"", "\"evens\""));
    assert!(matches!(error, TrainError::Checkpoint(CheckpointError::Syntax { .. })), "{error:?}");
    let error = refusal(state, &replace("\"step\": 2", "\"step\": 5"));
    assert!(matches!(error, TrainError::Position { field: "position.step", .. }), "{error:?}");
    let error = refusal(state, &replace("\"epoch\": 1", "\"epoch\": 4"));
    assert!(matches!(error, TrainError::Position { field: "position.epoch", .. }), "{error:?}");
    let error = refusal(state, &replace("\"step\": 2", "\"step\": 1"));
    assert!(matches!(error, TrainError::Position { field: "steps", .. }), "{error:?}");
    let error = refusal(state, &replace("\"pairs\": 16", "\"pairs\": 15"));
    assert!(matches!(error, TrainError::Position { field: "training.pairs", .. }), "{error:?}");
    // Files of another checkpoint of the same run: each is whole, together they are none.
    for name in ["model.safetensors", "optimizer.safetensors"] {
        let of_step_5 = fs::read(whole.join("best").join(name)).unwrap();
        let error = refusal(&format!("last/{name}"), &|_| of_step_5.clone());
        let field_is_steps =
            matches!(error, TrainError::Checkpoint(CheckpointError::Value { field: "metadata `steps`", .. }));
        assert!(field_is_steps, "{error:?}");
    }

    let model = "last/model.safetensors";
    let optimizer = "last/optimizer.safetensors";
    let error = refusal(model, &|bytes| bytes[..bytes.len() - 4].to_vec());
    assert!(matches!(error, TrainError::Checkpoint(CheckpointError::Model(_))), "{error:?}");
    let nan = |mut bytes: Vec<u8>| {
        let end = bytes.len() - 4;
        bytes[end..].copy_from_slice(&f32::NAN.to_le_bytes());
        bytes
    };
    let error = refusal(model, &nan);
    assert!(error.to_string().contains("NaN"), "{error}");
    let problem = |error| match error {
        TrainError::Checkpoint(CheckpointError::OptimizerFile(error)) => error.problem,
        other => panic!("{other:?}"),
    };
    let error = refusal(optimizer, &|bytes| bytes[..100].to_vec());
    assert!(matches!(problem(error), TensorProblem::Format(_)));
    assert!(matches!(problem(refusal(optimizer, &nan)), TensorProblem::NotFinite { .. }));
    // The weights of another network: the configuration was changed behind the checkpoint's back.
    let error = refusal("config.toml", &replace("hidden = 8", "hidden = 9"));
    assert!(error.to_string().contains("expected F32 [9, 15], found F32 [8, 15]"), "{error}");
}
