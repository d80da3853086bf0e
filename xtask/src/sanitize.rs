//! `cargo xtask sanitize`: tests under the address sanitizer, which sees what reads or writes outside of its memory.

use crate::cargo::{Cargo, host, root};
use crate::process::Failure;

/// The packages that are looked at where none is named: all `unsafe` code is in the first; the others read what strangers wrote.
const PACKAGES: [&str; 3] = ["adder-kernels", "adder-photo", "adder-export"];

/// The flag of the compiler. It is one of the nightly compiler, which [`BOOTSTRAP`] lets the pinned one take.
pub(crate) const ADDRESS: &str = "-Zsanitizer=address";
/// The environment variable, and its value, with which a stable compiler takes flags of the nightly one.
pub(crate) const BOOTSTRAP: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// Runs the tests of the packages, without those of the documentation.
pub(crate) fn run(packages: &[String]) -> Result<(), Failure> {
    let named = packages.iter().map(String::as_str);
    let packages: Vec<&str> = if packages.is_empty() { PACKAGES.to_vec() } else { named.collect() };
    let packages = packages.into_iter().flat_map(|name| ["--package", name]);
    Cargo::new(["test", "--lib", "--tests", "--target", &host()?])
        .args(packages)
        .arg("--target-dir")
        .arg(root().join("target/sanitize"))
        .env("RUSTFLAGS", ADDRESS)
        .env(BOOTSTRAP.0, BOOTSTRAP.1)
        .check()
}
