//! A folder of this process for targets that read paths.

use std::fs;
use std::path::PathBuf;

/// An empty folder among the system's temporary ones; `TMPDIR` leads it into memory. The one before it is gone.
pub(crate) fn empty_folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("adder-fuzz-{}", std::process::id()));
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("this process made the folder");
    }
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
}
