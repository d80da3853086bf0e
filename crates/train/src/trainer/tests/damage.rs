//! Files of a run that were damaged: none is resumed from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::checkpoint::CheckpointError;
use crate::events::EventsError;
use crate::manifest::ManifestError;
use crate::run_directory::RunError;

/// What a disk, a copy that was cut off or a slip does to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    Bit,
    Cut,
    Zeros,
    Appended,
    Swapped,
    Emptied,
}

const DAMAGES: [Damage; 6] =
    [Damage::Bit, Damage::Cut, Damage::Zeros, Damage::Appended, Damage::Swapped, Damage::Emptied];

/// Everything that resuming depends on.
const FILES: [&str; 14] = [
    "config.toml",
    "split.json",
    "data.json",
    "checksums.json",
    "events.jsonl",
    "last/model.safetensors",
    "last/raw.safetensors",
    "last/optimizer.safetensors",
    "last/state.json",
    "last/checksums.json",
    "best/model.safetensors",
    "best/raw.safetensors",
    "best/state.json",
    "best/checksums.json",
];

impl Damage {
    /// The damaged bytes; `other` is the same file of another checkpoint.
    fn of(self, bytes: &[u8], other: &[u8], stream: &mut Stream) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        let at = stream.below(bytes.len() as u32) as usize;
        match self {
            Self::Bit => damaged[at] ^= 1 << stream.below(8),
            Self::Cut => damaged.truncate(at),
            Self::Zeros => {
                let end = (at + 1 + stream.below(64) as usize).min(bytes.len());
                damaged[at..end].fill(0);
            }
            Self::Appended => damaged.push(b" \n0}"[stream.below(4) as usize]),
            Self::Swapped => damaged = other.to_vec(),
            Self::Emptied => damaged.clear(),
        }
        damaged
    }
}

/// The place of the same file in another checkpoint, or in another run.
fn counterpart(run: &Path, other: &Path, file: &str) -> PathBuf {
    match file.split_once('/') {
        Some(("last", name)) => run.join("best").join(name),
        Some((_, name)) => run.join("last").join(name),
        None => other.join(file),
    }
}

/// Damages each file of a run in each way, `rounds` times, and resumes; the table of what was tried and accepted, and the number of
/// both.
fn damage(rounds: u64) -> (String, u32, u32) {
    let folder = tempfile::tempdir().unwrap();
    let [run, other] = ["run", "other"].map(|name| folder.path().join(name));
    let averaged = "training.ema_decay=0.9";
    run_for(start(&run, config(&[averaged])).unwrap(), 7);
    run_for(start(&other, config(&[averaged, "seed=5"])).unwrap(), 7);
    let mut stream = Stream::new(20, Purpose::Test, 0, 0);
    let mut table = String::from("| damage | tried | accepted |\n| --- | ---: | ---: |\n");
    let (mut all_tried, mut all_accepted) = (0, 0);
    for damage in DAMAGES {
        let (mut tried, mut accepted) = (0, 0);
        for (file, _) in FILES.iter().flat_map(|file| (0..rounds).map(move |round| (*file, round))) {
            // What stands behind the events of the checkpoint is cut off: a kill leaves such.
            if (file, damage) == ("events.jsonl", Damage::Appended) {
                continue;
            }
            let (path, bytes) = (run.join(file), fs::read(run.join(file)).unwrap());
            let damaged = damage.of(&bytes, &fs::read(counterpart(&run, &other, file)).unwrap(), &mut stream);
            if damaged == bytes {
                continue;
            }
            fs::write(&path, damaged).unwrap();
            tried += 1;
            match resume(&run) {
                Ok(_) => accepted += 1,
                Err(error) => {
                    let name = file.rsplit('/').next().unwrap();
                    assert!(error.to_string().contains(name), "{damage:?} of {file}: {error}");
                }
            }
            fs::write(&path, bytes).unwrap();
        }
        writeln!(table, "| {damage:?} | {tried} | {accepted} |").unwrap();
        (all_tried, all_accepted) = (all_tried + tried, all_accepted + accepted);
    }
    resume(&run).unwrap();
    (table, all_tried, all_accepted)
}

#[test]
fn no_damaged_file_is_resumed_from() {
    let (table, tried, accepted) = damage(4);
    assert!(tried > 250 && accepted == 0, "{table}");
}

/// The same, often: `cargo test --workspace --lib -- --ignored a_thousand_damages --nocapture` prints the table.
#[test]
#[ignore = "the same as no_damaged_file_is_resumed_from, for longer"]
fn a_thousand_damages() {
    let (table, tried, accepted) = damage(16);
    println!("{table}| all | {tried} | {accepted} |");
    assert!(tried > 1000 && accepted == 0);
}

#[test]
fn a_damaged_file_is_named_with_what_it_should_hold() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run_for(start(&path, config(&[])).unwrap(), 7);
    let file = path.join("last/optimizer.safetensors");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    let error = resume(&path).unwrap_err();
    let words = error.to_string();
    let expected = format!("{}: expected {} bytes of checksum ", file.display(), whole.len());
    assert!(words.starts_with(&expected), "{words}");
    assert!(words.contains(&format!("found {} bytes of checksum ", whole.len() - 1)), "{words}");
    let damaged = matches!(
        error,
        TrainError::Checkpoint(CheckpointError::Manifest(ManifestError::Damaged(damage))) if damage.path == file
    );
    assert!(damaged, "{words}");
    // What is used without the optimizer goes on to be.
    let run = RunDirectory::open(&path).unwrap();
    run.model(CheckpointName::Last, &Device::Cpu).unwrap();
    fs::write(&file, whole).unwrap();

    // An event that is none any more is named by its line.
    let file = path.join("events.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    for broken in [whole.replacen("\"loss\"", "\"lost\"", 3), whole.replacen('{', "\u{fffd}", 1)] {
        fs::write(&file, &broken).unwrap();
        let error = resume(&path).unwrap_err();
        assert!(matches!(error, TrainError::Events(EventsError::Line { line: 1, .. })), "{error}");
        assert!(matches!(run.events(), Err(RunError::Events(EventsError::Line { line: 1, .. }))));
    }
    // A number that is another one is seen too.
    let step = whole.lines().nth(3).unwrap();
    fs::write(&file, whole.replace(step, &step.replacen("0.", "1.", 1))).unwrap();
    let error = run.events().unwrap_err().to_string();
    assert!(
        error.contains("events.jsonl: expected") && error.contains("last/checksums.json says"),
        "{error}"
    );
}

#[test]
fn weights_of_another_network_than_the_configurations_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    run_for(start(&path, config(&[])).unwrap(), 7);
    let run = RunDirectory::open(&path).unwrap();
    let text = fs::read_to_string(path.join("config.toml")).unwrap();
    fs::write(path.join("config.toml"), text.replace("dropout = 0.2", "dropout = 0.3")).unwrap();
    let model = || run.model(CheckpointName::Last, &Device::Cpu);
    assert!(matches!(model(), Err(RunError::Manifest(_))));
    // As in a run of before, which has no checksums.
    fs::remove_file(path.join("checksums.json")).unwrap();
    assert!(matches!(model(), Err(RunError::OtherNetwork { .. })));
}
