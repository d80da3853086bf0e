//! Commands that write, what was there before them, and every command that may come after a disturbance.

/// What must hold of a command after a disturbance.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    /// It succeeds, whatever was left.
    Always,
    /// It succeeds where this path is; else it may refuse.
    IfThere(&'static str),
    /// At least one such command succeeds; and this one where the path is.
    OneOf(Option<&'static str>),
    /// It may refuse.
    Never,
}

/// Command lines, one after the other, that go on from what a disturbance left.
#[derive(Debug)]
pub(crate) struct Continuation {
    pub(crate) name: &'static str,
    pub(crate) commands: &'static [&'static str],
    pub(crate) need: Need,
}

/// A command that is disturbed.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Whether a training was killed in its second epoch before.
    pub(crate) stopped: bool,
    /// Commands that ran before.
    pub(crate) before: &'static [&'static str],
    pub(crate) command: &'static str,
    /// Files that are the old ones or the new ones at every moment.
    pub(crate) outputs: &'static [&'static str],
    /// Commands that only read. Their need is that of an exit code of 0.
    pub(crate) readers: &'static [Continuation],
    /// Commands that go on, each from its own copy, to what the undisturbed command leaves.
    pub(crate) continuations: &'static [Continuation],
    /// Whether to go on to what was there before the command is right too, as where it replaces a run.
    pub(crate) old_is_right: bool,
    /// Whether a temporary file may lie beside the output after a kill: there is no lock that says whose it is.
    pub(crate) leaves_temporary: bool,
}

/// What `@tiny` stands for in a command line: a training of six steps that takes a few milliseconds.
const TINY: &str = "--data ../data --set model.channels=[4,4] --set model.pool_after=[1,2] --set model.unpadded=[] \
                    --set model.dropout_free=[] --epochs 2 --batch-size 16 --threads 1 --quiet";

/// The training that other scenarios begin with.
pub(crate) const TRAIN: &str = "train --out run @tiny";
const CHECKPOINT: &str = "run/last/state.json";

/// The words of a command line.
pub(crate) fn words(line: &str) -> Vec<&str> {
    line.split_whitespace()
        .flat_map(|word| {
            let words: Vec<&str> =
                if word == "@tiny" { TINY.split_whitespace().collect() } else { vec![word] };
            words
        })
        .collect()
}

const READ_RUN: &[Continuation] = &[
    Continuation { name: "runs", commands: &["runs --in ."], need: Need::Always },
    Continuation { name: "runs show", commands: &["runs show run"], need: Need::IfThere(CHECKPOINT) },
    Continuation {
        name: "eval",
        commands: &["eval run --threads 1 --quiet"],
        need: Need::IfThere(CHECKPOINT),
    },
    Continuation { name: "export", commands: &["export run --format onnx --out x.onnx"], need: Need::Never },
];

const GO_ON: &[Continuation] = &[
    Continuation {
        name: "resume",
        commands: &["train --resume run --threads 1 --quiet"],
        need: Need::OneOf(Some(CHECKPOINT)),
    },
    Continuation { name: "start again", commands: &[TRAIN], need: Need::OneOf(None) },
    Continuation { name: "overwrite", commands: &["train --out run --overwrite @tiny"], need: Need::Always },
    Continuation { name: "remove and start", commands: &["runs rm run", TRAIN], need: Need::IfThere("run") },
];

/// A command that needs nothing and leaves nothing.
pub(crate) const PLAIN: Scenario = Scenario {
    name: "",
    stopped: false,
    before: &[],
    command: "",
    outputs: &[],
    readers: &[],
    continuations: &[],
    old_is_right: false,
    leaves_temporary: false,
};

/// The start and the whole of a training. Others than `train` and `resume` are of interest for calls of the system alone.
pub(crate) const START: Scenario =
    Scenario { name: "train", command: TRAIN, readers: READ_RUN, continuations: GO_ON, ..PLAIN };

/// A training that goes on.
pub(crate) const RESUME: Scenario =
    Scenario { name: "resume", stopped: true, command: "train --resume run --threads 1 --quiet", ..START };

const OTHERS: [Scenario; 7] = [
    Scenario {
        name: "overwrite",
        before: &["train --out run @tiny --seed 2"],
        command: "train --out run --overwrite @tiny",
        old_is_right: true,
        ..START
    },
    Scenario {
        name: "export",
        before: &[TRAIN, "export run --format torch-safetensors --out run.onnx"],
        command: "export run --format onnx --out run.onnx",
        outputs: &["run.onnx"],
        continuations: &[Continuation {
            name: "again",
            commands: &["export run --format onnx --out run.onnx"],
            need: Need::Always,
        }],
        leaves_temporary: true,
        ..PLAIN
    },
    Scenario {
        name: "import",
        before: &[TRAIN, "export run --format torch-safetensors --out torch.safetensors"],
        command: "import torch.safetensors --out own.safetensors",
        outputs: &["own.safetensors"],
        continuations: &[Continuation {
            name: "again",
            commands: &["import torch.safetensors --out own.safetensors"],
            need: Need::Always,
        }],
        leaves_temporary: true,
        ..PLAIN
    },
    Scenario {
        name: "report",
        before: &["train --out run --no-report @tiny"],
        command: "report run --threads 1",
        outputs: &["run/report.html"],
        readers: READ_RUN,
        continuations: &[Continuation {
            name: "again",
            commands: &["report run --threads 1"],
            need: Need::Always,
        }],
        leaves_temporary: true,
        ..PLAIN
    },
    Scenario {
        name: "repeat",
        command: "repeat --out series --seeds 2 @tiny",
        readers: READ_SERIES,
        continuations: &[Continuation {
            name: "again",
            commands: &["repeat --out series --seeds 2 @tiny"],
            need: Need::Always,
        }],
        ..PLAIN
    },
    Scenario {
        name: "sweep",
        command: "sweep --out series --set-grid seed=1,2 @tiny",
        readers: READ_SERIES,
        continuations: &[Continuation {
            name: "again",
            commands: &["sweep --out series --set-grid seed=1,2 @tiny"],
            need: Need::Always,
        }],
        ..PLAIN
    },
    Scenario {
        name: "remove",
        before: &[TRAIN],
        command: "runs rm run",
        readers: &[Continuation { name: "runs", commands: &["runs --in ."], need: Need::Always }],
        continuations: &[
            Continuation { name: "again", commands: &["runs rm run"], need: Need::IfThere("run") },
            Continuation {
                name: "overwrite",
                commands: &["train --out run --overwrite @tiny", "runs rm run"],
                need: Need::Always,
            },
        ],
        ..PLAIN
    },
];

const READ_SERIES: &[Continuation] =
    &[Continuation { name: "runs", commands: &["runs --in series"], need: Need::IfThere("series") }];

/// Every scenario.
pub(crate) fn all() -> Vec<&'static Scenario> {
    [&START, &RESUME].into_iter().chain(&OTHERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_single_words_and_unique() {
        let mut names: Vec<&str> = all().iter().map(|scenario| scenario.name).collect();
        assert!(names.iter().all(|name| !name.is_empty() && !name.contains([' ', ':'])));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
        assert_eq!(words("train @tiny")[..3], ["train", "--data", "../data"]);
    }
}
