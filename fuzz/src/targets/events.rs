//! `events.jsonl`, and the event file of TensorBoard that goes on with it.

use std::fs;

use adder_report::TensorBoard;
use adder_train::RunDirectory;

use super::run::files;
use crate::envelope::record;
use crate::scratch;
use crate::sections::{join, split};
use crate::target::{Seed, Target};

/// The target.
pub const TARGET: Target = Target { run, seeds, words: &[b"brain.Event:2", b"1e400", b"NaN", b"-0", b"\n"] };

/// The first part is `events.jsonl`, the second the bytes of an event file; each other is a record behind them, with its checksums.
pub fn run(data: &[u8]) -> bool {
    let run_files = files();
    let folder = scratch::empty_folder();
    let parts = split(data);
    let write =
        |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).expect("a file in our own folder");
    for (name, bytes) in run_files.iter().filter(|(name, _)| name == "config.toml") {
        write(name, bytes);
    }
    write("events.jsonl", parts.first().copied().unwrap_or_default());
    let file = parts.get(1).copied().unwrap_or_default().to_vec();
    let file = parts.iter().skip(2).fold(file, |file, part| [file, record(part)].concat());
    write("events.out.tfevents.1.1.adder", &file);
    let run = RunDirectory::open(&folder).expect("a configuration is there");
    let events = run.events();
    let Ok(board) = TensorBoard::open(&run) else { return false };
    assert!(events.is_ok());
    board.finish().expect("our own file");
    let first = written(&folder);
    // What it wrote it finds again, and writes nothing twice.
    TensorBoard::open(&run).and_then(TensorBoard::finish).expect("our own file");
    assert_eq!(written(&folder), first);
    true
}

fn written(folder: &std::path::Path) -> Vec<u8> {
    fs::read(folder.join("events.out.tfevents.1.1.adder")).expect("our own file")
}

fn seeds() -> Vec<Seed> {
    let events = files().iter().find(|(name, _)| name == "events.jsonl").map(|(_, bytes)| bytes.clone());
    let events = events.unwrap_or_default();
    let lines: Vec<&[u8]> = events.split_inclusive(|byte| *byte == b'\n').collect();
    // An event with its version, as protocol buffers have it.
    let head = b"\x09\0\0\0\0\0\0\0\0\x1a\x0dbrain.Event:2";
    let scalar = b"\x09\0\0\0\0\0\0\0\0\x10\x01\x2a\x12\x0a\x10\x0a\x09step/loss\x15\0\0\x80\x3f";
    vec![
        ("events", events.clone()),
        ("line", lines.first().map(|line| line.to_vec()).unwrap_or_default()),
        ("epoch", lines.last().map(|line| line.to_vec()).unwrap_or_default()),
        ("records", join(&[&events, b"", head, scalar])),
        ("file", join(&[&events, &[record(head), record(scalar)].concat()])),
    ]
}
