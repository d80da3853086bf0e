use adder_data::{Dataset, Source, load};
use adder_experiment::TeacherNumber;
use adder_model::{Backend, HeadMetrics, Metrics};
use adder_train::events::{Event, StepEvent};
use adder_train::{Config, ConfigSources, EvaluationSplit, IfExists, Machine, Outcome, StopFlag, Trainer};
use candle_core::Device;

use super::*;

/// Six numbers from `first` on.
fn metrics(first: f64) -> Metrics {
    let head = |at: f64| HeadMetrics { loss: first + at, accuracy: first + at + 1.0 };
    Metrics { digit: head(0.0), sum: head(2.0), both: head(4.0) }
}

/// Every event of a file that holds nothing else.
fn messages(file: &[u8]) -> Vec<EventMessage> {
    let end = records(file).last().map_or(0, |(_, end)| end);
    assert_eq!(end, file.len(), "a record is not whole");
    records(file).map(|(data, _)| EventMessage::decode(data).unwrap()).collect()
}

/// Step, tag and value of every scalar of an event file.
fn scalars(file: &[u8]) -> Vec<(i64, String, f32)> {
    let mut found = Vec::new();
    for event in messages(file) {
        if let Some(What::Summary(summary)) = event.what {
            found.extend(summary.value.into_iter().filter_map(|value| match value.kind {
                Some(Kind::Scalar(scalar)) => Some((event.step, value.tag, scalar)),
                _ => None,
            }));
        }
    }
    found
}

fn run_of(name: &str, folder: &Path, data: &Dataset) -> (RunDirectory, Trainer) {
    let place = RunDirectory::create(folder.join(name), IfExists::Fail).unwrap();
    let trainer = Trainer::start(place, config(), data.clone(), None, machine()).unwrap();
    (trainer.directory().clone(), trainer)
}

/// Three epochs of four steps.
fn config() -> Config {
    let mut sources = ConfigSources::default();
    for assignment in [
        "model.channels=[2]",
        "model.pool_after=[1]",
        "model.unpadded=[]",
        "model.dropout_free=[]",
        "data.limit=16",
        "training.epochs=3",
        "training.batch_size=4",
    ] {
        sources.add_assignment(assignment).unwrap();
    }
    sources.resolve().unwrap()
}

fn machine() -> Machine {
    Machine { device: Device::Cpu, backend: Backend::Fused, threads: 1, loader_workers: 0 }
}

/// Watches with a board, and asks for a stop after some steps.
struct Watched<'a> {
    board: &'a mut TensorBoard,
    stop: StopFlag,
    left: u64,
}

impl Observer for Watched<'_> {
    fn on_start(&mut self, plan: &RunPlan<'_>) {
        self.board.on_start(plan);
    }

    fn on_step(&mut self, progress: &Progress<'_>) {
        self.board.on_step(progress);
        self.left -= 1;
        if self.left == 0 {
            self.stop.request();
        }
    }

    fn on_epoch(&mut self, event: &EpochEvent, best: bool) {
        self.board.on_epoch(event, best);
    }

    fn on_finish(&mut self, report: &Report) {
        self.board.on_finish(report);
    }
}

fn run_for(trainer: Trainer, run: &RunDirectory, steps: u64) -> Outcome {
    let mut board = TensorBoard::open(run).unwrap();
    let stop = StopFlag::default();
    let outcome =
        trainer.run(&mut Watched { board: &mut board, stop: stop.clone(), left: steps }, &stop).unwrap();
    board.finish().unwrap();
    outcome
}

/// The file, which must be the only one.
fn file_of(run: &RunDirectory) -> Vec<u8> {
    let files = run.event_files().unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    fs::read(&files[0]).unwrap()
}

/// The records of a file without their times, and the length of each.
fn timeless(file: &[u8]) -> Vec<(i64, Option<What>, usize)> {
    let ends = records(file).map(|(data, _)| data.len());
    messages(file).into_iter().zip(ends).map(|(event, length)| (event.step, event.what, length)).collect()
}

