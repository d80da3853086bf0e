//! A network in several files, as Hugging Face's programs save large ones: safetensors files and an index in JSON, which says of each
//! tensor which of them it is in.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use adder_model::tensor_file::{self, Metadata};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::error::FileProblem;
use crate::{Error, Result};

/// How an index's name ends.
pub(crate) const INDEX: &str = ".safetensors.index.json";
/// The same of shards that `torch.save` wrote.
pub(crate) const BIN_INDEX: &str = ".bin.index.json";
/// The key of an index that has the places of tensors.
const PLACES: &[u8] = b"\"weight_map\"";
/// Bytes of an index. That of a network of a hundred thousand tensors has ten million.
const MOST_BYTES: usize = 64 << 20;
/// Shards of a network.
const MOST_SHARDS: usize = 1000;

/// Tensors by their names.
pub(crate) type Views<'s> = Vec<(&'s str, TensorView<'s>)>;

/// Which tensor is in which shard.
#[derive(Debug)]
pub(crate) struct Index {
    /// The names of files by those of tensors.
    places: BTreeMap<String, String>,
}

/// A shard, opened.
pub(crate) type Shard<'s> = (Metadata, SafeTensors<'s>);

impl Index {
    /// The index that a JSON text is; nothing for another text.
    pub(crate) fn of(text: &[u8]) -> Option<Result<Self, FileProblem>> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let is_index = text.windows(PLACES.len()).take(MOST_BYTES).any(|part| part == PLACES);
        is_index.then(|| Self::parse(text).map_err(FileProblem::Index))
    }

    fn parse(text: &[u8]) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        struct File {
            weight_map: Places,
        }
        if text.len() > MOST_BYTES {
            return Err(format!("it has {} bytes, where at most {MOST_BYTES} are taken", text.len()));
        }
        let File { weight_map: Places(places) } =
            serde_json::from_slice(text).map_err(|error| format!("not one of Hugging Face's: {error}"))?;
        let shards: BTreeSet<&String> = places.values().collect();
        if shards.len() > MOST_SHARDS {
            return Err(format!("it names {} files, where at most {MOST_SHARDS} are taken", shards.len()));
        }
        // A place outside the index's own folder is nobody's shard.
        if let Some(other) = shards.iter().find(|name| !is_file_name(name)) {
            return Err(format!("expected names of files beside it, found `{}`", other.escape_debug()));
        }
        if let Some(other) = shards.iter().find(|name| !name.ends_with(".safetensors")) {
            let words = format!("expected safetensors files, found `{}`", other.escape_debug());
            return Err(format!("{words}; {TOGETHER}"));
        }
        if places.is_empty() {
            return Err("it names no tensor".into());
        }
        Ok(Self { places })
    }

    /// The paths of the shards of the index at `path`, by name.
    pub(crate) fn shards(&self, path: &Path) -> Vec<PathBuf> {
        let names: BTreeSet<&String> = self.places.values().collect();
        names.into_iter().map(|name| path.with_file_name(name)).collect()
    }

    /// Every tensor from its shard, and the metadata of all; `shards` are in the order of [`shards`](Self::shards).
    ///
    /// # Errors
    /// [`FileProblem::Index`] where a shard lacks a tensor or has one that is not the index's.
    pub(crate) fn views<'s>(&'s self, shards: &'s [Shard<'s>]) -> Result<(Metadata, Views<'s>), FileProblem> {
        let names: BTreeSet<&String> = self.places.values().collect();
        let shards: BTreeMap<&String, &Shard<'_>> = names.into_iter().zip(shards).collect();
        let wrong = |name: &str, shard: &str, words: &str| {
            FileProblem::Index(format!("`{}` {words} {shard}", name.escape_debug()))
        };
        for (shard, (_, file)) in &shards {
            let foreign = file.names().into_iter().filter(|name| self.places.get(*name) != Some(shard)).min();
            if let Some(name) = foreign {
                return Err(wrong(name, shard, "should not be, and is, in"));
            }
        }
        let mut metadata = Metadata::new();
        for (more, _) in shards.values() {
            metadata.extend(more.clone());
        }
        let views = self.places.iter().map(|(name, shard)| {
            let view = shards.get(shard).and_then(|(_, file)| file.tensor(name).ok());
            Ok((name.as_str(), view.ok_or_else(|| wrong(name, shard, "should be, and is not, in"))?))
        });
        Ok((metadata, views.collect::<Result<_, FileProblem>>()?))
    }
}

/// Opens the shard at `path`.
///
/// # Errors
/// [`Error::File`].
pub(crate) fn open<'s>(path: &Path, bytes: &'s [u8]) -> Result<Shard<'s>> {
    tensor_file::open(bytes).map_err(|problem| Error::File {
        path: path.into(),
        problem: Box::new(FileProblem::Tensor { problem, advice: String::new() }),
    })
}

