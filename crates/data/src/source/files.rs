//! The four IDX files of MNIST, Fashion-MNIST, KMNIST or any other set of that form: in a folder or inside the binary.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::{panic, thread};

use crate::idx::{self, Items};
use crate::{Error, Labeled, Result};

/// One of the four files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdxFile {
    TrainImages,
    TrainLabels,
    EvaluationImages,
    EvaluationLabels,
}

impl IdxFile {
    /// The name of the raw file; a packed one has `.gz` behind it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TrainImages => "train-images-idx3-ubyte",
            Self::TrainLabels => "train-labels-idx1-ubyte",
            Self::EvaluationImages => "t10k-images-idx3-ubyte",
            Self::EvaluationLabels => "t10k-labels-idx1-ubyte",
        }
    }
}

/// An opened file, raw or packed.
struct Opened<R> {
    /// Its path or name, for errors.
    name: String,
    /// Its bytes.
    input: R,
    /// Its length in bytes.
    length: u64,
}

impl<R: BufRead> Opened<R> {
    fn read(self, items: Items) -> Result<Vec<u8>> {
        idx::read(self.input, self.length, items).map_err(|problem| Error::Idx { file: self.name, problem })
    }
}

/// Loads the four files, each raw or, where there is no raw one, with `.gz` behind its name.
pub(crate) fn load_directory(directory: &Path) -> Result<(Labeled, Labeled)> {
    if !directory.is_dir() {
        return Err(Error::NoDirectory { path: directory.to_owned() });
    }
    load_four(|file| open(directory, file))
}

fn open(directory: &Path, file: IdxFile) -> Result<Opened<BufReader<File>>> {
    let name = file.name();
    for path in [directory.join(name), directory.join(format!("{name}.gz"))] {
        match File::open(&path) {
            Ok(file) => return opened(file, &path).map_err(|error| Error::io(path, &error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(path, &error)),
        }
    }
    Err(Error::Missing { directory: directory.to_owned(), name })
}

fn opened(file: File, path: &Path) -> io::Result<Opened<BufReader<File>>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not an ordinary file"));
    }
    Ok(Opened {
        name: path.display().to_string(),
        input: BufReader::with_capacity(1 << 16, file),
        length: metadata.len(),
    })
}

/// Loads MNIST from inside the binary; `assets/mnist/README.md` has its credit and license.
#[cfg(feature = "embedded")]
pub(crate) fn load_embedded() -> Result<(Labeled, Labeled)> {
    load_four(|file| {
        let input = packed(file);
        Ok(Opened { name: format!("embedded {}", file.name()), input, length: input.len() as u64 })
    })
}

#[cfg(feature = "embedded")]
fn packed(file: IdxFile) -> &'static [u8] {
    match file {
        IdxFile::TrainImages => include_bytes!("../../assets/mnist/train-images-idx3-ubyte.gz"),
        IdxFile::TrainLabels => include_bytes!("../../assets/mnist/train-labels-idx1-ubyte.gz"),
        IdxFile::EvaluationImages => include_bytes!("../../assets/mnist/t10k-images-idx3-ubyte.gz"),
        IdxFile::EvaluationLabels => include_bytes!("../../assets/mnist/t10k-labels-idx1-ubyte.gz"),
    }
}

/// Loads train and evaluation; `open` opens a file.
///
/// The training images are unpacked beside the other three files. That thread is our own: rayon's global pool would be
/// fixed to its default size by the first use, before the caller could set the number of threads.
fn load_four<R: BufRead>(open: impl Fn(IdxFile) -> Result<Opened<R>> + Sync) -> Result<(Labeled, Labeled)> {
    thread::scope(|scope| {
        let train_images = scope.spawn(|| open(IdxFile::TrainImages)?.read(Items::Images));
        let evaluation_images = open(IdxFile::EvaluationImages)?.read(Items::Images)?;
        let evaluation = with_labels(evaluation_images, open(IdxFile::EvaluationLabels)?)?;
        let train_images = train_images.join().unwrap_or_else(|payload| panic::resume_unwind(payload))?;
        Ok((with_labels(train_images, open(IdxFile::TrainLabels)?)?, evaluation))
    })
}

fn with_labels(images: Vec<u8>, labels: Opened<impl BufRead>) -> Result<Labeled> {
    let file = labels.name.clone();
    let labels = labels.read(Items::Labels)?;
    Labeled::new(images, labels).map_err(|problem| Error::Idx { file, problem })
}
