//! Against a small HTTP server on this machine: nothing here reaches the mirrors.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use super::*;

const CONTENT: &[u8] = b"the bytes of a small file";
const FILE: RemoteFile = RemoteFile {
    name: "small.gz",
    bytes: CONTENT.len() as u64,
    sha256: "cceebab3a6fdbd164d61a01441a9185f98bd176f637954489498117e52f6f326",
};

/// The behavior of a mirror at each request.
#[derive(Clone, Copy, Debug)]
enum Mirror {
    Good,
    Status(u16),
    Truncated,
    TruncatedWithoutLength,
    Endless,
    WrongBytes,
    Silent,
    SilentAfterHalf,
}

/// A mirror that answers on a thread of its own for as long as the tests run.
struct Server {
    address: String,
    requests: Arc<AtomicUsize>,
    /// Dropped with the server, which lets silent answers end.
    _running: mpsc::Sender<()>,
}

impl Server {
    fn start(mirror: Mirror) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/mnist/", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let (running, stopped) = mpsc::channel::<()>();
        let count = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                // The client may hang up at any time.
                let _ = answer(mirror, stream.unwrap(), &stopped);
            }
        });
        Self { address, requests, _running: running }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn answer(mirror: Mirror, mut stream: TcpStream, stopped: &mpsc::Receiver<()>) -> io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    request.read_line(&mut first)?;
    assert_eq!(first, "GET /mnist/small.gz HTTP/1.1\r\n");
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }

    let half = &CONTENT[..CONTENT.len() / 2];
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let unbounded = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let good = head(200, CONTENT.len());
    match mirror {
        Mirror::Good => stream.write_all(&[good.as_bytes(), CONTENT].concat()),
        Mirror::Status(status) => {
            stream.write_all(&[head(status, CONTENT.len()).as_bytes(), CONTENT].concat())
        }
        Mirror::Truncated => stream.write_all(&[good.as_bytes(), half].concat()),
        Mirror::TruncatedWithoutLength => stream.write_all(&[unbounded.as_bytes(), half].concat()),
        Mirror::WrongBytes => {
            let mut wrong = CONTENT.to_vec();
            wrong[0] ^= 1;
            stream.write_all(&[good.as_bytes(), &wrong].concat())
        }
        Mirror::Endless => {
            stream.write_all(unbounded.as_bytes())?;
            loop {
                stream.write_all(&[0; 1 << 16])?;
            }
        }
        Mirror::Silent => {
            let _ = stopped.recv();
            Ok(())
        }
        Mirror::SilentAfterHalf => {
            stream.write_all(&[good.as_bytes(), half].concat())?;
            let _ = stopped.recv();
            Ok(())
        }
    }
}

fn downloader(servers: &[&Server], cache: &Path) -> Downloader {
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        silence: Duration::from_millis(200),
        whole_file: Duration::from_secs(5),
    };
    let agent = ureq::Agent::new_with_config(config(&timeouts).proxy(None).build());
    let mirrors = servers.iter().map(|server| server.address.clone()).collect();
    Downloader { mirrors, cache: cache.join("identity-adder"), agent }
}

fn names(directory: &Path) -> Vec<String> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect(),
        Err(_) => Vec::new(),
    }
}

#[test]
fn a_file_is_fetched_once_with_its_progress() {
    let cache = tempfile::tempdir().unwrap();
    let [first, second] = [Mirror::Good, Mirror::Good].map(Server::start);
    let downloader = downloader(&[&first, &second], cache.path());
    let mut seen = Vec::new();
    let mut record = |progress: DownloadProgress<'_>| {
        assert_eq!((progress.file, progress.total), ("small.gz", CONTENT.len() as u64));
        seen.push(progress.received);
    };
    downloader.ensure(FILE, &mut record).unwrap();
    assert_eq!(fs::read(downloader.cache.join("small.gz")).unwrap(), CONTENT);
    assert_eq!(names(&downloader.cache), ["small.gz"]);
    downloader.ensure(FILE, &mut record).unwrap();
    assert_eq!((first.requests(), second.requests()), (1, 0));
    assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&(CONTENT.len() as u64))));
    assert!(seen.is_sorted());
}

