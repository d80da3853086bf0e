//! The arguments of what a shell and `man` read.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_help = "\
Where the file belongs:
  bash         ~/.local/share/bash-completion/completions/adder
  zsh          _adder, in a folder of $fpath
  fish         ~/.config/fish/completions/adder.fish
  powershell   a file that $PROFILE reads")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_help = "\
`adder man ~/.local/share/man/man1` puts them where `man adder` and `man adder-train` look; `adder man | man -l -` shows the first.")]
pub(crate) struct ManArgs {
    /// The folder for a page of every command; it is made where it is not there. Without it, adder's own page goes to standard output.
    #[arg(value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}
