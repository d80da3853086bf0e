//! Where in a file tensors are: every dictionary of them, and every module.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

use super::pickle::{Heap, Node, Value};
use super::rebuild;
use super::tensor::{Tensor, Unreadable};

/// Names longer than this are none: the longest in use have some hundred characters.
const MOST_NAME: usize = 512;
/// Containers in one another.
const MOST_LEVELS: usize = 32;
/// Values that are looked at in all.
const MOST_LOOKS: usize = 1 << 21;
/// Tensors in dictionaries and lists, one that stands in many places counted in each.
const MOST_TENSORS: usize = 1 << 18;
/// Attributes of a module.
const MOST_ATTRIBUTES: usize = 512;
/// Bytes of all the names that modules in one another give.
const MOST_NAMES: usize = 16 << 20;

/// A tensor, or what stands in its place.
pub(crate) type Found<'a> = Result<Tensor<'a>, Unreadable>;

/// A group of tensors that may be a network's.
#[derive(Default)]
pub(crate) struct Group<'a> {
    /// The keys that lead to it.
    pub(crate) path: Vec<Cow<'a, str>>,
    /// The class of the module that they are of; nothing for a dictionary.
    pub(crate) module: Option<String>,
    pub(crate) tensors: Vec<(Cow<'a, str>, Found<'a>)>,
    /// What a dictionary of tensors holds beside them.
    pub(crate) others: Vec<Cow<'a, str>>,
}

/// A value to be looked at, with its way from the top: the place that it was reached from and its key there.
struct Place<'a> {
    value: Value,
    parent: Option<usize>,
    key: Cow<'a, str>,
    level: usize,
}

/// Every group of a pickle, those at the top first; one that is reached in several ways once.
pub(crate) fn groups<'a>(heap: &Heap<'a>, root: Value) -> Vec<Group<'a>> {
    let mut search =
        Search { heap, places: Vec::new(), seen: HashSet::new(), names: 0, looks: 0, tensors: 0 };
    search.open(root, None, "".into(), 0);
    let mut groups = Vec::new();
    let mut here = 0;
    while here < search.places.len() && search.looks < MOST_LOOKS {
        let group = search.look(here);
        if !group.tensors.is_empty() {
            groups.push(group);
        }
        here += 1;
    }
    groups
}

/// A search through containers, the nearest to the top first. It looks at each once.
struct Search<'h, 'a> {
    heap: &'h Heap<'a>,
    places: Vec<Place<'a>>,
    seen: HashSet<u32>,
    /// Bytes of the names in modules.
    names: usize,
    /// Values that were looked at.
    looks: usize,
    /// Tensors that were found.
    tensors: usize,
}

impl<'a> Search<'_, 'a> {
    fn open(&mut self, value: Value, parent: Option<usize>, key: Cow<'a, str>, level: usize) {
        if let Value::Node(number) = value
            && level <= MOST_LEVELS
            && self.seen.insert(number)
        {
            self.places.push(Place { value, parent, key, level });
        }
    }

    /// The tensors at a place; containers there are put behind all others.
    fn look(&mut self, here: usize) -> Group<'a> {
        let heap = self.heap;
        let Place { value, parent, ref key, level } = self.places[here];
        let key = key.clone();
        let mut group = Group { path: path(&self.places, here), ..Group::default() };
        if let Some(class) = module(heap, value) {
            group.module = Some(class);
            group.tensors = of_module(heap, value, &mut self.names);
            self.looks += group.tensors.len();
            return group;
        }
        let children = children(heap, value);
        self.looks += children.len() + 1;
        for (key, value) in children {
            match rebuild::tensor(heap, value) {
                Some(tensor) => {
                    group.tensors.push((key, tensor));
                    self.tensors += 1;
                    if self.tensors == MOST_TENSORS {
                        self.looks = MOST_LOOKS;
                        break;
                    }
                }
                None => {
                    group.others.push(key.clone());
                    self.open(value, Some(here), key, level + 1);
                }
            }
        }
        // The attributes of an object that is no dictionary stand where it does.
        if let Some(object) = heap.object(value) {
            self.open(object.state, parent, key, level);
        }
        group
    }
}

fn path<'a>(places: &[Place<'a>], mut at: usize) -> Vec<Cow<'a, str>> {
    let mut path = Vec::new();
    while let Some(parent) = places[at].parent {
        path.push(places[at].key.clone());
        at = parent;
    }
    path.reverse();
    path
}