#[test]
fn a_damaged_file_in_the_cache_is_fetched_again() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Mirror::Good);
    let downloader = downloader(&[&server], cache.path());
    let path = downloader.cache.join("small.gz");
    fs::create_dir_all(&downloader.cache).unwrap();
    for damaged in [&CONTENT[1..], &[b'x'; CONTENT.len()]] {
        fs::write(&path, damaged).unwrap();
        downloader.ensure(FILE, &mut |_| {}).unwrap();
        assert_eq!(fs::read(&path).unwrap(), CONTENT);
    }
    assert_eq!(server.requests(), 2);
}

#[test]
fn whatever_the_first_mirror_does_the_second_is_asked() {
    for mirror in [
        Mirror::Status(404),
        Mirror::Status(500),
        Mirror::Status(206),
        Mirror::Truncated,
        Mirror::TruncatedWithoutLength,
        Mirror::Endless,
        Mirror::WrongBytes,
        Mirror::Silent,
        Mirror::SilentAfterHalf,
    ] {
        let cache = tempfile::tempdir().unwrap();
        let [first, second] = [mirror, Mirror::Good].map(Server::start);
        let downloader = downloader(&[&first, &second], cache.path());
        downloader.ensure(FILE, &mut |_| {}).unwrap_or_else(|error| panic!("{mirror:?}: {error}"));
        assert_eq!(fs::read(downloader.cache.join("small.gz")).unwrap(), CONTENT, "{mirror:?}");
        assert_eq!(names(&downloader.cache), ["small.gz"], "{mirror:?}");
        assert_eq!((first.requests(), second.requests()), (1, 1), "{mirror:?}");
    }
}

#[test]
fn when_both_mirrors_fail_nothing_is_written_and_both_are_named() {
    let cache = tempfile::tempdir().unwrap();
    let [first, second] = [Mirror::Status(404), Mirror::WrongBytes].map(Server::start);
    let downloader = downloader(&[&first, &second], cache.path());
    let Err(Error::Download { file, attempts }) = downloader.ensure(FILE, &mut |_| {}) else {
        panic!("a file came from nowhere");
    };
    assert_eq!(file, "small.gz");
    let url = |server: &Server| format!("{}small.gz", server.address);
    assert_eq!(attempts[0], MirrorError::Status { url: url(&first), found: 404 });
    assert!(matches!(&attempts[1], MirrorError::Checksum { url: found, .. } if *found == url(&second)));
    assert_eq!(names(&downloader.cache), [""; 0]);
}

#[test]
fn each_failure_is_told_apart() {
    let attempt = |mirror| {
        let cache = tempfile::tempdir().unwrap();
        let server = Server::start(mirror);
        let Err(Error::Download { attempts, .. }) =
            downloader(&[&server], cache.path()).ensure(FILE, &mut |_| {})
        else {
            panic!("a file came from {mirror:?}");
        };
        attempts.into_iter().next().unwrap()
    };
    let length = CONTENT.len() as u64;
    assert!(matches!(attempt(Mirror::Truncated), MirrorError::Transport { .. }));
    let short = attempt(Mirror::TruncatedWithoutLength);
    assert!(
        matches!(short, MirrorError::Length { expected, found, .. } if (expected, found) == (length, length / 2))
    );
    let long = attempt(Mirror::Endless);
    assert!(
        matches!(long, MirrorError::Length { expected, found, .. } if (expected, found) == (length, length + 1))
    );
    for silent in [Mirror::Silent, Mirror::SilentAfterHalf] {
        let error = attempt(silent);
        assert!(
            matches!(&error, MirrorError::Transport { reason, .. } if reason.contains("timeout")),
            "{error}"
        );
    }
}

#[test]
fn a_cache_that_cant_be_written_is_no_mirrors_fault() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Mirror::Good);
    let downloader = downloader(&[&server, &server], cache.path());
    fs::write(&downloader.cache, b"a file where the folder should be").unwrap();
    assert!(matches!(downloader.ensure(FILE, &mut |_| {}), Err(Error::Cache { .. })));
    assert!(server.requests() <= 1);
}

#[test]
fn the_official_files_are_named_as_a_folder_names_them() {
    use super::super::names::Part;
    for (official, file) in OFFICIAL.iter().zip(Part::ALL) {
        assert_eq!(official.name, format!("{}.gz", file.name()));
        assert_eq!(official.sha256.len(), 64);
    }
    assert!(MIRRORS.iter().all(|mirror| mirror.starts_with("https://") && mirror.ends_with('/')));
}
