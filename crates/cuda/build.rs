//! Compiles the kernels: by nvcc with the feature `cuda`, by the C++ compiler with `host-tests`; without either it does nothing.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/kernels");
    println!("cargo::rerun-if-changed=host");
    #[cfg(feature = "cuda")]
    device::compile()?;
    #[cfg(feature = "host-tests")]
    host::compile()?;
    Ok(())
}

/// Starts a compiler and waits for it.
#[cfg(any(feature = "cuda", feature = "host-tests"))]
fn run(mut command: std::process::Command) -> Result<(), Box<dyn Error>> {
    let status = command.status().map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}").into()) }
}

#[cfg(feature = "cuda")]
mod device {
    use std::error::Error;
    use std::path::PathBuf;
    use std::process::Command;
    use std::{env, fs};

    /// One file of PTX for each source, which the driver translates for any card from the A100 on. Without fused
    /// multiplications and additions where the source has none: the tests hold the very same arithmetic to the naive loops.
    pub(super) fn compile() -> Result<(), Box<dyn Error>> {
        println!("cargo::rerun-if-env-changed=CUDA_HOME");
        println!("cargo::rerun-if-env-changed=PATH");
        let nvcc = match env::var_os("CUDA_HOME") {
            Some(home) if PathBuf::from(&home).join("bin/nvcc").exists() => {
                PathBuf::from(home).join("bin/nvcc")
            }
            _ => PathBuf::from("nvcc"),
        };
        let out = env::var("OUT_DIR")?;
        for file in fs::read_dir("src/kernels")? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "cu") {
                let mut command = Command::new(&nvcc);
                command.args(["-arch=compute_80", "-std=c++17", "-fmad=false", "-O3"]);
                command.args(["--ptx", "--output-directory", &out]).arg(path);
                super::run(command)?;
            }
        }
        Ok(())
    }
}

#[cfg(feature = "host-tests")]
mod host {
    use std::error::Error;
    use std::path::PathBuf;
    use std::{env, fs};

    /// One program that runs launches on the CPU.
    pub(super) fn compile() -> Result<(), Box<dyn Error>> {
        let compiler = cc::Build::new().cpp(true).opt_level(1).warnings(false).get_compiler();
        let runner = PathBuf::from(env::var("OUT_DIR")?).join("runner");
        let mut command = compiler.to_command();
        command.args([
            "-std=c++17",
            "-ffp-contract=off",
            "-Wno-unknown-pragmas",
            "-Wno-deprecated-declarations",
        ]);
        command.arg("-o").arg(&runner).args(["host/runner.cpp", "-x", "c++"]);
        let mut sources: Vec<PathBuf> = Vec::new();
        for file in fs::read_dir("src/kernels")? {
            sources.push(file?.path());
        }
        sources.retain(|path| path.extension().is_some_and(|extension| extension == "cu"));
        sources.sort();
        super::run({
            command.args(sources);
            command
        })?;
        println!("cargo::rustc-env=ADDER_CUDA_RUNNER={}", runner.display());
        Ok(())
    }
}
