//! Checksummed formats around what is fuzzed: a fuzzer guesses no checksum.

use std::io::{Read, Write};

use flate2::read::DeflateDecoder;
use rawzip::ZipArchiveWriter;

/// Bytes that are unpacked to know their checksum.
const MOST_UNPACKED: u64 = 1 << 22;

/// A gzip member of a stream in deflate's format, with the checksum and length of what it unpacks to.
pub(crate) fn gzip_of_deflated(stream: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    // What is damaged later on has no right checksum.
    let _ = DeflateDecoder::new(stream).take(MOST_UNPACKED).read_to_end(&mut unpacked);
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    member.extend(stream);
    member.extend(crc32fast::hash(&unpacked).to_le_bytes());
    member.extend((unpacked.len() as u32).to_le_bytes());
    member
}

/// A gzip member that unpacks to these bytes.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

/// A zip archive of stored entries, each with its checksum.
pub(crate) fn zip<'a>(entries: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, bytes) in entries {
        let mut add = || -> Result<(), rawzip::Error> {
            let (mut entry, config) = archive.new_file(name).start()?;
            let mut writer = config.wrap(&mut entry);
            writer.write_all(bytes)?;
            let (_, descriptor) = writer.finish()?;
            entry.finish(descriptor).map(|_| ())
        };
        add().expect("a vector takes everything");
    }
    archive.finish().expect("a vector takes everything")
}

/// A record of an event file of TensorBoard.
pub(crate) fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let masked =
        |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}