#[test]
fn every_number_stands_under_its_own_tag() {
    let folder = tempfile::tempdir().unwrap();
    let data = load(&Source::Embedded, &mut |_| {}).unwrap();
    let (run, _trainer) = run_of("run", folder.path(), &data);
    let mut board = TensorBoard::open(&run).unwrap();
    let event =
        StepEvent { epoch: 1, step: 3, loss: 0.5, accuracy: 25.0, learning_rate: 0.125, gradient_norm: 2.0 };
    let (step_in_epoch, steps_per_epoch, images, running) = (3, 3, 8, metrics(0.0));
    let progress = Progress { event: &event, step_in_epoch, steps_per_epoch, images, running };
    // A teacher's step is none of the run's.
    board.teacher(TeacherNumber { number: 1, count: 1 }).on_step(&progress);
    board.on_step(&progress);
    let (training, validation) = (metrics(10.0), metrics(20.0));
    let (training_seconds, validation_seconds) = (1.0, 1.0);
    let epoch = EpochEvent { epoch: 1, step: 3, training, validation, training_seconds, validation_seconds };
    board.on_epoch(&epoch, true);
    let split = EvaluationSplit::Evaluation;
    board.on_finish(&Report {
        split,
        images: 8,
        pairs: 8,
        metrics: metrics(30.0),
        parts: Default::default(),
    });
    board.finish().unwrap();

    let mut expected = vec![
        ("step/loss".to_owned(), 0.5),
        ("step/accuracy".into(), 25.0),
        ("step/learning_rate".into(), 0.125),
        ("step/gradient_norm".into(), 2.0),
    ];
    for (set, first) in [("training", 10.0), ("validation", 20.0), ("evaluation", 30.0)] {
        for (head, at) in [("digit", 0.0), ("sum", 2.0), ("both", 4.0)] {
            expected.push((format!("{set}_loss/{head}"), first + at));
            expected.push((format!("{set}_accuracy/{head}"), first + at + 1.0));
        }
    }
    let expected: Vec<_> = expected.into_iter().map(|(tag, value)| (3, tag, value)).collect();
    assert_eq!(scalars(&file_of(&run)), expected);
}

/// The rule of the module: whatever befell the file, a run that resumed has the records of one that never stopped, each of the same
/// length, so that the offsets are the same too.
#[test]
fn a_run_that_resumes_has_the_file_of_one_that_never_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let data = load(&Source::Embedded, &mut |_| {}).unwrap();
    let (run, trainer) = run_of("whole", folder.path(), &data);
    assert!(matches!(run_for(trainer, &run, 1000), Outcome::Finished(_)));
    let whole = timeless(&file_of(&run));
    // The version, a record for each of twelve steps and three epochs, and the evaluation.
    assert_eq!(whole.len(), 1 + 12 + 3 + 1);

    type Mishap<'a> = (&'a str, &'a dyn Fn(&Path));
    let befell: [Mishap<'_>; 6] = [
        ("stopped", &|_| {}),
        // Killed after steps that the checkpoint does not know of: a torn record behind some that are not of the run.
        ("killed", &|path| {
            let mut file = fs::read(path).unwrap();
            let last = records(&file).last().unwrap().0.to_vec();
            let mut stale = EventMessage::decode(&last[..]).unwrap();
            for _ in 0..6 {
                stale.step += 1;
                file.extend(frame(&stale.encode_to_vec()));
            }
            file.extend(&frame(&last)[..30]);
            fs::write(path, file).unwrap();
        }),
        // The machine stopped before the last records were on the disk.
        ("behind", &|path| {
            let file = fs::read(path).unwrap();
            let end = records(&file).nth(1).unwrap().1;
            fs::write(path, [&file[..end], &vec![0; file.len() - end][..]].concat()).unwrap();
        }),
        ("lost", &|path| fs::remove_file(path).unwrap()),
        ("foreign", &|path| fs::write(path, "not an event file").unwrap()),
        // An older version began a new file on each resumption.
        ("many", &|path| {
            let other = path.with_file_name("events.out.tfevents.9999999999.1.adder");
            fs::copy(path, other).unwrap();
        }),
    ];
    for (name, befall) in befell {
        for steps in [1, 4, 6] {
            let (run, trainer) = run_of(&format!("{name}{steps}"), folder.path(), &data);
            assert!(matches!(run_for(trainer, &run, steps), Outcome::Stopped { .. }));
            let path = run.event_files().unwrap().remove(0);
            let before = fs::read(&path).unwrap();
            befall(&path);
            // Twice: once for two steps, then to the end.
            let resume = || Trainer::resume(run.clone(), data.clone(), machine()).unwrap();
            run_for(resume(), &run, 2);
            assert!(whole.starts_with(&timeless(&file_of(&run))), "{name} after {steps} and two steps");
            run_for(resume(), &run, 1000);
            let file = file_of(&run);
            assert!(timeless(&file) == whole, "{name} after {steps} steps");
            if matches!(name, "stopped" | "killed" | "many") {
                assert!(file.starts_with(&before), "{name}: times before the stop have changed");
            }
        }
    }
}

#[test]
fn a_run_that_did_not_write_one_has_it_whole_from_the_session_that_does() {
    let folder = tempfile::tempdir().unwrap();
    let data = load(&Source::Embedded, &mut |_| {}).unwrap();
    let (run, mut trainer) = run_of("run", folder.path(), &data);
    assert!(trainer.train(&mut (), &StopFlag::default()).unwrap());
    drop(trainer);
    let trainer = Trainer::resume(run.clone(), data, machine()).unwrap();
    run_for(trainer, &run, 1000);
    let losses: Vec<(i64, f32)> = scalars(&file_of(&run))
        .into_iter()
        .filter(|(_, tag, _)| tag == "step/loss")
        .map(|(step, _, loss)| (step, loss))
        .collect();
    let events = run.events().unwrap();
    let expected: Vec<(i64, f32)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Step(event) => Some((event.step as i64, event.loss as f32)),
            Event::Epoch(_) => None,
        })
        .collect();
    assert_eq!((expected.len(), losses), (12, expected.clone()));
}