/// Words for a file that lacks tensors and whose name says that it is one of several; nothing for any other.
pub(crate) fn alone(path: &Path, bytes: &[u8], problem: &FileProblem) -> Option<FileProblem> {
    let lacks = matches!(
        problem,
        FileProblem::Nothing { .. }
            | FileProblem::Tensor { problem: tensor_file::TensorProblem::Missing(_), .. }
    );
    let name = path.file_name()?.to_str()?;
    let (first, number, count, ending) = numbered(name).filter(|_| lacks)?;
    if ending != "safetensors" {
        return Some(of_pickles(&format!("shard {number} of {count} of a network that torch.save wrote")));
    }
    let found = tensor_file::open(bytes).ok().map(|(_, file)| file.names().len());
    let index = path.with_file_name(format!("{first}{INDEX}"));
    let named = index.is_file().then(|| std::fs::read(&index).ok()).flatten();
    let named = named.and_then(|text| Some(Index::of(&text)?.ok()?.places.len()));
    let whole = match named {
        Some(_) => format!("{} or its folder", index.display()),
        None => format!("a folder with all of them and {first}{INDEX}"),
    };
    Some(FileProblem::Shard { number, count, expected: named, found, whole })
}

/// What to do about shards that `torch.save` wrote.
const TOGETHER: &str = "put them together in Python: torch.save({name: tensor for shard in \
    sorted(glob.glob(\"pytorch_model-*.bin\")) for name, tensor in torch.load(shard).items()}, \"model.pth\")";

/// Words for shards that `torch.save` wrote, whose index says nothing that PyTorch does not.
pub(crate) fn of_pickles(found: &str) -> FileProblem {
    FileProblem::Kind { found: found.into(), advice: TOGETHER.into() }
}

/// `model`, 1, 2 and `safetensors` of `model-00001-of-00002.safetensors`.
fn numbered(name: &str) -> Option<(&str, usize, usize, &str)> {
    let (stem, ending) = name.rsplit_once('.')?;
    let (stem, count) = stem.rsplit_once("-of-")?;
    let (first, number) = stem.rsplit_once('-')?;
    Some((first, number.parse().ok()?, count.parse().ok()?, ending))
}

/// Whether a name is that of a file in the same folder, on every system.
fn is_file_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
        && !name.contains(['/', '\\', ':', '\0'])
}

/// Names of files by names of tensors, each once.
struct Places(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Places {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Places;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of file names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Places, A::Error> {
                let mut places = BTreeMap::new();
                while let Some((name, shard)) = map.next_entry::<String, String>()? {
                    match places.entry(name) {
                        Entry::Vacant(place) => drop(place.insert(shard)),
                        Entry::Occupied(place) => {
                            let words = format!("`{}` stands there twice", place.key().escape_debug());
                            return Err(A::Error::custom(words));
                        }
                    }
                }
                Ok(Places(places))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(text: &str) -> Result<Index, String> {
        Index::of(text.as_bytes()).unwrap().map_err(|problem| problem.to_string())
    }

    #[test]
    fn an_index_names_files_beside_it_and_each_tensor_once() {
        let parsed = index(r#"{"metadata": {}, "weight_map": {"b": "2.safetensors", "a": "1.safetensors"}}"#);
        let shards = parsed.unwrap().shards(Path::new("some/model.safetensors.index.json"));
        assert_eq!(shards, ["some/1.safetensors", "some/2.safetensors"].map(PathBuf::from));
        assert!(Index::of(br#"{"architectures": ["Adder"]}"#).is_none());
        for name in ["../a.safetensors", "/a.safetensors", "a/b.safetensors", r"..\\a", "c:a", "..", ".", ""]
        {
            let said = index(&format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#)).unwrap_err();
            assert!(said.contains("expected names of files beside it"), "{name}: {said}");
        }
        for (text, words) in [
            (r#"{"weight_map": {"a": "1.safetensors", "a": "2.safetensors"}}"#, "`a` stands there twice"),
            (r#"{"weight_map": {"a": "1.bin"}}"#, "torch.load"),
            (r#"{"weight_map": {"a": 1}}"#, "not one of Hugging Face's"),
            (r#"{"weight_map": []}"#, "not one of Hugging Face's"),
            (r#"{"weight_map": {}}"#, "names no tensor"),
            (r#"{"weight_map": {"#, "not one of Hugging Face's"),
        ] {
            let said = index(text).unwrap_err();
            assert!(said.contains(words), "{text}: {said}");
        }
    }

    #[test]
    fn more_shards_than_any_network_has_are_refused() {
        let of = |count: usize| {
            let places = (0..count).map(|at| format!(r#""{at}": "{at}.safetensors""#)).collect::<Vec<_>>();
            index(&format!(r#"{{"weight_map": {{{}}}}}"#, places.join(",")))
        };
        assert_eq!(of(MOST_SHARDS).unwrap().shards(Path::new("a")).len(), MOST_SHARDS);
        assert!(of(MOST_SHARDS + 1).unwrap_err().contains("1001 files, where at most 1000"));
    }

    #[test]
    fn names_of_shards_are_read() {
        assert_eq!(numbered("model-00001-of-00002.safetensors"), Some(("model", 1, 2, "safetensors")));
        assert_eq!(numbered("pytorch_model-00002-of-00010.bin"), Some(("pytorch_model", 2, 10, "bin")));
        for name in ["model.safetensors", "model-of-2.bin", "model-a-of-2.bin", "1-of-2"] {
            assert_eq!(numbered(name), None, "{name}");
        }
    }
}
