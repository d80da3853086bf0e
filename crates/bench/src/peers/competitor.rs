//! A competitor: a process that is told on its standard input what to do, and answers on its standard output.
//!
//! The protocol stands in `peers/peer.py`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use candle_core::Device;

use super::contestant::values;

/// A process that has warmed up and waits.
#[derive(Debug)]
pub struct Competitor {
    name: String,
    description: String,
    process: Child,
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Competitor {
    /// Starts `command` and waits until it is ready; what it writes to its standard error goes to the file `log`.
    ///
    /// # Errors
    /// Where it cannot start, says that it cannot run here, or ends before it is ready: the reason, for a person.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Self> {
        let stderr = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let orders = process.stdin.take();
        let stdout = process.stdout.take().context("a process without output")?;
        let answers = BufReader::new(stdout).lines();
        let mut competitor = Self { name: name.into(), description: String::new(), process, orders, answers };
        let greeting = competitor.answer().with_context(|| format!("see {}", log.display()))?;
        match greeting.split_once(' ') {
            Some(("READY", description)) => competitor.description = description.into(),
            Some(("SKIP", reason)) => bail!("{reason}"),
            _ => bail!("said `{greeting}` instead of READY"),
        }
        Ok(competitor)
    }

    /// The name in the table.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its own description: versions and variant.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The logits of the first images, by the weights that all competitors were given; or the first values of a layer's pass.
    ///
    /// # Errors
    /// Where the process has ended or breaks the protocol.
    pub fn results(&mut self) -> Result<Vec<f32>> {
        let answer = self.ask("check")?;
        let numbers =
            answer.strip_prefix("RESULTS ").with_context(|| format!("`{answer}` has no results"))?;
        numbers.split(' ').map(|number| Ok(number.parse()?)).collect()
    }

    /// The gradients of the first batch's loss without dropout, by the parameters' names; the process writes them to `file`.
    ///
    /// # Errors
    /// Where the process has ended or breaks the protocol, or the file cannot be read.
    pub fn gradients(&mut self, file: &Path) -> Result<BTreeMap<String, Vec<f32>>> {
        let answer = self.ask(&format!("gradients {}", file.display()))?;
        answer.strip_prefix("GRADIENTS ").with_context(|| format!("`{answer}` has no gradients"))?;
        let tensors = candle_core::safetensors::load(file, &Device::Cpu)?;
        tensors.into_iter().map(|(name, tensor)| Ok((name, values(&tensor)?))).collect()
    }

    /// The seconds that `steps` steps take together.
    ///
    /// # Errors
    /// Where the process has ended or breaks the protocol.
    pub fn run(&mut self, steps: u64) -> Result<f64> {
        let answer = self.ask(&format!("run {steps}"))?;
        let seconds = answer.strip_prefix("SECONDS ").with_context(|| format!("`{answer}` has no time"))?;
        Ok(seconds.parse()?)
    }

    fn ask(&mut self, order: &str) -> Result<String> {
        let orders = self.orders.as_mut().context("a process without input")?;
        writeln!(orders, "{order}").with_context(|| format!("{} has ended", self.name))?;
        self.answer()
    }

    fn answer(&mut self) -> Result<String> {
        let line = self.answers.next().with_context(|| format!("{} has ended", self.name))?;
        Ok(line?)
    }
}

impl Drop for Competitor {
    fn drop(&mut self) {
        // It ends with its input; one that does not is ended.
        self.orders.take();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Competitor> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let log = std::env::temp_dir().join(format!("adder-competitor-{}.log", std::process::id()));
        Competitor::start("shell", command, &log)
    }

    #[test]
    fn it_greets_and_answers_in_turn() {
        let mut shell =
            shell("echo READY sh 1.0; read _; echo RESULTS 0.5 -1e-3; read _ n; echo SECONDS $n").unwrap();
        assert_eq!((shell.name(), shell.description()), ("shell", "sh 1.0"));
        assert_eq!(shell.results().unwrap(), [0.5, -1e-3]);
        assert_eq!(shell.run(12).unwrap(), 12.0);
        assert_eq!(shell.run(1).unwrap_err().to_string(), "shell has ended");
    }

    #[test]
    fn who_cannot_run_says_why() {
        assert_eq!(shell("echo SKIP no such module").unwrap_err().to_string(), "no such module");
        let silent = format!("{:#}", shell("exit 1").unwrap_err());
        assert!(silent.ends_with("shell has ended"), "{silent}");
        let strange = shell("echo hello").unwrap_err().to_string();
        assert_eq!(strange, "said `hello` instead of READY");
    }
}
