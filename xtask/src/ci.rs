//! The checks of a submission, each stage with its time.

use crate::cargo::Cargo;
use crate::output::say;
use crate::process::Failure;
use std::process::ExitCode;
use std::time::Instant;

/// A check by its name.
struct Stage {
    name: &'static str,
    check: fn() -> Result<(), Failure>,
}

/// The stages, those first that fail soonest and compile least.
const STAGES: &[Stage] = &[
    Stage { name: "fmt", check: fmt },
    Stage { name: "circles", check: crate::circles::run },
    Stage { name: "clippy", check: clippy },
    Stage { name: "test", check: || Cargo::new(["test", "--workspace"]).check() },
    Stage { name: "doc", check: doc },
    Stage { name: "package", check: package },
    Stage { name: "bench", check: bench },
    Stage { name: "train", check: train },
    Stage { name: "cuda", check: cuda },
    Stage { name: "fuzz", check: fuzz },
    Stage { name: "torture", check: torture },
    Stage { name: "e2e", check: || crate::e2e::run(&[]) },
];

/// The stages by name, in order.
pub(crate) fn stage_names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

/// Runs the named stages, or all when none is named, up to the first that fails.
pub(crate) fn run(names: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = names.iter().find(|name| !stage_names().contains(&name.as_str())) {
        return Err(format!("ci has no stage `{unknown}`; there are {}", stage_names().join(", ")));
    }
    let begin = Instant::now();
    for Stage { name, check } in STAGES {
        if !names.is_empty() && !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        say(format_args!("== {name}"));
        let begin = Instant::now();
        check().map_err(|problem| format!("stage {name}: {problem}"))?;
        say(format_args!("== {name}: passed in {:.1} s", begin.elapsed().as_secs_f64()));
    }
    say(format_args!("== all passed in {:.1} s", begin.elapsed().as_secs_f64()));
    Ok(())
}

/// The fuzz targets are a workspace of their own.
fn fmt() -> Result<(), Failure> {
    Cargo::new(["fmt", "--all", "--check"]).check()?;
    Cargo::in_fuzz(["fmt", "--check"]).check()
}

fn clippy() -> Result<(), Failure> {
    Cargo::new(["clippy", "--workspace", "--all-targets"]).args(["--", "-D", "warnings"]).check()
}

fn doc() -> Result<(), Failure> {
    Cargo::new(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings").check()
}

/// Makes the packages of the crates that are published, without compiling them: it takes a second. What it needs of the
/// registry is there since the first stage that compiled.
fn package() -> Result<(), Failure> {
    let published = ["adder-random", "adder-network", "adder-kernels", "adder-nn"];
    let packages = published.into_iter().flat_map(|name| ["--package", name]);
    Cargo::new(["package", "--no-verify", "--allow-dirty", "--offline", "--quiet"]).args(packages).check()
}

/// Compiles the benches. With the command line among the packages, features are chosen as for the next stage, and candle
/// is not compiled twice.
fn bench() -> Result<(), Failure> {
    Cargo::new(["bench", "--package", "adder-bench", "--package", "adder-cli", "--no-run"]).check()
}

/// Each fuzz target for so long that a fault of the last change has a chance to show; finding others takes hours.
fn fuzz() -> Result<(), Failure> {
    crate::fuzz::run(&["--seconds", "20"].map(str::to_owned))
}

/// The CUDA kernels, compiled by the C++ compiler and held to the naive loops.
fn cuda() -> Result<(), Failure> {
    Cargo::new(["test", "--package", "adder-cuda", "--features", "host-tests"]).check()
}

/// A short training of the real binary on real images, and the evaluation of what it wrote.
fn train() -> Result<(), Failure> {
    /// Right digit and right sum, in percent. Guessing gives 1 %; seeds 1 to 4 gave 93.7, 95.2, 94.7 and 96.7 %.
    const AT_LEAST: f64 = 90.0;
    /// Far from the best that can be had, but soon good.
    const SETTINGS: &str = "--limit 12000 --epochs 3 --batch-size 32 --learning-rate 0.05 --seed 1";

    let run = std::env::temp_dir().join(format!("adder-ci-{}", std::process::id()));
    let adder = || Cargo::run("adder-cli", "adder").arg("--");
    adder().arg("train").args(SETTINGS.split(' ')).arg("--out").arg(&run).check()?;
    let report = adder().args(["eval", "--json"]).arg(&run).output()?;
    std::fs::remove_dir_all(&run).map_err(|error| format!("cannot remove {}: {error}", run.display()))?;

    say(report.trim_end());
    let accuracy = accuracy_of_both(&report)
        .ok_or_else(|| format!("`adder eval --json` gave no accuracy for both heads: {report}"))?;
    if accuracy < AT_LEAST {
        return Err(format!("both heads are right on {accuracy} % of the images, expected {AT_LEAST} %"));
    }
    Ok(())
}

/// A few disturbances of each kind.
fn torture() -> Result<(), Failure> {
    match crate::torture::run(&["--short".to_owned()])? {
        ExitCode::SUCCESS => Ok(()),
        _ => Err("a disturbance was not fine, or could not be made".into()),
    }
}

/// The number at `both.accuracy` of `adder eval --json`. A JSON library would be most of xtask's compile time.
fn accuracy_of_both(report: &str) -> Option<f64> {
    let (_, both) = report.split_once("\"both\"")?;
    let (both, _) = both.split_once('}')?;
    let (_, accuracy) = both.split_once("\"accuracy\"")?;
    let accuracy = accuracy.trim_start().strip_prefix(':')?;
    accuracy.split(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accuracy_of_both_heads_is_found_on_one_line_and_on_many() {
        let line =
            r#"{"split":"eval","digit":{"loss":0.1,"accuracy":98.0},"both":{"loss":0.3,"accuracy":97.25}}"#;
        assert_eq!(accuracy_of_both(line), Some(97.25));
        let lines = "{\n  \"both\": {\n    \"accuracy\": 96.5,\n    \"loss\": 0.25\n  },\n  \"pairs\": 10\n}";
        assert_eq!(accuracy_of_both(lines), Some(96.5));
    }

    #[test]
    fn a_report_without_it_gives_none() {
        for report in
            ["", "{}", r#"{"both":{"loss":1},"sum":{"accuracy":9}}"#, r#"{"both":{"accuracy":null}}"#]
        {
            assert_eq!(accuracy_of_both(report), None, "{report}");
        }
    }

    #[test]
    fn an_unknown_stage_is_refused_before_anything_runs() {
        let problem = run(&["fmt".to_owned(), "tests".to_owned()]).unwrap_err();
        assert_eq!(
            problem,
            "ci has no stage `tests`; there are fmt, circles, clippy, test, doc, package, bench, train, cuda, fuzz, torture, e2e"
        );
    }
}
