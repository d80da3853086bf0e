//! Calls of cargo on this workspace.

use crate::process::Failure;
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::OnceLock;

/// The folder of the workspace's Cargo.toml.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| workspace(|name| env::var_os(name)))
}

/// The folder above xtask's. The cargo that runs xtask says where that lies now. What was compiled in is where it lay then: a clone
/// that was moved or copied keeps its binary, for cargo finds nothing changed.
fn workspace(variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let is_told = variable("CARGO_PKG_NAME").is_some_and(|name| name == env!("CARGO_PKG_NAME"));
    let told = variable("CARGO_MANIFEST_DIR").filter(|_| is_told).map(PathBuf::from);
    let xtask = told.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    xtask.parent().expect("xtask lies one folder below the workspace").to_owned()
}

/// Whether cargo sets a variable for the package that it runs. Some build scripts look at those, and would run anew for the cargo that
/// xtask starts and again for one from a shell, with every crate that needs theirs.
fn is_of_package(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|begin| name.starts_with(begin))
}

/// The cargo that runs this: it tells the programs it runs where it is itself.
fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// The triple of the machine that this was compiled on, such as `x86_64-unknown-linux-gnu`. Flags of the compiler that are given
/// with it reach neither build scripts nor macros.
pub(crate) fn host() -> Result<String, Failure> {
    let rustc = env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    let output = Command::new(&rustc).arg("-vV").output();
    let output = output.map_err(|error| format!("cannot start `{}`: {error}", rustc.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| format!("`{} -vV` names no host", rustc.display()))
}

/// A cargo command, run where the user stands: relative paths among its arguments mean what they say.
pub(crate) struct Cargo {
    command: Command,
}

impl Cargo {
    /// `cargo SUBCOMMAND [OPTIONS]` on this workspace's manifest.
    pub(crate) fn new<A: AsRef<OsStr>>(subcommand: impl IntoIterator<Item = A>) -> Self {
        Self::by(cargo(), subcommand)
    }

    /// Makes a command as [`new`](Self::new) does, by the cargo at a path.
    pub(crate) fn by<A: AsRef<OsStr>>(
        cargo: impl AsRef<OsStr>,
        subcommand: impl IntoIterator<Item = A>,
    ) -> Self {
        Self::of(cargo.as_ref(), &root().join("Cargo.toml"), subcommand)
    }

    /// Makes a command on the manifest of the fuzz targets, which are a workspace of their own.
    pub(crate) fn in_fuzz<A: AsRef<OsStr>>(subcommand: impl IntoIterator<Item = A>) -> Self {
        Self::of(cargo().as_os_str(), &root().join("fuzz/Cargo.toml"), subcommand)
    }

    fn of<A: AsRef<OsStr>>(cargo: &OsStr, manifest: &Path, subcommand: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(cargo);
        let mut words = subcommand.into_iter();
        command.args(words.next()).arg("--manifest-path").arg(manifest).args(words);
        for (name, _) in env::vars_os().filter(|(name, _)| is_of_package(name)) {
            command.env_remove(name);
        }
        Self { command }
    }

    /// Builds a program of the workspace in release and runs it.
    pub(crate) fn run(package: &str, binary: &str) -> Self {
        Self::new(["run", "--release", "--package", package, "--bin", binary])
    }

    pub(crate) fn arg(self, argument: impl AsRef<OsStr>) -> Self {
        self.args([argument])
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Becomes the command. On Unix the process is replaced, and cargo in turn replaces itself by the program it runs: signals reach
    /// the program at once, and its exit status is ours with nothing in between. Elsewhere waits and passes the exit code on.
    pub(crate) fn replace(mut self) -> Result<ExitCode, Failure> {
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            let error = self.command.exec();
            Err(self.not_started(&error))
        }
        #[cfg(not(unix))]
        {
            let status = self.command.status().map_err(|error| self.not_started(&error))?;
            Ok(status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .map_or(ExitCode::FAILURE, ExitCode::from))
        }
    }

    /// Runs the command to its end; an exit status other than 0 is a failure.
    pub(crate) fn check(mut self) -> Result<(), Failure> {
        let status = self.command.status().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(format!("`{}`: {status}", self.words())) }
    }

    /// Runs the command as [`check`](Self::check) does and returns what it wrote to its standard output.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        let output =
            self.command.stderr(Stdio::inherit()).output().map_err(|error| self.not_started(&error))?;
        if !output.status.success() {
            return Err(format!("`{}`: {}", self.words(), output.status));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("`{}` wrote what is not UTF-8", self.words()))
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        format!("cannot start `{}`: {error}", self.words())
    }

    /// The command as one would type it.
    fn words(&self) -> String {
        let arguments = self.command.get_args().map(OsStr::to_string_lossy);
        std::iter::once("cargo".into()).chain(arguments).collect::<Vec<_>>().join(" ")
    }
}

/// The target directory among what `cargo metadata` prints. A JSON library would be most of xtask's compile time.
pub(crate) fn target_directory(metadata: &str) -> Option<String> {
    let (_, rest) = metadata.split_once("\"target_directory\":\"")?;
    let (folder, _) = rest.split_once('"')?;
    Some(folder.replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_stands_between_subcommand_and_options() {
        let manifest = root().join("Cargo.toml");
        let words = Cargo::new(["run", "--release"]).arg("--").args(["train", "--epochs", "2"]).words();
        assert_eq!(
            words,
            format!("cargo run --manifest-path {} --release -- train --epochs 2", manifest.display())
        );
        assert!(manifest.is_file());
    }

    #[test]
    fn the_workspace_is_where_cargo_runs_xtask() {
        let told = |name: &'static str| {
            move |variable: &str| match variable {
                "CARGO_MANIFEST_DIR" => Some(OsString::from("moved/xtask")),
                "CARGO_PKG_NAME" => Some(name.into()),
                _ => None,
            }
        };
        assert_eq!(workspace(told("xtask")), Path::new("moved"));
        // Another package's place, and none.
        let compiled = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert_eq!(workspace(told("other")), compiled);
        assert_eq!(workspace(|_| None), compiled);
    }

    #[test]
    fn what_cargo_says_of_xtask_does_not_reach_the_cargo_that_it_starts() {
        let variables = |command: &Command| -> Vec<String> {
            let removed = command.get_envs().filter(|(_, value)| value.is_none());
            removed.map(|(name, _)| name.to_string_lossy().into_owned()).collect()
        };
        // Cargo sets these for the tests too.
        let removed = variables(&Cargo::new(["build"]).command);
        for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR"]
        {
            assert!(removed.iter().any(|other| other == name), "{name}: {removed:?}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "PATH"] {
            assert!(!is_of_package(OsStr::new(name)), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_failure_names_the_command_and_its_status() {
        let mut failing = Cargo { command: Command::new("false") };
        failing.command.arg("train");
        assert_eq!(failing.check().unwrap_err(), "`cargo train`: exit status: 1");
    }

    #[test]
    fn output_is_what_the_command_wrote() {
        let manifest = Cargo::new(["locate-project"]).args(["--message-format", "plain"]).output().unwrap();
        assert_eq!(Path::new(manifest.trim_end()), root().join("Cargo.toml"));
    }

    #[test]
    fn the_target_directory_is_found_among_the_metadata() {
        let metadata = r#"{"packages":[],"target_directory":"C:\\a\\target","version":1}"#;
        assert_eq!(target_directory(metadata).as_deref(), Some(r"C:\a\target"));
        assert_eq!(target_directory("{}"), None);
    }
}
