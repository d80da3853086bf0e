//! What each command of the workspace says of itself.

use crate::{ci, torture};

/// A command: its name, its line in the list of commands, its arguments, and the sentences of its own help.
type Command = (&'static str, &'static str, &'static str, &'static str);

/// All commands. Torture has its help beside its options.
const COMMANDS: &[Command] = &[
    (
        "bench",
        "the criterion benches; `bench --peers` compares with PyTorch and ONNX Runtime",
        "[FILTER] [OPTION OF CRITERION]...\n       cargo xtask bench --peers [OPTIONS]",
        "\
Runs the criterion benches, in release: those with FILTER in their names, or all. `--quick` samples less, `--save-baseline NAME` and
`--baseline NAME` compare two states of the code. With --peers, one table of our times beside those of PyTorch, ONNX Runtime and
stock candle: see `cargo xtask bench --peers --help`, and docs/benchmarks.md.",
    ),
    (
        "page",
        "the page to draw on as a folder, with a network as WebAssembly: target/page",
        "[RUN|FILE]",
        "\
Writes target/page: the page that `adder serve` shows, as a folder for any host of files, or to open index.html of from the disk. The
network in it is that of RUN|FILE, of any size: a run directory, of which the last weights are taken, or a file of weights of any
kind that `adder import` reads. Without one, it is the network inside the program. Needs a toolchain for WebAssembly, and gzip.",
    ),
    (
        "e2e",
        "the pages and a report in a browser, and event files in TensorBoard",
        "[--shots DIR]",
        "\
Draws on the page in Chromium, from the server and from the folder that `cargo xtask page` makes, in light and dark, by mouse,
finger and keys; trains a little and looks at the report and at the event files. Needs Chromium and Python with venv, into which the
packages of crates/serve/tests/browser/requirements.txt are installed, and what `page` needs.

Options:
  --shots DIR   keep pictures of the pages",
    ),
    (
        "fuzz",
        "the fuzz targets, each for a while",
        "[OPTIONS] [TARGET...]",
        "\
Compiles the fuzz targets, or those named, and runs each; an input that one fails on is kept and named. Needs a C++ compiler.
fuzz/README.md says what each target is.

Options:
  --seconds N           the time for each target [default: 60]
  --corpus DIR          where inputs that reach something new are kept [default: target/fuzz/corpus]
  --sanitizer address   compile the address sanitizer in",
    ),
    (
        "sanitize",
        "tests under the address sanitizer",
        "[PACKAGE...]",
        "\
Runs the tests of the packages named, or of those with `unsafe` code or strangers' bytes, under the address sanitizer.",
    ),
    (
        "circles",
        "files of a crate that need each other",
        "",
        "\
Looks for files of one crate that need each other in a circle, and shows each. There may be none.",
    ),
    ("torture", "kills and failing disks at every moment of commands, which must go on", "", ""),
    (
        "ci",
        "everything that a change must pass, or some stages of it",
        "[STAGE...]",
        "\
Checks everything that .ci/run checks, or the stages that are named, in this order:",
    ),
];

/// The lines of the list of commands.
pub(crate) fn lines() -> String {
    let commands = COMMANDS.iter().map(|(name, what, ..)| (*name, *what));
    let all = commands.chain([("help", "this, or what one command takes: `help COMMAND`")]);
    all.map(|(name, what)| format!("  {name:<11} {what}\n")).collect()
}

/// The help of a command of the workspace; none of others, which have a help of their own.
pub(crate) fn of(name: &str) -> Option<String> {
    let (name, _, arguments, text) = COMMANDS.iter().find(|(other, ..)| *other == name)?;
    let usage = format!("Usage: cargo xtask {name} {arguments}");
    Some(match *name {
        "torture" => torture::HELP.to_owned(),
        "ci" => format!("{usage}\n\n{text}\n{}.", ci::stage_names().join(", ")),
        _ => format!("{}\n\n{text}", usage.trim_end()),
    })
}
