//! `adder man`: the manual pages, from the definitions of the arguments.

use std::io::Write as _;

use adder_data::whole_file::{make_folder, write_whole};
use anyhow::{Context as _, Result};
use clap::Command;
use clap_mangen::Man;

use crate::args::ManArgs;
use crate::output::{print_file, say, shown};
use crate::usage;

/// The title of all pages.
const MANUAL: &str = "Adder Manual";

pub(crate) fn run(args: &ManArgs, quiet: bool) -> Result<()> {
    let top = usage::command();
    let Some(folder) = &args.folder else {
        return print_file(&String::from_utf8(page(&top)?.1)?);
    };
    make_folder(folder).with_context(|| format!("{}: cannot be made", shown(folder)))?;
    let mut pages = Vec::new();
    collect(&top, &mut pages)?;
    for (name, page) in &pages {
        let path = folder.join(name);
        let unwritable = || format!("{}: cannot be written", shown(&path));
        write_whole(&path, |file| file.write_all(page)).with_context(unwritable)?;
    }
    if !quiet {
        say(format_args!("{} pages are in {}", pages.len(), shown(folder)));
    }
    Ok(())
}

/// The pages of a command and of those below it.
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    pages.push(page(command)?);
    let others = command.get_subcommands().filter(|other| other.get_name() != "help");
    others.into_iter().try_for_each(|other| collect(other, pages))
}

/// The name and the content of a page.
fn page(command: &Command) -> Result<(String, Vec<u8>)> {
    let version = format!("adder {}", env!("ADDER_VERSION"));
    // Without a date, which would be another one in every build, the version would stand in the date's place.
    let page = Man::new(command.clone()).date(" ").source(version).manual(MANUAL);
    let mut content = Vec::new();
    page.render(&mut content)?;
    Ok((page.get_filename(), content))
}
