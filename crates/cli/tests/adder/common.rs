//! The real binary in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

/// A network small enough to train in a moment.
pub(crate) const TINY: [&str; 10] = [
    "--set",
    "model.channels=[4, 4]",
    "--set",
    "model.pool_after=[1, 2]",
    "--set",
    "model.unpadded=[]",
    "--set",
    "model.dropout_free=[]",
    "--limit",
    "96",
];

/// The first word of an IDX file of images.
pub(crate) const IMAGES: u32 = 0x803;
/// The first word of an IDX file of labels.
pub(crate) const LABELS: u32 = 0x801;

/// Big-endian words and then bytes: an IDX file.
pub(crate) fn idx(magic: u32, dimensions: &[u32], content: &[u8]) -> Vec<u8> {
    let head = [magic].into_iter().chain(dimensions.iter().copied());
    head.flat_map(u32::to_be_bytes).chain(content.iter().copied()).collect()
}

/// A folder to work in, deleted at the end.
pub(crate) struct Workplace(TempDir);

impl Workplace {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn adder(&self, args: &[&str]) -> Output {
        let mut command = Command::cargo_bin("adder").unwrap();
        command.current_dir(self.0.path()).args(args).output().unwrap()
    }

    /// Runs a command that must succeed; its standard output.
    #[track_caller]
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let output = self.adder(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Trains the tiny network for one epoch into `run`.
    #[track_caller]
    pub(crate) fn train(&self, run: &str, more: &[&str]) -> String {
        let args =
            [&["train", "--out", run, "--epochs", "1", "--batch-size", "32"], &TINY[..], more].concat();
        self.done(&args)
    }
}

/// The bytes of a file.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A JSON text that must be one.
#[track_caller]
pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
