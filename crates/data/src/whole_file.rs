//! Files that are whole or absent.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// How the names of temporary files begin.
const UNFINISHED: &str = ".unfinished-";
/// As many symbolic links are followed, one after the other, as Linux follows.
const MOST_LINKS: usize = 40;

/// Writes a file through `write`, so that `path` holds either all of it or what it held before.
///
/// The bytes go to a temporary file in the same folder, reach the disk and only then take the name. Missing folders are
/// made. Where a symbolic link stands, the file that it names is written, and the link stays. Into a pipe or a character device, such as
/// `/dev/stdout`, the bytes are written as they come.
///
/// # Errors
/// Whatever `write` or the system says; nothing is left behind then. [`io::ErrorKind::IsADirectory`] where a folder is, or the
/// name is that of one; [`io::ErrorKind::InvalidInput`] where a disk or a socket is.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut pending = PendingFile::new(path)?;
    write(pending.file())?;
    pending.commit()
}

/// Makes a folder, and those that it is in, unless it is there.
///
/// # Errors
/// [`io::ErrorKind::NotADirectory`] where something else is there; whatever the system says.
pub fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir_all(path) {
        Err(_) if path.exists() && !path.is_dir() => {
            Err(io::Error::new(io::ErrorKind::NotADirectory, "expected a folder, found a file"))
        }
        made => made,
    }
}

/// A file on its way to its name. Dropped before [`commit`](Self::commit), it leaves nothing.
pub(crate) enum PendingFile {
    /// Beside the place of a file.
    Beside { temporary: NamedTempFile, path: PathBuf },
    /// A pipe or a device, which takes bytes at once.
    Stream(File),
}

impl PendingFile {
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        if is_stream(path)? {
            return Ok(Self::Stream(File::options().write(true).open(path)?));
        }
        let path = linked(path)?;
        let directory = parent(&path);
        let of_folder = |what: &str, error: io::Error| {
            io::Error::new(error.kind(), format!("its folder {} {what}: {error}", directory.display()))
        };
        make_folder(directory).map_err(|error| of_folder("cannot be made", error))?;
        // A private file is the default of temporary ones; this is an ordinary one, as the umask would have it.
        let open = |path: &Path| File::options().read(true).write(true).create_new(true).open(path);
        let temporary = Builder::new().prefix(UNFINISHED).make_in(directory, open);
        let temporary = temporary.map_err(|error| of_folder("takes no new file", error))?;
        // Locked while its writer lives, for `collect_unfinished`. Where the system has no locks, nothing is collected.
        let _ = temporary.as_file().try_lock_shared();
        Ok(Self::Beside { temporary, path })
    }

    pub(crate) fn file(&mut self) -> &mut File {
        match self {
            Self::Beside { temporary, .. } => temporary.as_file_mut(),
            Self::Stream(file) => file,
        }
    }

    pub(crate) fn commit(self) -> io::Result<()> {
        match self {
            Self::Beside { temporary, path } => {
                temporary.as_file().sync_all()?;
                temporary.persist(&path)?;
                sync_directory(parent(&path))
            }
            Self::Stream(mut file) => file.flush(),
        }
    }
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

/// Whether what `path` leads to takes bytes at once; an error where it is nothing that a file can be written to.
fn is_stream(path: &Path) -> io::Result<bool> {
    let is_separated = path.to_string_lossy().ends_with(std::path::is_separator);
    if path.is_dir() || is_separated || path.file_name().is_none() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "expected a file, found a folder"));
    }
    match fs::metadata(path) {
        Ok(metadata) => is_stream_type(metadata.file_type()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // A file among the folders is said of them.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
fn is_stream_type(found: fs::FileType) -> io::Result<bool> {
    use std::os::unix::fs::FileTypeExt;

    let refused = |found: &str| {
        let words = format!("expected a file, a pipe or a character device, found a {found}");
        Err(io::Error::new(io::ErrorKind::InvalidInput, words))
    };
    match () {
        () if found.is_block_device() => refused("block device"),
        () if found.is_socket() => refused("socket"),
        () => Ok(found.is_fifo() || found.is_char_device()),
    }
}

#[cfg(not(unix))]
fn is_stream_type(_found: fs::FileType) -> io::Result<bool> {
    Ok(false)
}

/// The place that the symbolic links at `path` lead to, whether or not something is there.
fn linked(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..MOST_LINKS {
        if !place.is_symlink() {
            return Ok(place);
        }
        place = parent(&place).join(fs::read_link(&place)?);
    }
    Err(io::Error::other("expected a file, found too many symbolic links"))
}

/// The folder that `path` is in.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
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

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_stays_and_its_file_is_written() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("store")).unwrap();
        fs::write(at("store/old"), b"old").unwrap();
        symlink("store/old", at("link")).unwrap();
        symlink("link", at("link-to-link")).unwrap();
        symlink("store/new", at("dangling")).unwrap();
        for (link, file) in [("link", "store/old"), ("link-to-link", "store/old"), ("dangling", "store/new")]
        {
            write_whole(&at(link), |file| file.write_all(link.as_bytes())).unwrap();
            assert!(at(link).is_symlink(), "{link}");
            assert_eq!(fs::read(at(file)).unwrap(), link.as_bytes());
        }
        assert_eq!(names(&at("store")).len(), 2);
        symlink("circle", at("circle")).unwrap();
        write_whole(&at("circle"), |_| Ok(())).unwrap_err();
        assert_eq!(names(folder.path()).len(), 5, "nothing is left behind");
    }

    #[test]
    fn what_is_no_file_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("taken")).unwrap();
        fs::write(folder.path().join("file"), b"").unwrap();
        let said = |name: &str| write_whole(&folder.path().join(name), |_| Ok(())).unwrap_err().to_string();
        for name in ["taken", ".", "..", "", "new/"] {
            assert_eq!(said(name), "expected a file, found a folder", "{name}");
        }
        let inside = said("file/inside");
        assert!(inside.ends_with("cannot be made: expected a folder, found a file"), "{inside}");
        assert_eq!(names(folder.path()).len(), 2, "nothing is left behind");
    }
}
