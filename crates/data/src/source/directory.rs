//! A folder with the four IDX files of MNIST, Fashion-MNIST, KMNIST or any other set of that form.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use super::files::{self, IdxFile, Opened};
use crate::{Error, Labeled, Result};

/// Loads the four files, each raw or, where there is no raw one, with `.gz` behind its name.
pub(super) fn load(directory: &Path) -> Result<(Labeled, Labeled)> {
    if !directory.is_dir() {
        return Err(Error::NoDirectory { path: directory.to_owned() });
    }
    files::load_four(|file| open(directory, file))
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
