//! Tells the crate which compiler, target and candle it is built with: a run directory records them.

use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=ADDER_RUSTC={}", rustc_version().unwrap_or_else(|| "unknown".into()));
    println!("cargo::rustc-env=ADDER_TARGET={}", env::var("TARGET").unwrap_or_else(|_| "unknown".into()));
    let lockfile = "../../Cargo.lock";
    println!("cargo::rerun-if-changed={lockfile}");
    let candle = fs::read_to_string(lockfile).ok().and_then(|lock| locked_version(&lock, "candle-core"));
    println!("cargo::rustc-env=ADDER_CANDLE={}", candle.unwrap_or_else(|| "unknown".into()));
}

fn rustc_version() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0.to_owned())
}