/// What a container or an object holds, with its keys.
fn children<'a>(heap: &Heap<'a>, value: Value) -> Vec<(Cow<'a, str>, Value)> {
    if let Some(pairs) = heap.pairs(value) {
        return pairs.iter().filter_map(|&(key, value)| Some((name(heap, key)?, value))).collect();
    }
    match heap.node(value) {
        Some(Node::Sequence(elements)) => {
            let nodes = elements.iter().enumerate().filter(|(_, element)| matches!(element, Value::Node(_)));
            nodes.map(|(number, &element)| (number.to_string().into(), element)).collect()
        }
        Some(Node::Object(object)) => match heap.pairs(object.state) {
            Some(pairs) => pairs.iter().filter_map(|&(key, value)| Some((name(heap, key)?, value))).collect(),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn name<'a>(heap: &Heap<'a>, key: Value) -> Option<Cow<'a, str>> {
    match key {
        Value::Integer(number) => Some(number.to_string().into()),
        _ => heap.text(key).filter(|name| name.len() <= MOST_NAME).map(Cow::Borrowed),
    }
}

/// The class of a module with its parameters in it, of `torch.nn` or of TorchScript.
pub(crate) fn module(heap: &Heap<'_>, value: Value) -> Option<String> {
    let object = heap.object(value)?;
    let class = heap.class_name(object.class)?;
    let attributes = heap.pairs(object.state).map_or(0, |attributes| attributes.len());
    let has_parts =
        || heap.get(object.state, "_parameters").is_some() && heap.get(object.state, "_modules").is_some();
    (is_script(&class) || attributes <= MOST_ATTRIBUTES && has_parts()).then_some(class)
}

fn is_script(class: &str) -> bool {
    class.starts_with("__torch__.")
}

/// The tensors of a module and of those in it, under the names of its `state_dict`.
fn of_module<'a>(heap: &Heap<'a>, value: Value, names: &mut usize) -> Vec<(Cow<'a, str>, Found<'a>)> {
    let mut tensors = Vec::new();
    let mut seen = HashSet::new();
    let mut open = VecDeque::from([(value, String::new(), 0)]);
    while let Some((value, prefix, level)) = open.pop_front() {
        let Value::Node(number) = value else { continue };
        if !seen.insert(number) || level > MOST_LEVELS || *names > MOST_NAMES {
            continue;
        }
        let Some(state) = heap.object(value).map(|object| object.state) else { continue };
        let part = |part| heap.get(state, part).and_then(|part| heap.pairs(part)).unwrap_or_default();
        let script = heap
            .object(value)
            .and_then(|object| heap.class_name(object.class))
            .is_some_and(|class| is_script(&class));
        let parts = match script {
            true => heap.pairs(state).unwrap_or_default(),
            false => ["_parameters", "_buffers", "_modules"].map(part).concat().into(),
        };
        for &(key, value) in parts.iter() {
            *names += 1;
            let Some(key) = name(heap, key) else { continue };
            *names += prefix.len() + key.len();
            if *names > MOST_NAMES {
                return tensors;
            }
            match rebuild::tensor(heap, value) {
                Some(tensor) => tensors.push((format!("{prefix}{key}").into(), tensor)),
                None => open.push_back((value, format!("{prefix}{key}."), level + 1)),
            }
        }
    }
    tensors
}

/// What was saved, in words.
pub(crate) fn describe(heap: &Heap<'_>, root: Value, groups: &[Group<'_>]) -> String {
    let all: usize = groups.iter().map(|group| group.tensors.len()).sum();
    if let Some(class) = module(heap, root) {
        let kind = if is_script(&class) { "a TorchScript module" } else { "a whole module" };
        return format!("{kind}, `{}`, with {all} tensors", class.escape_debug());
    }
    match rebuild::tensor(heap, root) {
        Some(Ok(tensor)) => return format!("a single tensor, {}", tensor.describe()),
        Some(Err(what)) => return what,
        None => {}
    }
    let top = children(heap, root);
    let tensors = groups.first().filter(|group| group.path.is_empty()).map_or(0, |group| group.tensors.len());
    match heap.node(root) {
        Some(Node::Dict(_)) => {}
        Some(Node::Object(object))
            if heap.is_class(object.class, "collections", &["OrderedDict", "defaultdict"]) => {}
        Some(Node::Object(object)) => {
            let class = heap.class_name(object.class).unwrap_or_else(|| "?".into());
            return format!("an object of the class `{}`, with {all} tensors", class.escape_debug());
        }
        Some(Node::Sequence(elements)) => {
            return format!("a list of {} things, {tensors} of them tensors without names", elements.len());
        }
        _ => return "no tensors".into(),
    }
    if top.is_empty() {
        return "an empty dictionary".into();
    }
    format!(
        "a dictionary with the keys {}; {tensors} tensors at its top, {all} in all",
        listed(top.iter().map(|(key, _)| key.as_ref()))
    )
}

/// The first few of several names, and how many more.
pub(crate) fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const MOST: usize = 6;
    let names: Vec<&str> = names.collect();
    let first: Vec<String> =
        names.iter().take(MOST).map(|name| format!("`{}`", name.escape_debug())).collect();
    match names.len().checked_sub(MOST) {
        None | Some(0) => first.join(", "),
        Some(more) => format!("{} and {more} more", first.join(", ")),
    }
}
