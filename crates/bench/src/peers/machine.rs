//! The machine, in words.

use std::process::Command;

/// Processor, cores, system, compiler and commit, as lines of Markdown.
pub fn describe(threads: usize) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut lines = vec![format!("- {}, {cores} logical cores, {threads} threads used", processor())];
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let said = [("rustc", &["--version"][..]), ("git", &["describe", "--always", "--dirty"])]
        .map(|(program, arguments)| output(program, arguments));
    let [rustc, commit] = said.map(|text| text.unwrap_or_else(|| "unknown".into()));
    lines.push(format!("- {system}, {rustc}, commit {commit}"));
    lines.join("\n")
}

/// A sentence where other programs ran beside the competitors, of which one at a time computes with `threads` threads.
pub fn disturbance(threads: usize) -> Option<String> {
    let load = load()?;
    let others = load - threads as f64;
    (others > 0.3).then(|| {
        format!("The load average was {load:.1} in the end: other programs ran, and the times say little.")
    })
}

fn processor() -> String {
    let model = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| model_name(&text));
    model
        .or_else(|| output("sysctl", &["-n", "machdep.cpu.brand_string"]))
        .unwrap_or_else(|| "unknown processor".into())
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The number of programs that wanted to run, on average over the last minute.
fn load() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_once() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC 9654\nflags\t: fpu\nmodel name\t: other\n";
        assert_eq!(model_name(cpuinfo).as_deref(), Some("AMD EPYC 9654"));
        assert_eq!(model_name("Features: fp"), None);
    }

    #[test]
    fn a_description_has_threads_and_compiler() {
        let text = describe(2);
        assert!(text.contains("2 threads used") && text.contains("rustc "), "{text}");
    }
}
