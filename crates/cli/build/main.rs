//! The version that `adder --version` says: the package's, with the commit where it is known.
//!
//! The commit is, in this order, what the environment names, what cargo wrote into a package, or that of the working tree. A build for
//! development takes only the first: it would be linked anew after every commit.
#![expect(clippy::print_stdout, reason = "so a build script speaks to cargo")]

mod commit;

use std::env;
use std::path::Path;

/// The environment variable that names the commit, for builds from an archive.
const GIVEN: &str = "ADDER_COMMIT";
/// Digits of the commit that are shown; git shows seven, which more commits share.
const SHOWN: usize = 12;

fn main() {
    println!("cargo::rerun-if-env-changed={GIVEN}");
    println!("cargo::rerun-if-changed=build");
    let commit = match env::var(GIVEN) {
        Ok(given) if commit::is_commit(&given) => Some(given),
        Ok(given) => {
            println!("cargo::error={GIVEN}: expected 7 to 64 hexadecimal digits, found {given:?}");
            None
        }
        Err(_) if env::var("PROFILE").is_ok_and(|profile| profile == "release") => of_sources(),
        Err(_) => None,
    };
    let mut version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    if let Some(commit) = commit {
        version += &format!(" ({})", &commit[..SHOWN.min(commit.len())]);
    }
    println!("cargo::rustc-env=ADDER_VERSION={version}");
}

/// The commit of the sources that are compiled.
fn of_sources() -> Option<String> {
    let package = env::var_os("CARGO_MANIFEST_DIR")?;
    let package = Path::new(&package);
    let found = commit::of_package(package).or_else(|| commit::of_working_tree(&package.join("../..")))?;
    for file in &found.files {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    Some(found.commit)
}
