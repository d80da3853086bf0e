//! The number of threads changes no bit of a run.
//!
//! Thread pools are made once in a process, so each number of threads is a process of its own: this test program,
//! called again for the one test that it otherwise ignores.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::{env, fs};

use adder_data::{Dataset, Labeled, PIXELS, Source};
use adder_model::Backend;
use adder_random::{Purpose, Stream};
use adder_train::{ConfigSources, IfExists, Machine, RunDirectory, StopFlag, Trainer};
use candle_core::Device;
use safetensors::SafeTensors;

/// Names the folder of the run that the child is to train.
const FOLDER: &str = "ADDER_TEST_RUN";

/// Names the optimizer's kind.
const OPTIMIZER: &str = "ADDER_TEST_OPTIMIZER";

#[test]
#[ignore = "called by the other test, with a number of threads"]
fn train() {
    let labelled = |images: usize, index: u64| {
        let mut stream = Stream::new(1, Purpose::Test, 0, index);
        let pixels = (0..images * PIXELS).map(|_| stream.below(256) as u8).collect();
        Arc::new(Labeled::new(pixels, (0..images).map(|_| stream.below(10) as u8).collect()).unwrap())
    };
    // The notebook's network: three steps of 48 and one of 6, more than one chunk for any kernel to share out.
    let data = Dataset { origin: Source::Embedded, train: labelled(188, 0), evaluation: labelled(20, 1) };
    let mut sources = ConfigSources::default();
    sources.add_flag("--epochs", "training.epochs", 1);
    sources.add_flag("--batch-size", "training.batch_size", 48);
    sources.add_flag("--optimizer", "optimizer.kind", env::var(OPTIMIZER).unwrap());
    let directory = RunDirectory::create(env::var(FOLDER).unwrap(), IfExists::Fail).unwrap();
    let machine = Machine { device: Device::Cpu, backend: Backend::Fused, threads: 1, loader_workers: 1 };
    let trainer = Trainer::start(directory, sources.resolve().unwrap(), data, None, machine).unwrap();
    trainer.run(&mut (), &StopFlag::default()).unwrap();
}

/// Trains with so many threads and returns the tensors of the last checkpoint, named and sorted, and the evaluation.
fn trained_with(threads: usize, optimizer: &str, folder: &Path) -> (Vec<(String, Vec<u8>)>, String) {
    let run = folder.join(format!("{optimizer}-{threads}"));
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", "train", "--ignored"])
        .env("RAYON_NUM_THREADS", threads.to_string())
        .env(OPTIMIZER, optimizer)
        .env(FOLDER, &run)
        .status()
        .unwrap();
    assert!(status.success());
    let mut tensors = Vec::new();
    for file in ["model.safetensors", "optimizer.safetensors"] {
        let bytes = fs::read(run.join("last").join(file)).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        tensors.extend(file.iter().map(|(name, tensor)| (name.to_owned(), tensor.data().to_vec())));
    }
    tensors.sort();
    (tensors, fs::read_to_string(run.join("evaluation.json")).unwrap())
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    for optimizer in ["sgd", "muon"] {
        let (one, report) = trained_with(1, optimizer, folder.path());
        assert!(one.len() > 40);
        for threads in [2, 3] {
            let (other, other_report) = trained_with(threads, optimizer, folder.path());
            for ((name, values), (_, other_values)) in one.iter().zip(&other) {
                assert!(
                    values == other_values,
                    "{name} differs between 1 and {threads} threads of {optimizer}"
                );
            }
            assert_eq!(report, other_report);
        }
    }
}
