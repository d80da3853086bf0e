//! `cargo xtask circles`: no two files of a crate need each other, at first hand or through others.
//!
//! A file needs another where it names an item that the other defines, by `use` or by a path. What a parent re-exports counts as its
//! child's, and `mod child;` and the re-export itself are no need; so a parent may gather what its children define, but they may not
//! use what stands in the parent as long as it uses what stands in them. Code for tests is left out. This reads tokens, not types: a
//! method that is called without naming its type is not seen.

mod graph;
mod parse;
#[cfg(test)]
mod tests;
mod tokens;
mod tree;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::root;
use crate::output::say;
use crate::process::Failure;
use tree::Tree;

/// Looks through every crate of the workspace; circles are a failure that shows them.
pub(crate) fn run() -> Result<(), Failure> {
    let mut found = String::new();
    let (mut crates, mut count) = (0, 0);
    for folder in folders()? {
        crates += 1;
        let name = folder.strip_prefix(root()).unwrap_or(&folder).display().to_string();
        for root in roots(&folder) {
            let tree = Tree::read(&root, &|file| fs::read_to_string(folder.join(file)).ok());
            let tree = tree.ok_or_else(|| format!("cannot read {}", folder.join(&root).display()))?;
            let circles = report(&name, &tree);
            count += circles.len();
            found.extend(circles);
        }
    }
    if count > 0 {
        return Err(format!("{count} circles between the files of a crate\n{found}"));
    }
    say(format_args!("no circle between the files of any of {crates} crates"));
    Ok(())
}

/// A text for each circle, with a line for each file that needs another in it.
fn report(name: &str, tree: &Tree) -> Vec<String> {
    let edges = graph::edges(tree);
    let of_circle = |circle: BTreeSet<&PathBuf>| {
        let mut text = format!("\n{name}: a circle of {} files\n", circle.len());
        let inside = edges.iter().filter(|edge| circle.contains(&edge.from) && circle.contains(&edge.to));
        let inside: Vec<_> = inside.collect();
        for pair in inside.chunk_by(|one, next| (&one.from, &one.to) == (&next.from, &next.to)) {
            let items: Vec<&str> = pair.iter().map(|edge| edge.item.as_str()).collect();
            let line = pair.iter().map(|edge| edge.line).min().unwrap_or(0);
            let (from, to) = (pair[0].from.display(), pair[0].to.display());
            writeln!(text, "  {from}:{line} -> {to}: {}", items.join(", "))
                .expect("a string takes everything");
        }
        text
    };
    graph::circles(&edges).into_iter().map(of_circle).collect()
}

/// The folders of the crates, in the order of their names.
fn folders() -> Result<Vec<PathBuf>, Failure> {
    let crates = root().join("crates");
    let entries =
        fs::read_dir(&crates).map_err(|error| format!("cannot read {}: {error}", crates.display()))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.push(root().join("xtask"));
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    Ok(folders)
}

/// The files that a crate's libraries and programs begin with, relative to its folder.
fn roots(folder: &Path) -> Vec<PathBuf> {
    let mut roots = vec![PathBuf::from("src/lib.rs"), PathBuf::from("src/main.rs")];
    for entry in fs::read_dir(folder.join("src/bin")).into_iter().flatten().flatten() {
        let path = Path::new("src/bin").join(entry.file_name());
        roots.push(if entry.path().is_dir() { path.join("main.rs") } else { path });
    }
    roots.retain(|root| folder.join(root).is_file());
    roots
}
