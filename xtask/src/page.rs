//! `cargo xtask page`: the page as a folder, with the network in it as WebAssembly.

use crate::base64;
use crate::cargo::{Cargo, root};
use crate::output::say;
use crate::process::Failure;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "wasm32-unknown-unknown";
/// Every browser since 2021 has these (Safari since 2023).
const FLAGS: &str = "-C target-feature=+simd128";
/// The files that the folder and the server share.
const FILES: [&str; 5] = ["index.html", "page.css", "page.js", "paper.js", "view.js"];
/// The largest size of the folder, in bytes: it is downloaded before anything is seen.
const MOST: usize = 500_000;

const MISSING: &str = "no toolchain for WebAssembly was found. Either of these is enough:
  rustup target add wasm32-unknown-unknown
  apt-get install rustc-web cargo-web rust-web-src lld   (Debian; builds the standard library itself)";

/// Builds the folder and returns where it lies. `weights`, a run or a file, take the place of the built-in network.
pub(crate) fn build(weights: Option<&String>) -> Result<PathBuf, Failure> {
    let toolchain = Toolchain::find()?;
    // First, for they may not be there.
    let weights = weights.map(|name| read_weights(name)).transpose()?;
    let module = module(&toolchain)?;
    let (sources, folder) = (root().join("crates/serve/src/page"), root().join("target/page"));
    fs::create_dir_all(&folder).map_err(|error| cannot("make", &folder, &error))?;
    let mut size = 0;
    for name in FILES {
        let content = read(&sources.join(name))?;
        size += content.len();
        write(&folder.join(name), &content)?;
    }
    let backend = read(&sources.join("wasm.js"))?;
    let module_text = text(&gzip(&module)?);
    let weights_text =
        weights.as_deref().map(gzip).transpose()?.map_or_else(|| "null".to_owned(), |packed| text(&packed));
    let constants = format!("const MODULE = {module_text};\nconst WEIGHTS = {weights_text};\n");
    let script = [constants.as_bytes(), &backend].concat();
    write(&folder.join("backend.js"), &script)?;
    size += script.len();
    say(format_args!(
        "{}: {size} bytes; the module is {} of them, and {} unpacked; the weights are {}",
        folder.display(),
        module_text.len(),
        module.len(),
        if weights.is_some() { weights_text.len().to_string() } else { "in the module".to_owned() }
    ));
    let without = if weights.is_some() { size - weights_text.len() } else { size };
    if without > MOST {
        return Err(format!("without weights the page is {without} bytes, expected at most {MOST}"));
    }
    Ok(folder)
}

/// Bytes as a string of JavaScript.
fn text(bytes: &[u8]) -> String {
    format!("\"{}\"", base64::encode(bytes))
}

/// The weights of a run or a file of any kind, as `adder import` gives them; it knows where they are and whether they are whole.
fn read_weights(name: &str) -> Result<Vec<u8>, Failure> {
    let file = root().join("target/page-weights.safetensors");
    Cargo::run("adder-cli", "adder").args(["--", "import", name, "--quiet", "--out"]).arg(&file).check()?;
    let bytes = read(&file)?;
    fs::remove_file(&file).map_err(|error| cannot("remove", &file, &error))?;
    Ok(bytes)
}

/// The toolchain that compiles to WebAssembly on this machine.
#[derive(Debug, PartialEq, Eq)]
enum Toolchain {
    /// The one that runs xtask has the target.
    Own,
    /// Debian's, which has none and builds the standard library from its source; it needs a linker.
    Debian { linker: PathBuf },
}

impl Toolchain {
    fn find() -> Result<Self, Failure> {
        let libraries = rustc(&["--print", "target-libdir", "--target", TARGET]);
        if libraries.is_some_and(|folder| holds_core(Path::new(&folder))) {
            return Ok(Self::Own);
        }
        let debian = ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/lib/rustlib/src/rust/library"];
        if !debian.iter().all(|path| Path::new(path).exists()) {
            return Err(MISSING.into());
        }
        let linker = linker().ok_or_else(|| format!("{MISSING}\nOf the second, `lld` is missing."))?;
        Ok(Self::Debian { linker })
    }

