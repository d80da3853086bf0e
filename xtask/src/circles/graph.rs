//! The graph of which file needs which, and its circles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::tree::{Target, Tree};

/// One file needs another's item.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: PathBuf,
    pub(super) to: PathBuf,
    /// The item's path or name, as it is written.
    pub(super) item: String,
    pub(super) line: usize,
}

/// Every use of another file's item, once for each pair of files and each item.
pub(super) fn edges(tree: &Tree) -> Vec<Edge> {
    let mut edges = BTreeMap::new();
    for (from, node) in tree.nodes.iter().enumerate() {
        let mut add = |target: Option<Target>, item: String, line: usize| {
            if let Some(Target::Item(to)) = target
                && tree.nodes[to].file != node.file
            {
                edges.entry((node.file.clone(), tree.nodes[to].file.clone(), item)).or_insert(line);
            }
        };
        // Names that a `use` of this file leads to an item count once, there.
        let mut counted = BTreeSet::new();
        for import in node.module.imports.iter().filter(|import| import.name.is_some()) {
            let target = tree.resolve(from, &import.path);
            // What a parent re-exports it does not need, unless it names it.
            let passed_on =
                import.public && matches!(target, Some(Target::Item(to)) if tree.is_below(to, from));
            if !passed_on {
                add(target, import.path.join("::"), import.line);
                counted.extend(import.name.as_deref().filter(|_| matches!(target, Some(Target::Item(_)))));
            }
        }
        for (path, line) in node.module.paths.iter().filter(|(path, _)| !counted.contains(path[0].as_str())) {
            add(tree.resolve(from, path), path.join("::"), *line);
        }
        for word in node.module.words.iter().filter(|word| !counted.contains(word.name.as_str())) {
            let target = tree.resolve_name(from, &word.name).or_else(|| {
                let above = word.called_macro.then(|| tree.macro_above(from, &word.name)).flatten();
                above.map(Target::Item)
            });
            add(target, word.name.clone(), word.line);
        }
    }
    let edges = edges.into_iter();
    edges.map(|((from, to, item), line)| Edge { from, to, item, line }).collect()
}

/// The sets of files of which each needs every other, at first hand or through others, with more than one file.
pub(super) fn circles(edges: &[Edge]) -> Vec<BTreeSet<&PathBuf>> {
    let mut direct: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> = BTreeMap::new();
    for edge in edges {
        direct.entry(&edge.from).or_default().insert(&edge.to);
    }
    let reached = |from| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            open.extend(direct.get(file).into_iter().flatten().filter(|next| reached.insert(**next)));
        }
        reached
    };
    let reached: BTreeMap<_, _> = direct.keys().map(|file| (*file, reached(*file))).collect();
    let mut circles = Vec::new();
    let mut done = BTreeSet::new();
    for (file, reachable) in &reached {
        if done.contains(file) || !reachable.contains(file) {
            continue;
        }
        let back =
            |other: &&&PathBuf| reached.get(**other).is_some_and(|from_there| from_there.contains(file));
        let circle: BTreeSet<&PathBuf> = reachable.iter().filter(back).copied().collect();
        done.extend(circle.iter().copied());
        circles.push(circle);
    }
    circles
}
