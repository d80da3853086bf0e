//! PyTorch's format before 1.6, which `_use_new_zipfile_serialization=False` still writes: five pickles, and behind them
//! the storages.

use std::collections::BTreeMap;

use super::element::Element;
use super::pickle::{self, Heap, Node, Value};
use crate::error::FileProblem;

/// The version of the format.
const VERSION: i64 = 1001;

/// What such a file holds.
pub(crate) struct Legacy<'a> {
    pub(crate) heap: Heap<'a>,
    /// What was saved.
    pub(crate) root: Value,
    /// The bytes of the storages by their names, little-endian.
    pub(crate) storages: BTreeMap<&'a str, &'a [u8]>,
}

/// Reads a file whose first pickle is PyTorch's mark, and whose pickles have at most `pickles` bytes in all.
///
/// # Errors
/// [`FileProblem::Pickle`].
pub(crate) fn read(file: &[u8], pickles: usize) -> Result<Legacy<'_>, FileProblem> {
    let mut position = 0;
    let program = &file[..file.len().min(pickles)];
    let mut next = || {
        let (heap, value, length) = pickle::read(&program[position..]).map_err(|error| {
            FileProblem::Pickle { position: position + error.position, reason: error.reason }
        })?;
        position += length;
        Ok::<_, FileProblem>((heap, value))
    };
    next()?; // The mark.
    let (_, version) = next()?;
    if version != Value::Integer(VERSION) {
        let reason = format!("expected the version {VERSION} of the format, found {version:?}");
        return Err(FileProblem::Pickle { position, reason });
    }
    next()?; // The sizes of C's types where it was written, which the storages don't depend on.
    let (heap, root) = next()?;
    let (keys, list) = next()?;
    let keys: Vec<&str> =
        keys.sequence(list).unwrap_or_default().iter().filter_map(|&key| keys.text(key)).collect();
    let storages = storages(file, position, &keys, &elements(&heap))?;
    Ok(Legacy { heap, root, storages })
}

/// The element type of every storage that a pickle names.
fn elements<'a>(heap: &Heap<'a>) -> BTreeMap<&'a str, Element> {
    let named = |node: &Node<'a>| {
        let Node::Persistent(name) = node else { return None };
        let parts = heap.sequence(*name)?;
        let Some(Node::Global { name: class, .. }) = heap.node(*parts.get(1)?) else { return None };
        Some((heap.text(*parts.get(2)?)?, Element::of_storage(class)))
    };
    heap.nodes().iter().filter_map(named).collect()
}

/// `keys` in turn, each with its number of elements before it.
fn storages<'a>(
    file: &'a [u8],
    mut position: usize,
    keys: &[&'a str],
    elements: &BTreeMap<&str, Element>,
) -> Result<BTreeMap<&'a str, &'a [u8]>, FileProblem> {
    let mut storages = BTreeMap::new();
    for &key in keys {
        let wrong = |reason: &str| FileProblem::Pickle {
            position,
            reason: format!("storage `{}` {reason}", key.escape_debug()),
        };
        let Some(element) = elements.get(key).filter(|element| element.bytes > 0) else {
            return Err(wrong("is of a type that is not known"));
        };
        let rest = &file[position..];
        let count = rest.first_chunk::<8>().ok_or_else(|| wrong("is cut off"))?;
        let length = usize::try_from(u64::from_le_bytes(*count)).ok();
        let length = length.and_then(|count| count.checked_mul(element.bytes));
        let bytes = length.and_then(|length| rest[8..].get(..length)).ok_or_else(|| wrong("is cut off"))?;
        storages.insert(key, bytes);
        position += 8 + bytes.len();
    }
    Ok(storages)
}