    /// `cargo build` as this toolchain is asked for it.
    fn cargo(&self) -> Cargo {
        let flags = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";
        match self {
            Self::Own => Cargo::new(["build"]).env(flags, FLAGS),
            Self::Debian { linker } => Cargo::by("/usr/bin/cargo", ["build"])
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", "/usr/bin/rustc")
                // Building the standard library is unstable.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .env(flags, FLAGS),
        }
    }
}

fn holds_core(folder: &Path) -> bool {
    let is_core = |name: &str| name.starts_with("libcore-");
    fs::read_dir(folder).is_ok_and(|mut files| {
        files.any(|file| file.is_ok_and(|file| file.file_name().to_str().is_some_and(is_core)))
    })
}

/// The linker that comes with rustup's toolchains, or one in the path.
fn linker() -> Option<PathBuf> {
    let sysroot = PathBuf::from(rustc(&["--print", "sysroot"])?);
    let hosts = fs::read_dir(sysroot.join("lib/rustlib")).into_iter().flatten().flatten();
    let mut own = hosts.map(|host| host.path().join("bin/rust-lld"));
    own.find(|path| path.is_file())
        .or_else(|| crate::process::in_path(&["wasm-ld", "wasm-ld-19", "wasm-ld-16", "wasm-ld-14"]))
}

/// The output of the toolchain's compiler, where there is one that understands the question.
fn rustc(arguments: &[&str]) -> Option<String> {
    let output = Command::new("rustc").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Compiles the module. Its target folder is its own: where it lies there does not depend on how cargo is configured.
fn module(toolchain: &Toolchain) -> Result<Vec<u8>, Failure> {
    let target = root().join("target/wasm");
    toolchain
        .cargo()
        .args(["--package", "adder-wasm", "--lib", "--profile", "page", "--target", TARGET, "--target-dir"])
        .arg(&target)
        .check()?;
    read(&target.join(TARGET).join("page/adder_wasm.wasm"))
}

/// Packs by the program of that name: browsers unpack by themselves, and not every host of a folder packs.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| format!("cannot run `gzip`: {error}");
    let mut gzip = Command::new("gzip")
        .args(["--best", "--no-name"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut input = gzip.stdin.take().expect("it is piped");
    // It writes before it has read all: whoever fills the one pipe must not be who empties the other.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes));
        gzip.wait_with_output()
    });
    let output = output.map_err(failed)?;
    if output.status.success() { Ok(output.stdout) } else { Err(format!("`gzip`: {}", output.status)) }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| cannot("read", path, &error))
}

fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    fs::write(path, content).map_err(|error| cannot("write", path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    format!("cannot {what} {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shared_files_are_there_and_the_page_asks_for_them_and_the_backend() {
        let sources = root().join("crates/serve/src/page");
        let html = String::from_utf8(read(&sources.join("index.html")).unwrap()).unwrap();
        for name in FILES.iter().chain(&["backend.js"]).filter(|name| **name != "index.html") {
            assert!(html.contains(&format!("\"{name}\"")), "{name}");
        }
        assert!(FILES.iter().all(|name| sources.join(name).is_file()));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_packed_is_small_and_begins_as_gzip_does() {
        let packed = gzip(&[7; 1 << 20]).unwrap();
        assert!(packed.len() < 10_000 && packed.starts_with(&[0x1f, 0x8b]), "{} bytes", packed.len());
    }

    #[test]
    fn a_toolchain_that_is_missing_is_named_with_both_ways_to_get_it() {
        assert!(MISSING.contains("rustup target add") && MISSING.contains("apt-get install"));
        assert_eq!(rustc(&["--print", "nothing"]), None);
        assert!(!holds_core(Path::new("nowhere")));
    }
}
