//! Files that are whole or absent.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// How the names of temporary files begin.
const UNFINISHED: &str = ".unfinished-";

/// Writes a file through `write`, so that `path` holds either all of it or what it held before.
///
/// The bytes go to a temporary file in the same folder, reach the disk and only then take the name. Missing folders are
/// made.
///
/// # Errors
/// Whatever `write` or the system says; nothing is left behind then.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut pending = PendingFile::new(path)?;
    write(pending.file())?;
    pending.commit()
}

/// A file on its way to its name. Dropped before [`commit`](Self::commit), it leaves nothing.
pub(crate) struct PendingFile<'a> {
    temporary: NamedTempFile,
    path: &'a Path,
    directory: &'a Path,
}

impl<'a> PendingFile<'a> {
    pub(crate) fn new(path: &'a Path) -> io::Result<Self> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(directory)?;
        Ok(Self { temporary: temporary_file(directory)?, path, directory })
    }

    pub(crate) fn file(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    pub(crate) fn commit(self) -> io::Result<()> {
        self.temporary.as_file().sync_all()?;
        self.temporary.persist(self.path)?;
        sync_directory(self.directory)
    }
}

fn temporary_file(directory: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(UNFINISHED);
    // Temporary files are private by default; these become ordinary ones, as the umask would have them.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(directory)?;
    // Locked while its writer lives, for `collect_unfinished`. Where the system has no locks, nothing is collected.
    let _ = file.as_file().try_lock_shared();
    Ok(file)
}

/// Deletes the temporary files in `directory` that writers left behind which were killed; those of living ones stay. What cannot be
/// deleted costs its space and nothing else.
pub fn collect_unfinished(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let is_ours = |entry: &fs::DirEntry| {
        entry.file_name().as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
            && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    for entry in entries.flatten().filter(is_ours) {
        let file = File::options().read(true).write(true).open(entry.path());
        if file.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes the new name last; without this, a power cut could bring the old one back.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_in_a_new_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write_whole(&path, |file| file.write_all(b"one")).unwrap();
        write_whole(&path, |file| file.write_all(b"two")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), ["file"]);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"old").unwrap();
        let failed = write_whole(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn what_a_dead_writer_left_is_collected_and_what_a_living_one_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".unfinished-dead", "mine", ".unfinished"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        let path = folder.path().join("file");
        write_whole(&path, |file| {
            collect_unfinished(folder.path());
            file.write_all(b"whole")
        })
        .unwrap();
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, [".unfinished", "file", "mine"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_permissions_of_any_other() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [ours, plain] = ["ours", "plain"].map(|name| folder.path().join(name));
        write_whole(&ours, |_| Ok(())).unwrap();
        fs::write(&plain, b"").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
