//! The official MNIST files, fetched from their mirrors once and kept in the user's cache folder.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::{BaseStrategy, choose_base_strategy};
use sha2::{Digest, Sha256};

use super::{DownloadProgress, LoadEvent, directory};
use crate::error::MirrorError;
use crate::whole_file::PendingFile;
use crate::{Error, Labeled, Result};

/// Asked in this order. Both serve the same bytes; what they serve is checked all the same.
const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"];

const OFFICIAL: [RemoteFile; 4] = [
    RemoteFile {
        name: "train-images-idx3-ubyte.gz",
        bytes: 9_912_422,
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    RemoteFile {
        name: "train-labels-idx1-ubyte.gz",
        bytes: 28_881,
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    RemoteFile {
        name: "t10k-images-idx3-ubyte.gz",
        bytes: 1_648_877,
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    RemoteFile {
        name: "t10k-labels-idx1-ubyte.gz",
        bytes: 4_542,
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
];

/// The time limits of a mirror. A silent one is left early, a slow one gets its time.
struct Timeouts {
    connect: Duration,
    silence: Duration,
    whole_file: Duration,
}

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(20),
    whole_file: Duration::from_secs(600),
};

/// A file that mirrors serve, and how to know it.
#[derive(Clone, Copy, Debug)]
struct RemoteFile {
    name: &'static str,
    bytes: u64,
    sha256: &'static str,
}

/// Files, the mirrors that have them and the folder they go to.
struct Downloader {
    mirrors: Vec<String>,
    cache: PathBuf,
    agent: ureq::Agent,
}

/// The end of one attempt: the next mirror may help, or nothing will.
enum Failure {
    Mirror(MirrorError),
    Here(Error),
}

/// Loads MNIST from the cache folder, fetching what is missing or damaged there.
pub(crate) fn load(notify: &mut dyn FnMut(LoadEvent<'_>)) -> Result<(Labeled, Labeled)> {
    let cache = cache_directory()?;
    let agent = ureq::Agent::new_with_config(config(&TIMEOUTS).build());
    let mirrors = MIRRORS.map(String::from).to_vec();
    let downloader = Downloader { mirrors, cache, agent };
    for file in OFFICIAL {
        downloader.ensure(file, &mut |progress| notify(LoadEvent::Download(progress)))?;
    }
    directory::load(&downloader.cache, notify)
}

fn cache_directory() -> Result<PathBuf> {
    let strategy = choose_base_strategy().map_err(|error| Error::Cache {
        path: PathBuf::from("the user's cache folder"),
        reason: error.to_string(),
    })?;
    Ok(strategy.cache_dir().join("identity-adder").join("mnist"))
}

/// A failure at a file of the cache.
fn unusable(path: &Path, error: &io::Error) -> Error {
    Error::Cache { path: path.to_owned(), reason: error.to_string() }
}

fn config(timeouts: &Timeouts) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(timeouts.connect))
        .timeout_per_read(Some(timeouts.silence))
        .timeout_global(Some(timeouts.whole_file))
}

impl Downloader {
    /// Fetches `file` unless the cache folder has it with the right sum.
    fn ensure(&self, file: RemoteFile, progress: &mut dyn FnMut(DownloadProgress<'_>)) -> Result<()> {
        let path = self.cache.join(file.name);
        if is_intact(&path, file).map_err(|error| unusable(&path, &error))? {
            return Ok(());
        }
        let mut attempts = Vec::new();
        for mirror in &self.mirrors {
            match self.fetch(&format!("{mirror}{}", file.name), file, &path, progress) {
                Ok(()) => return Ok(()),
                Err(Failure::Mirror(error)) => attempts.push(error),
                Err(Failure::Here(error)) => return Err(error),
            }
        }
        Err(Error::Download { file: file.name.to_owned(), attempts })
    }

    /// Fetches `url` into `path`, which holds all of the right file afterwards or what it held before.
    fn fetch(
        &self,
        url: &str,
        file: RemoteFile,
        path: &Path,
        progress: &mut dyn FnMut(DownloadProgress<'_>),
    ) -> std::result::Result<(), Failure> {
        let transport =
            |reason: String| Failure::Mirror(MirrorError::Transport { url: url.to_owned(), reason });
        let here = |error: io::Error| Failure::Here(unusable(path, &error));

        let response = self.agent.get(url).call().map_err(|error| transport(error.to_string()))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(Failure::Mirror(MirrorError::Status { url: url.to_owned(), found: status }));
        }
        // A mirror that sends without end is cut off one byte behind the right length.
        let mut body = response.into_body().into_reader().take(file.bytes + 1);
        let mut pending = PendingFile::new(path).map_err(here)?;
        let mut sum = Sha256::new();
        let mut received = 0;
        let mut buffer = vec![0; 1 << 16];
        loop {
            progress(DownloadProgress { file: file.name, received, total: file.bytes });
            let count = body.read(&mut buffer).map_err(|error| transport(error.to_string()))?;
            if count == 0 {
                break;
            }
            sum.update(&buffer[..count]);
            pending.file().write_all(&buffer[..count]).map_err(here)?;
            received += count as u64;
        }
        check(url, file, received, &hexadecimal(&sum.finalize())).map_err(Failure::Mirror)?;
        pending.commit().map_err(here)
    }
}

fn check(url: &str, file: RemoteFile, bytes: u64, sha256: &str) -> std::result::Result<(), MirrorError> {
    let url = || url.to_owned();
    if bytes != file.bytes {
        return Err(MirrorError::Length { url: url(), expected: file.bytes, found: bytes });
    }
    if sha256 != file.sha256 {
        let expected = file.sha256.to_owned();
        return Err(MirrorError::Checksum { url: url(), expected, found: sha256.to_owned() });
    }
    Ok(())
}

/// `true` if `path` holds `file`.
fn is_intact(path: &Path, file: RemoteFile) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() != file.bytes => return Ok(false),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(file.bytes).read_to_end(&mut bytes)?;
    Ok(hexadecimal(&Sha256::digest(&bytes)) == file.sha256)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
