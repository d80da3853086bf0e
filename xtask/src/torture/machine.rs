//! Machines that are not as one would like: disks that are full or read-only, few descriptors, streams that fail.

use super::bench::{Bench, Prepared};
use super::folder;
use super::program::Ended;
use super::scenario::words;
use super::session::Session;
use super::verdict::{Judgment, Verdict};
use crate::output::say;
use crate::process::Failure;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Numbers of 512 bytes that a file may have.
const FILE_SIZES: [u32; 14] = [0, 1, 2, 3, 4, 8, 16, 32, 40, 48, 69, 70, 128, 384];
/// Sizes of a disk in KiB. The last is about what a run needs.
const DISK_SIZES: [u32; 14] = [4, 8, 16, 24, 32, 48, 64, 96, 128, 160, 192, 224, 288, 384];
/// Numbers of files that may be open. The system's own loader needs four.
const DESCRIPTORS: std::ops::RangeInclusive<u32> = 4..=16;
/// Scripts that run the command, `"$0" "$@"`, with a stream that fails, and the exit code that is expected.
const STREAMS: [(&str, &str, i32); 7] = [
    ("full-output", "exec \"$0\" \"$@\" >/dev/full", 1),
    ("full-error", "exec \"$0\" \"$@\" 2>/dev/full", 0),
    ("closed-output", "exec \"$0\" \"$@\" >&-", 0),
    ("closed-error", "exec \"$0\" \"$@\" 2>&-", 0),
    ("all-closed", "exec \"$0\" \"$@\" <&- >&- 2>&-", 0),
    // A reader that is gone is no failure.
    ("output-unread", "(\"$0\" \"$@\"; echo $? >../code) | true; exit $(cat ../code)", 0),
    ("error-unread", "(\"$0\" \"$@\" 2>&1 >/dev/null; echo $? >../code) | true; exit $(cat ../code)", 0),
];

/// Lets no file grow beyond a size, as a quota or a full disk does: what fits of a write is written.
pub(crate) fn file_sizes(session: &mut Session, prepared: &Prepared) -> Result<(), Failure> {
    let scenario = prepared.scenario.name;
    for index in session.sample(FILE_SIZES.len(), 3) {
        let size = FILE_SIZES[index];
        session.case("file size limit", &format!("size:{scenario}:{size}"), |bench| {
            // Without the trap, the signal would end it.
            let shell = format!("trap '' XFSZ; ulimit -f {size}; exec \"$0\" \"$@\"");
            limited(bench, prepared, &shell).map(Some)
        })?;
    }
    Ok(())
}

/// Lets few files be open.
pub(crate) fn descriptors(session: &mut Session, prepared: &Prepared) -> Result<(), Failure> {
    let scenario = prepared.scenario.name;
    let limits: Vec<u32> = DESCRIPTORS.collect();
    for index in session.sample(limits.len(), 3) {
        let limit = limits[index];
        session.case("descriptor limit", &format!("descriptors:{scenario}:{limit}"), |bench| {
            limited(bench, prepared, &format!("ulimit -n {limit}; exec \"$0\" \"$@\"")).map(Some)
        })?;
    }
    Ok(())
}

/// Closes the standard streams, or lets them fail. All but the words must be there.
pub(crate) fn streams(session: &mut Session, prepared: &Prepared) -> Result<(), Failure> {
    let scenario = prepared.scenario.name;
    for (name, script, expected) in STREAMS {
        session.case("failing stream", &format!("stream:{scenario}:{name}"), |bench| {
            let work = bench.work(prepared)?;
            let ended = shell(bench, prepared, &work, script)?;
            if ended.code != Some(expected) {
                let words = format!("expected exit code {expected}, found {}", ended.describe());
                let verdict = if ended.crashed() { Verdict::Panicked } else { Verdict::WrongCode };
                return Ok(Some(Judgment::of(verdict, words)));
            }
            let complete = Ended { code: Some(0), signal: None, words: String::new() };
            bench.judge(prepared, &complete, &work, &[]).map(Some)
        })?;
    }
    Ok(())
}

/// Whether disks can be mounted, as root alone can. Says what is left out where they can't.
pub(crate) fn can_mount(bench: &Bench) -> Result<bool, Failure> {
    let possible = Mount::possible(bench)?;
    if !possible {
        say("left out: full disks, which root alone can mount; the limit of file sizes is near to them");
    }
    Ok(possible)
}

