//! The modules of a crate, and where a path leads among them.

use std::path::{Path, PathBuf};

use super::parse::{Import, Module, parse};

/// The target of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A module.
    Module(usize),
    /// An item that this module defines.
    Item(usize),
}

/// The names that are being looked up, each in its module and by whether it stands inside a path: imports may go round.
type Seen = Vec<(usize, String, bool)>;

/// A module in its place.
pub(super) struct Node {
    pub(super) module: Module,
    /// Relative to the folder of the crate.
    pub(super) file: PathBuf,
    pub(super) parent: Option<usize>,
    children: Vec<(String, usize)>,
}

/// All modules below one `lib.rs` or `main.rs`; the root comes first.
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
}

impl Tree {
    /// Reads the root and every file that it declares; `read` gives the content of one, `None` where there is none.
    pub(super) fn read(root: &Path, read: &impl Fn(&Path) -> Option<String>) -> Option<Self> {
        let mut tree = Self { nodes: Vec::new() };
        let folder = root.parent()?;
        tree.add(parse(&read(root)?), root, folder, None, read);
        Some(tree)
    }

    fn add(
        &mut self,
        mut module: Module,
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
        read: &impl Fn(&Path) -> Option<String>,
    ) -> usize {
        let (id, inline, files) =
            (self.nodes.len(), std::mem::take(&mut module.inline), std::mem::take(&mut module.files));
        self.nodes.push(Node { module, file: file.to_owned(), parent, children: Vec::new() });
        for (name, module) in inline {
            let child = self.add(module, file, &folder.join(&name), Some(id), read);
            self.nodes[id].children.push((name, child));
        }
        for name in files.into_iter().filter(|name| name != "tests") {
            let below = folder.join(&name);
            let places = [folder.join(format!("{name}.rs")), below.join("mod.rs")];
            if let Some((file, source)) = places.iter().find_map(|file| Some((file, read(file)?))) {
                let child = self.add(parse(&source), file, &below, Some(id), read);
                self.nodes[id].children.push((name, child));
            }
        }
        id
    }

    /// Follows a path that is written in a module; `None` if it leads out of the crate.
    pub(super) fn resolve(&self, from: usize, path: &[String]) -> Option<Target> {
        self.follow(from, path, &mut Vec::new())
    }

    /// Follows a name that stands alone in a module.
    pub(super) fn resolve_name(&self, from: usize, name: &str) -> Option<Target> {
        self.look_up(from, name, false, &mut Vec::new())
    }

    /// The module that defines a macro which is in scope by the order of the text: the module or one above it.
    pub(super) fn macro_above(&self, from: usize, name: &str) -> Option<usize> {
        let above = std::iter::successors(self.nodes[from].parent, |&id| self.nodes[id].parent);
        above.into_iter().find(|&id| self.nodes[id].module.items.iter().any(|item| item == name))
    }

    /// `true` if a module lies below another.
    pub(super) fn is_below(&self, module: usize, above: usize) -> bool {
        std::iter::successors(self.nodes[module].parent, |&id| self.nodes[id].parent).any(|id| id == above)
    }

    fn follow(&self, from: usize, path: &[String], seen: &mut Seen) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(from),
            "super" => Target::Module(self.nodes[from].parent?),
            name => self.look_up(from, name, !rest.is_empty(), seen)?,
        };
        for (index, segment) in rest.iter().enumerate() {
            // Behind an item stand its variants and functions.
            let Target::Module(module) = target else { break };
            target = match segment.as_str() {
                "super" => Target::Module(self.nodes[module].parent?),
                // A name that a macro makes is taken to be made where it is looked for.
                name if self.declares(module, name) => {
                    self.look_up(module, name, index + 1 < rest.len(), seen)?
                }
                name => self.through_globs(module, name, seen).unwrap_or(Target::Item(module)),
            };
        }
        Some(target)
    }

    fn declares(&self, module: usize, name: &str) -> bool {
        let node = &self.nodes[module];
        node.module.items.iter().any(|item| item == name)
            || node.children.iter().any(|(child, _)| child == name)
            || node.module.imports.iter().any(|import| import.name.as_deref() == Some(name))
    }

    /// A name in the scope of a module; `inner` says that more segments follow it.
    fn look_up(&self, module: usize, name: &str, inner: bool, seen: &mut Seen) -> Option<Target> {
        let key = (module, name.to_owned(), inner);
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        let node = &self.nodes[module];
        let item = node.module.items.iter().any(|item| item == name).then_some(Target::Item(module));
        let child =
            || node.children.iter().find(|(child, _)| child == name).map(|(_, id)| Target::Module(*id));
        let by_name = |import: &&Import| import.name.as_deref() == Some(name);
        let mut imports = node.module.imports.iter().filter(by_name);
        // `pub use predict::predict`: the function where the path ends, the module inside a longer one.
        let found = if inner { child().or(item) } else { item }
            .or_else(|| imports.find_map(|import| self.follow(module, &import.path, seen)))
            .or_else(child)
            .or_else(|| self.through_globs(module, name, seen));
        seen.pop();
        found
    }

    fn through_globs(&self, module: usize, name: &str, seen: &mut Seen) -> Option<Target> {
        let globs = self.nodes[module].module.imports.iter().filter(|import| import.name.is_none());
        globs.into_iter().find_map(|glob| match self.follow(module, &glob.path, seen)? {
            Target::Module(inside) => self.look_up(inside, name, false, seen),
            Target::Item(_) => None,
        })
    }
}
