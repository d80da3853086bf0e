//! The bytes behind a file's tensors.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::archive::Archive;
use super::tensor::{Content, Tensor};
use crate::error::FileProblem;

/// What the storages of a file lie in.
pub(crate) enum Storages<'a> {
    /// Tensors have their bytes with them.
    None,
    Legacy(BTreeMap<&'a str, &'a [u8]>),
    Zip(ZipStorages<'a>),
}

/// Storages as entries of an archive, each read and held to its checksum once.
pub(crate) struct ZipStorages<'a> {
    pub(crate) archive: Archive<'a>,
    /// The folder in the archive, with its slash.
    pub(crate) folder: String,
    /// Whether elements have their bytes in the order of big-endian machines.
    pub(crate) big_endian: bool,
    pub(crate) read: RefCell<BTreeMap<String, Rc<Cow<'a, [u8]>>>>,
}

impl Storages<'_> {
    /// The values of a tensor, in the order of its axes; its element type is one that has values.
    ///
    /// # Errors
    /// Where its elements are not all there, or the archive is damaged.
    pub(crate) fn values(&self, name: &str, tensor: &Tensor<'_>) -> Result<Vec<f32>, FileProblem> {
        let reach = tensor.reach().unwrap_or(usize::MAX);
        let in_bytes = |bytes: &[u8], big_endian| {
            let values = tensor.values(bytes, big_endian);
            values.ok_or(FileProblem::Storage { name: name.into(), expected: reach, found: bytes.len() })
        };
        match (&tensor.content, self) {
            (Content::Bytes(bytes), _) => in_bytes(bytes, false),
            (Content::Latin1(text), _) => {
                // Of the characters only as many as the tensor has bytes: the same text may stand in many places.
                let bytes = text.chars().take(reach).map(|letter| u8::try_from(letter).unwrap_or_default());
                in_bytes(&bytes.collect::<Vec<u8>>(), false)
            }
            (Content::Storage(key), Storages::Legacy(storages)) => {
                in_bytes(storages.get(key).copied().unwrap_or_default(), false)
            }
            (Content::Storage(key), Storages::Zip(storages)) => {
                in_bytes(storages.read(key)?.as_ref(), storages.big_endian)
            }
            (Content::Storage(_), Storages::None) => in_bytes(&[], false),
        }
    }
}

impl<'a> ZipStorages<'a> {
    fn read(&self, key: &str) -> Result<Rc<Cow<'a, [u8]>>, FileProblem> {
        let name = format!("{}data/{key}", self.folder);
        if let Some(bytes) = self.read.borrow().get(&name) {
            return Ok(bytes.clone());
        }
        let missing = || FileProblem::Archive(format!("`{}` is not in it", name.escape_debug()));
        let bytes = Rc::new(self.archive.read(&name)?.ok_or_else(missing)?);
        self.read.borrow_mut().insert(name, bytes.clone());
        Ok(bytes)
    }
}
