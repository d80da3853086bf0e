//! Run directories: every file of one, read, reported on and resumed.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use adder_model::Backend;
use adder_report::{Overview, Record, save_page};
use adder_train::{CheckpointName, ConfigSources, IfExists, Machine, RunDirectory, StopFlag, Trainer};
use candle_core::Device;

use crate::sections::{form, join, split};
use crate::target::{Seed, Target};
use crate::{sample, scratch};

/// The target.
pub const TARGET: Target = Target {
    run,
    seeds,
    words: &[b"NaN", b"1e308", b"-1", b"18446744073709551615", b"null", b"[[[[", b"{}"],
};

/// Parameters of a network that is made; a configuration may ask for 134 million.
const MOST_PARAMETERS: usize = 20_000;

/// Each part is a file of the run, which its first byte chooses; the others are right.
pub fn run(data: &[u8]) -> bool {
    // The first call of it makes a run in the same folder.
    let right = files();
    let folder = scratch::empty_folder();
    write(&folder, right.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])));
    let given = split(data);
    write(
        &folder,
        given.iter().filter(|part| !part.is_empty()).map(|part| {
            let (index, bytes) = form(part);
            (right[usize::from(index) % right.len()].0.as_str(), bytes)
        }),
    );
    let Ok(run) = RunDirectory::open(&folder) else { return false };
    let is_read = read(&run);
    let is_small = |config: adder_train::Config| {
        config.model.network().is_ok_and(|network| network.parameter_count() < MOST_PARAMETERS)
    };
    if run.config().is_ok_and(is_small) {
        let _ = Trainer::resume(run, sample::dataset(), machine());
    }
    is_read
}

/// Everything that the commands read of a run; whether a report can be made of it.
fn read(run: &RunDirectory) -> bool {
    let _ = run.is_trained();
    let _ = run.exhaustive();
    let _ = run.divergence();
    let _ = run.resume_options();
    let _ = run.weights(CheckpointName::Best);
    let _ = run.data();
    let _ = Overview::read(run);
    let Ok(record) = Record::read(run) else { return false };
    let _ = (record.momenta(), record.images_per_second(), record.seconds(), record.is_trained());
    save_page(&run.report_path(), &[record]).is_ok()
}

fn machine() -> Machine {
    Machine { device: Device::Cpu, backend: Backend::Fused, threads: 1, loader_workers: 0 }
}

fn write<'a>(folder: &Path, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a file in our own folder")).expect("a folder in our own");
        fs::write(path, bytes).expect("a file in our own folder");
    }
}

/// The files of a run that was trained once, in the order of their names, and what other commands write into it.
pub(crate) fn files() -> &'static [(String, Vec<u8>)] {
    static FILES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = scratch::empty_folder();
        train(&folder);
        let mut files = Vec::new();
        collect(&folder, "", &mut files);
        let copy = |files: &[(String, Vec<u8>)], from: &str| {
            files.iter().find(|(name, _)| name == from).map(|(_, bytes)| bytes.clone()).unwrap_or_default()
        };
        for name in ["config.toml", "events.jsonl"] {
            files.push((format!("teachers/1/{name}"), copy(&files, name)));
        }
        let diverged = br#"{"what":"loss","value":"NaN","epoch":1,"step":2}"#;
        files.push(("diverged.json".into(), diverged.to_vec()));
        files.push(("resume.json".into(), br#"{"tensorboard":true,"arguments":["--threads","2"]}"#.to_vec()));
        files.push(("exhaustive.json".into(), b"{}".to_vec()));
        files.sort();
        files.dedup_by(|one, other| one.0 == other.0);
        files
    })
}

fn train(folder: &Path) {
    let mut sources = ConfigSources::default();
    let small = [
        "model.channels=[1]",
        "model.pool_after=[1]",
        "model.unpadded=[]",
        "model.dropout_free=[]",
        "model.embedding=1",
        "model.hidden=2",
        "training.epochs=2",
        "training.batch_size=8",
        "training.ema_decay=0.9",
    ];
    for assignment in small {
        sources.add_assignment(assignment).expect("a key and a value");
    }
    let config = sources.resolve().expect("a small configuration");
    let directory = RunDirectory::create(folder, IfExists::Fail).expect("an empty folder");
    let trainer =
        Trainer::start(directory, config, sample::dataset(), None, machine()).expect("a run can begin");
    trainer.run(&mut (), &StopFlag::default()).expect("a run can end");
}

/// The files below a folder, by their paths in it.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("our own folder").flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.push((name, fs::read(entry.path()).expect("our own file")));
        }
    }
}

fn seeds() -> Vec<Seed> {
    let files = files();
    let part = |name: &str| {
        let index = files.iter().position(|(file, _)| file == name).unwrap_or_default();
        [&[index as u8], &files[index].1[..]].concat()
    };
    let alone: [(&'static str, &str); 10] = [
        ("config", "config.toml"),
        ("split", "split.json"),
        ("data", "data.json"),
        ("environment", "environment.json"),
        ("events", "events.jsonl"),
        ("evaluation", "evaluation.json"),
        ("state", "last/state.json"),
        ("diverged", "diverged.json"),
        ("resume", "resume.json"),
        ("model", "last/model.safetensors"),
    ];
    let both = join(&[&part("events.jsonl"), &part("last/state.json")]);
    alone.into_iter().map(|(seed, name)| (seed, part(name))).chain([("both", both)]).collect()
}
