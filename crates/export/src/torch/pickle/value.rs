//! What a pickle builds: values, and a heap of those that others may share.
//!
//! Nothing holds anything but numbers into the heap, so however deep or circular a pickle's objects are, nothing here recurses
//! over them, not even when they are dropped.

use std::borrow::Cow;
use std::cell::Cell;

/// Files within a pickle that are read: one for each storage where Python's own pickler wrote it.
pub(super) const MOST_WITHIN: usize = 1 << 16;

/// A value: small ones themselves, others by their place on the [`Heap`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    None,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Node(u32),
}

/// A value that others may share. Texts and bytes stay where they lie in the file.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A list, a tuple or a set.
    Sequence(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A class or a function, by its name.
    Global {
        module: &'a str,
        name: &'a str,
    },
    /// What calling a class or a function would have given. It is not called.
    Object(Box<Object>),
    /// A thing outside the pickle, by what names it: a storage.
    Persistent(Value),
    /// An integer of more than 64 bits.
    LargeInteger,
}

/// A call that is not made, and what would be done to its result.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) class: Value,
    pub(crate) arguments: Value,
    pub(crate) state: Value,
    pub(crate) items: Vec<(Value, Value)>,
    pub(crate) elements: Vec<Value>,
}

/// Every node of a pickle.
#[derive(Debug, Default)]
pub(crate) struct Heap<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// Files within it that were read.
    within: Cell<usize>,
}

impl<'a> Heap<'a> {
    /// Counts a file within the pickle that is about to be read; whether it may be. One that stands in many places is read in each.
    pub(crate) fn may_read_within(&self) -> bool {
        self.within.set(self.within.get() + 1);
        self.within.get() <= MOST_WITHIN
    }

    pub(crate) fn node(&self, value: Value) -> Option<&Node<'a>> {
        match value {
            Value::Node(number) => self.nodes.get(number as usize),
            _ => None,
        }
    }

    /// All nodes, in the order in which they were made.
    pub(crate) fn nodes(&self) -> &[Node<'a>] {
        &self.nodes
    }

    pub(crate) fn text(&self, value: Value) -> Option<&'a str> {
        match self.node(value)? {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements of a list, a tuple or a set.
    pub(crate) fn sequence(&self, value: Value) -> Option<&[Value]> {
        match self.node(value)? {
            Node::Sequence(elements) => Some(elements),
            _ => None,
        }
    }

    pub(crate) fn object(&self, value: Value) -> Option<&Object> {
        match self.node(value)? {
            Node::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The pairs of a dictionary, or of an object of a class that is one.
    pub(crate) fn pairs(&self, value: Value) -> Option<Cow<'_, [(Value, Value)]>> {
        match self.node(value)? {
            Node::Dict(pairs) => Some(pairs.into()),
            Node::Object(object) if !object.items.is_empty() => Some((&object.items).into()),
            // Python 2 gave the pairs as an argument; an empty dictionary gives nothing.
            Node::Object(object) if self.is_class(object.class, "collections", &["OrderedDict"]) => {
                let [list] = self.sequence(object.arguments)? else { return Some(Cow::default()) };
                let pair = |&pair| match self.sequence(pair)? {
                    &[key, value] => Some((key, value)),
                    _ => None,
                };
                self.sequence(*list)?.iter().map(pair).collect()
            }
            _ => None,
        }
    }

    /// The value under a text of a dictionary; of several the last, as Python has it.
    pub(crate) fn get(&self, dict: Value, key: &str) -> Option<Value> {
        let pairs = self.pairs(dict)?;
        pairs.iter().rev().find(|(name, _)| self.text(*name) == Some(key)).map(|&(_, value)| value)
    }

    /// Whether a value is a class or function of one of these names, in a module or in one below it.
    pub(crate) fn is_class(&self, value: Value, within: &str, names: &[&str]) -> bool {
        match self.node(value) {
            Some(Node::Global { module, name }) => {
                let below = module.strip_prefix(within);
                below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) && names.contains(name)
            }
            _ => false,
        }
    }

    /// The full name of a class or function.
    pub(crate) fn class_name(&self, value: Value) -> Option<String> {
        match self.node(value)? {
            Node::Global { module, name } => Some(format!("{module}.{name}")),
            _ => None,
        }
    }
}
