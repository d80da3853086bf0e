//! Small runs for tests of this crate and of those above it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use adder_data::{Dataset, Labeled, PIXELS, Source};
use adder_model::Backend;
use adder_random::{Purpose, Stream};
use adder_train::{
    Config, ConfigSources, IfExists, Machine, Observer, Outcome, Progress, Report, RunDirectory, StopFlag,
    TrainError, Trainer,
};
use candle_core::Device;
use safetensors::SafeTensors;
use serde_json::Value;

/// 38 training images in steps of 8, the last one of 6: 5 steps an epoch, 15 in all.
pub(crate) const IMAGES: usize = 48;
pub(crate) const STEPS_PER_EPOCH: u64 = 5;
pub(crate) const STEPS: u64 = 15;

pub(crate) fn labelled(images: usize, index: u64) -> Arc<Labeled> {
    let mut stream = Stream::new(1, Purpose::Test, 0, index);
    let pixels = (0..images * PIXELS).map(|_| stream.below(256) as u8).collect();
    Arc::new(Labeled::new(pixels, (0..images).map(|_| stream.below(10) as u8).collect()).unwrap())
}

pub(crate) fn dataset() -> Dataset {
    Dataset { origin: Source::Embedded, train: labelled(IMAGES, 0), evaluation: labelled(20, 1) }
}

/// A small network with everything on that draws: augmentation, dropout; and everything that is remembered.
pub(crate) fn config(more: &[&str]) -> Config {
    let mut sources = ConfigSources::default();
    let small = [
        "model.channels=[3, 4]",
        "model.pool_after=[1]",
        "model.unpadded=[2]",
        "model.dropout_free=[]",
        "model.dropout=0.2",
        "model.embedding=5",
        "model.hidden=8",
        "optimizer.nesterov=true",
        "optimizer.weight_decay=0.001",
        "training.epochs=3",
        "training.batch_size=8",
    ];
    for assignment in small.iter().chain(more) {
        sources.add_assignment(assignment).unwrap();
    }
    sources.resolve().unwrap()
}

pub(crate) fn machine() -> Machine {
    Machine { device: Device::Cpu, backend: Backend::Fused, threads: 1, loader_workers: 1 }
}

pub(crate) fn start(path: &Path, config: Config) -> Result<Trainer, TrainError> {
    Trainer::start(RunDirectory::create(path, IfExists::Fail)?, config, dataset(), None, machine())
}

pub(crate) fn resume(path: &Path) -> Result<Trainer, TrainError> {
    Trainer::resume(RunDirectory::open(path)?, dataset(), machine())
}

/// Counts steps and asks for a stop after some of them.
pub(crate) struct Stopper {
    pub(crate) stop: StopFlag,
    pub(crate) after: u64,
}

impl Observer for Stopper {
    fn on_step(&mut self, _: &Progress<'_>) {
        self.after -= 1;
        if self.after == 0 {
            self.stop.request();
        }
    }
}

pub(crate) fn run_for(trainer: Trainer, steps: u64) -> Outcome {
    let stop = StopFlag::default();
    trainer.run(&mut Stopper { stop: stop.clone(), after: steps }, &stop).unwrap()
}

pub(crate) fn run_to_the_end(trainer: Trainer) -> Report {
    match trainer.run(&mut (), &StopFlag::default()).unwrap() {
        Outcome::Finished(report) => report,
        stopped => panic!("{stopped:?}"),
    }
}

/// Everything that a run left and that must not depend on where it was stopped: JSON without times, and tensors by name,
/// since the order of the metadata's keys in a safetensors file is that of a hash map.
pub(crate) fn remains(run: &Path) -> BTreeMap<String, Value> {
    let mut remains = BTreeMap::new();
    for name in ["config.toml", "split.json"] {
        remains.insert(name.into(), Value::String(fs::read_to_string(run.join(name)).unwrap()));
    }
    let lines = fs::read_to_string(run.join("events.jsonl")).unwrap();
    remains.insert("events.jsonl".into(), lines.lines().map(without_times).collect());
    remains.insert(
        "evaluation.json".into(),
        without_times(&fs::read_to_string(run.join("evaluation.json")).unwrap()),
    );
    for folder in ["last", "best"] {
        let state = fs::read_to_string(run.join(folder).join("state.json")).unwrap();
        remains.insert(format!("{folder}/state.json"), without_times(&state));
        for file in ["model.safetensors", "raw.safetensors", "optimizer.safetensors"] {
            // There are raw weights only where there is an average.
            let Ok(bytes) = fs::read(run.join(folder).join(file)) else { continue };
            for (name, tensor) in SafeTensors::deserialize(&bytes).unwrap().iter() {
                let description = format!("{:?} {:?} {:?}", tensor.dtype(), tensor.shape(), tensor.data());
                remains.insert(format!("{folder}/{file} {name}"), Value::String(description));
            }
        }
    }
    remains
}

pub(crate) fn without_times(json: &str) -> Value {
    let mut value: Value = serde_json::from_str(json).unwrap();
    value.as_object_mut().unwrap().retain(|key, _| !key.ends_with("seconds"));
    value
}

pub(crate) fn assert_same(a: &BTreeMap<String, Value>, b: &BTreeMap<String, Value>, what: &str) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{what}");
    for (name, value) in a {
        assert!(value == &b[name], "{what}: {name} differs");
    }
}