/// Fills disks of several sizes.
pub(crate) fn full_disks(session: &mut Session, prepared: &Prepared) -> Result<(), Failure> {
    let scenario = prepared.scenario.name;
    for index in session.sample(DISK_SIZES.len(), 3) {
        let size = DISK_SIZES[index];
        session
            .case("full disk", &format!("disk:{scenario}:{size}"), |bench| on_disk(bench, prepared, size))?;
    }
    Ok(())
}

/// Lets nothing be written: on a disk that is mounted so, or where that can't be done in folders of such modes.
pub(crate) fn read_only(session: &mut Session, prepared: &Prepared, mounts: bool) -> Result<(), Failure> {
    session.case("read-only", &format!("read-only:{}", prepared.scenario.name), |bench| {
        let work = bench.work(prepared)?;
        let mount = if mounts {
            let mount = Mount::over(&work, &["-o", "bind"], work.as_os_str())?;
            mount.again("remount,bind,ro")?;
            Some(mount)
        } else {
            modes(&work, "a-w")?;
            None
        };
        // For root, modes are no hindrance.
        let writable = std::fs::write(work.join("probe"), "").is_ok();
        let ended = if writable { None } else { Some(run(bench, prepared, &work)?) };
        if mount.is_none() {
            modes(&work, "u+w")?;
        }
        drop(mount);
        ended.map(|ended| bench.judge(prepared, &ended, &work, &[1])).transpose()
    })
}

/// Changes the modes of everything in a folder.
fn modes(folder: &Path, change: &str) -> Result<(), Failure> {
    let mut chmod = Command::new("chmod");
    chmod.args(["-R", change]).arg(folder);
    quiet(chmod)
}

/// Runs the command on a disk of `size` KiB. None where not even what was there before has room.
fn on_disk(bench: &Bench, prepared: &Prepared, size: u32) -> Result<Option<Judgment>, Failure> {
    let (disk, work) = (bench.folder("disk"), bench.folder("work"));
    std::fs::create_dir_all(&disk).map_err(|error| format!("cannot make {}: {error}", disk.display()))?;
    let mount = Mount::over(&disk, &["-t", "tmpfs", "-o", &format!("size={size}k")], "none".as_ref())?;
    let inner = disk.join("work");
    if folder::copy(&prepared.template, &inner).is_err() {
        return Ok(None);
    }
    // Data is looked for beside the folder.
    let data = disk.join("data");
    std::os::unix::fs::symlink(bench.folder("data"), &data)
        .map_err(|error| format!("cannot make {}: {error}", data.display()))?;
    let ended = run(bench, prepared, &inner)?;
    folder::copy(&inner, &work)?;
    drop(mount);
    bench.judge(prepared, &ended, &work, &[1]).map(Some)
}

fn limited(bench: &Bench, prepared: &Prepared, script: &str) -> Result<Judgment, Failure> {
    let work = bench.work(prepared)?;
    let ended = shell(bench, prepared, &work, script)?;
    // 127 is the system's loader, which could not even open the binary's libraries.
    bench.judge(prepared, &ended, &work, &[1, 127])
}

/// Runs the scenario's command as it is.
fn run(bench: &Bench, prepared: &Prepared, work: &Path) -> Result<Ended, Failure> {
    bench.program.run(bench.program.adder(work, &words(prepared.scenario.command)))
}

/// Runs the scenario's command by a shell's script, in which it is `"$0" "$@"`.
fn shell(bench: &Bench, prepared: &Prepared, work: &Path, script: &str) -> Result<Ended, Failure> {
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(&bench.program.adder).args(words(prepared.scenario.command));
    command.current_dir(work);
    bench.program.run(command)
}

/// A file system that is mounted as long as this is there.
struct Mount(PathBuf);

impl Mount {
    fn possible(bench: &Bench) -> Result<bool, Failure> {
        let folder = bench.folder("disk");
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        Ok(Self::over(&folder, &["-t", "tmpfs", "-o", "size=16k"], "none".as_ref()).is_ok())
    }

    fn over(folder: &Path, options: &[&str], what: &std::ffi::OsStr) -> Result<Self, Failure> {
        let mut mount = Command::new("mount");
        mount.args(options).arg(what).arg(folder);
        quiet(mount)?;
        Ok(Self(folder.to_owned()))
    }

    fn again(&self, options: &str) -> Result<(), Failure> {
        let mut mount = Command::new("mount");
        mount.args(["-o", options]).arg(&self.0);
        quiet(mount)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let mut unmount = Command::new("umount");
        unmount.arg(&self.0);
        let _ = quiet(unmount);
    }
}

fn quiet(mut command: Command) -> Result<(), Failure> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    crate::process::check(command)
}
