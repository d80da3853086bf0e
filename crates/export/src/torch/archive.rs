//! The zip archive of a PyTorch file: entries by name, each held to its checksum.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::io::Read;

use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};

use crate::error::FileProblem;

/// Entries of an archive. PyTorch has one for each storage.
const MOST_ENTRIES: usize = 1 << 20;
/// Bytes that compressed entries may have in all, whatever the file's length; PyTorch compresses nothing, but who packs a file
/// again does.
const MOST_UNPACKED: usize = 64 << 20;
/// The same, for each byte of the file.
const MOST_RATIO: usize = 16;

pub(crate) struct Archive<'a> {
    file: &'a [u8],
    zip: ZipSliceArchive<&'a [u8]>,
    entries: BTreeMap<String, Entry>,
    /// No entry has a checksum: so does `torch.serialization.set_crc32_options(False)`.
    without_checksums: bool,
    /// What compressed entries may still take.
    budget: Cell<usize>,
}

struct Entry {
    place: ZipArchiveEntryWayfinder,
    checksum: u32,
    method: CompressionMethod,
    encrypted: bool,
    twice: bool,
}

impl<'a> Archive<'a> {
    /// The entries of an archive.
    ///
    /// # Errors
    /// [`FileProblem::Archive`].
    pub(crate) fn open(file: &'a [u8]) -> Result<Self, FileProblem> {
        let damaged = |error: rawzip::Error| {
            match error.kind() {
            rawzip::ErrorKind::MissingEndOfCentralDirectory | rawzip::ErrorKind::Eof => FileProblem::Archive(
                "its end is missing, as where a download or a copy was cut off; get the file again".into(),
            ),
            rawzip::ErrorKind::InvalidSignature { .. } => FileProblem::Archive(
                "its list of entries is not where its end says, as where a copy lost bytes or something stands before it; \
                 get the file again"
                    .into(),
            ),
            kind => FileProblem::Archive(kind.to_string()),
        }
        };
        let zip = ZipArchive::from_slice(file).map_err(damaged)?;
        let mut entries = BTreeMap::new();
        let mut records = zip.entries();
        while let Some(record) = records.next_entry().map_err(damaged)? {
            if entries.len() == MOST_ENTRIES {
                return Err(FileProblem::Archive(format!("more than {MOST_ENTRIES} entries are in it")));
            }
            let name = String::from_utf8_lossy(record.file_path().as_bytes()).into_owned();
            let entry = Entry {
                place: record.wayfinder(),
                checksum: record.crc32(),
                method: record.compression_method(),
                encrypted: record.flags().is_encrypted(),
                twice: false,
            };
            match entries.entry(name) {
                Place::Vacant(place) => drop(place.insert(entry)),
                Place::Occupied(mut place) => place.get_mut().twice = true,
            }
        }
        let without_checksums = entries.values().all(|entry| entry.checksum == 0);
        let budget = Cell::new(file.len().saturating_mul(MOST_RATIO).saturating_add(MOST_UNPACKED));
        Ok(Self { file, zip, entries, without_checksums, budget })
    }

    /// The names of all entries, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether the bytes cannot be held to checksums, for there are none.
    pub(crate) fn without_checksums(&self) -> bool {
        self.without_checksums
    }

    /// The bytes of an entry; nothing where there is none of this name.
    ///
    /// # Errors
    /// [`FileProblem::Archive`] and [`FileProblem::Checksum`] where they are not what was written.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Cow<'a, [u8]>>, FileProblem> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        let wrong = |reason: &str| FileProblem::Archive(format!("`{}` {reason}", name.escape_debug()));
        if entry.twice {
            return Err(wrong("is in it twice"));
        }
        if entry.encrypted {
            return Err(wrong("is encrypted"));
        }
        let found =
            self.zip.get_entry(entry.place).map_err(|error| wrong(&format!("is not there ({error})")))?;
        let (start, end) = found.compressed_data_range();
        let packed = usize::try_from(start)
            .ok()
            .zip(usize::try_from(end).ok())
            .and_then(|(start, end)| self.file.get(start..end));
        let packed = packed.ok_or_else(|| wrong("is not there"))?;
        let announced = entry.place.uncompressed_size_hint();
        let bytes = match entry.method {
            CompressionMethod::STORE => Cow::Borrowed(packed),
            CompressionMethod::DEFLATE => {
                Cow::Owned(self.unpack(packed, announced).map_err(|reason| wrong(&reason))?)
            }
            method => {
                let number = method.as_u16();
                return Err(wrong(&format!(
                    "is compressed by method {number}, where PyTorch compresses nothing"
                )));
            }
        };
        if bytes.len() as u64 != announced {
            return Err(wrong(&format!("has {} bytes in place of {announced}", bytes.len())));
        }
        let found = crc32fast::hash(&bytes);
        if found != entry.checksum && !self.without_checksums {
            return Err(FileProblem::Checksum { entry: name.into(), expected: entry.checksum, found });
        }
        Ok(Some(bytes))
    }

    /// Unpacks as far as the bytes go, and not beyond what was announced or is allowed.
    fn unpack(&self, packed: &[u8], announced: u64) -> Result<Vec<u8>, String> {
        let budget = self.budget.get();
        if announced > budget as u64 {
            return Err(format!("unpacks to {announced} bytes, where at most {budget} are taken"));
        }
        let mut bytes = Vec::new();
        let unpacked = flate2::read::DeflateDecoder::new(packed).take(announced + 1).read_to_end(&mut bytes);
        unpacked.map_err(|error| format!("cannot be unpacked: {error}"))?;
        self.budget.set(budget.saturating_sub(bytes.len()));
        Ok(bytes)
    }
}
