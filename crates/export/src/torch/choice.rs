//! Which of a file's tensors are the network's: under which keys, and with what before their names.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use super::contents::{Found, Group, listed};
use super::names::COUNT;
use crate::error::FileProblem;

/// What wrappers of modules put into the middle of names: PyTorch's compiler, and its ways of sharding and of recomputing.
const WRAPPERS: [&str; 4] =
    ["_orig_mod", "_fsdp_wrapped_module", "_fpw_module", "_checkpoint_wrapped_module"];

/// Networks in a file that are told apart.
const MOST_WAYS: usize = 16;

/// The tensors of the network by the names that it has for them.
pub(crate) struct Chosen<'a> {
    pub(crate) tensors: BTreeMap<String, Found<'a>>,
    /// What was done to find them, for people.
    pub(crate) notes: Vec<String>,
    /// How many of the names were there.
    pub(crate) matched: usize,
}

/// A way to the names: a group, what stands before its names, and whether wrappers are taken out of them.
#[derive(Clone)]
struct Way {
    group: usize,
    prefix: String,
    unwrapped: bool,
    matched: usize,
}

/// The tensors that have the names of `expected` under one common prefix; with `key`, those under this one. Nothing where no name
/// is there at all.
///
/// # Errors
/// [`FileProblem::Several`] where more than one network is there, [`FileProblem::Key`] where the key leads to none.
pub(crate) fn choose<'a>(
    groups: &[Group<'a>],
    expected: &[String],
    key: Option<&str>,
) -> Result<Option<Chosen<'a>>, FileProblem> {
    let mut ways = ways(groups, expected, false);
    if !ways.iter().any(|way| way.matched == expected.len()) {
        ways.extend(self::ways(groups, expected, true));
    }
    let label = |way: &Way| label(&groups[way.group], &way.prefix);
    if let Some(key) = key {
        let keys = labels(ways.iter().map(label));
        ways.retain(|way| label(way) == key || groups[way.group].path.join(".") == key);
        if ways.is_empty() {
            return Err(FileProblem::Key { key: key.into(), keys });
        }
    }
    // A stable sort: of ways with as many names the first one stays the first.
    ways.sort_by_key(|way| std::cmp::Reverse(way.matched));
    let Some(best) = ways.first().cloned() else { return Ok(None) };
    let chosen = taken(&groups[best.group], &best);
    let equal = ways
        .iter()
        .skip(1)
        .filter(|way| way.matched == best.matched && best.matched == expected.len())
        .take(MOST_WAYS);
    let others: Vec<&Way> =
        equal.filter(|way| differ(&chosen, &taken(&groups[way.group], way), expected)).collect();
    if !others.is_empty() {
        let keys = labels(std::iter::once(&best).chain(others).map(label));
        return Err(FileProblem::Several { keys });
    }
    Ok(Some(chosen))
}

/// Every prefix that any name is found behind.
fn ways(groups: &[Group<'_>], expected: &[String], unwrapped: bool) -> Vec<Way> {
    let mut ways = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let mut prefixes: HashMap<String, usize> = HashMap::new();
        for (name, _) in &group.tensors {
            let name = if unwrapped { without_wrappers(name) } else { Cow::Borrowed(name.as_ref()) };
            for expected in expected {
                if let Some(prefix) = name.strip_suffix(expected.as_str())
                    && (prefix.is_empty() || prefix.ends_with('.'))
                {
                    *prefixes.entry(prefix.to_owned()).or_default() += 1;
                }
            }
        }
        let found =
            prefixes.into_iter().map(|(prefix, matched)| Way { group: number, prefix, unwrapped, matched });
        let mut found: Vec<Way> = found.collect();
        found.sort_by(|one, other| {
            one.prefix.len().cmp(&other.prefix.len()).then(one.prefix.cmp(&other.prefix))
        });
        ways.extend(found);
    }
    ways
}

fn without_wrappers(name: &str) -> Cow<'_, str> {
    if !WRAPPERS.iter().any(|wrapper| name.contains(wrapper)) {
        return Cow::Borrowed(name);
    }
    let parts: Vec<&str> = name.split('.').filter(|part| !WRAPPERS.contains(part)).collect();
    Cow::Owned(parts.join("."))
}

/// The text for `--key` that leads to tensors: the keys and the prefix, or a point for the top.
fn label(group: &Group<'_>, prefix: &str) -> String {
    let mut parts: Vec<&str> = group.path.iter().map(Cow::as_ref).collect();
    let prefix = prefix.trim_end_matches('.');
    if !prefix.is_empty() {
        parts.push(prefix);
    }
    if parts.is_empty() { ".".into() } else { parts.join(".") }
}

fn labels(labels: impl Iterator<Item = String>) -> Vec<String> {
    let mut unique: Vec<String> = Vec::new();
    for label in labels {
        if !unique.contains(&label) {
            unique.push(label);
        }
    }
    unique
}

/// Whether two choices are not the same values in the same places of the file.
fn differ(one: &Chosen<'_>, other: &Chosen<'_>, expected: &[String]) -> bool {
    expected.iter().any(|name| one.tensors.get(name) != other.tensors.get(name))
}

/// A group's tensors as the network names them. Behind a prefix, what stands outside of it is another's.
fn taken<'a>(group: &Group<'a>, way: &Way) -> Chosen<'a> {
    let mut notes = Vec::new();
    if let Some(class) = &group.module {
        let class = class.escape_debug();
        notes.push(format!("took the tensors of a whole module, `{class}`, of which no code was run"));
    }
    if !group.path.is_empty() {
        let keys = group.path.iter().map(|key| match key.as_ref() {
            "" => "''".into(),
            key => key.escape_debug().to_string(),
        });
        notes.push(format!("took `{}`", keys.collect::<Vec<_>>().join(".")));
    }
    if !way.prefix.is_empty() {
        notes.push(format!("removed the prefix `{}`", way.prefix.escape_debug()));
    }
    let mut tensors = BTreeMap::new();
    let mut outside = Vec::new();
    let mut wrappers: Vec<&str> = Vec::new();
    for (name, tensor) in &group.tensors {
        let plain = if way.unwrapped { without_wrappers(name) } else { Cow::Borrowed(name.as_ref()) };
        let Some(rest) = plain.strip_prefix(way.prefix.as_str()) else {
            outside.push(name.as_ref());
            continue;
        };
        wrappers.extend(WRAPPERS.into_iter().filter(|wrapper| way.unwrapped && name.contains(wrapper)));
        if rest.rsplit('.').next() != Some(COUNT) {
            tensors.insert(rest.to_owned(), tensor.clone());
        }
    }
    wrappers.sort_unstable();
    wrappers.dedup();
    notes.extend(wrappers.iter().map(|wrapper| format!("removed `{wrapper}.` from the names")));
    let averages = outside.extract_if(.., |name| *name == "n_averaged").next().is_some();
    if averages {
        notes.push("left out `n_averaged`, the number of networks that were averaged".into());
    }
    if !outside.is_empty() {
        let names = listed(outside.iter().copied());
        notes.push(format!("left out {names}: not behind the prefix"));
    }
    if !group.others.is_empty() {
        let names = listed(group.others.iter().map(Cow::as_ref));
        notes.push(format!("left out {names}: no tensors"));
    }
    Chosen { tensors, notes, matched: way.matched }
}
