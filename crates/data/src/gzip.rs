//! gzip data as `gzip -d` reads it, but that nothing damaged passes.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// The first bytes of gzip data.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Deflate never unpacks a byte to more than this (zlib's manual, "Maximum Compression Factor").
pub(crate) const MAX_EXPANSION: u64 = 1032;

/// Unpacks all members of a gzip file one after the other, as RFC 1952 asks, and passes over zeros behind the last (blocks of
/// tapes, some downloads), as `gzip -d` does.
///
/// Each member's checksum and length are checked when it ends. Reading fails with [`io::ErrorKind::UnexpectedEof`] where a member
/// breaks off, and with [`io::ErrorKind::InvalidData`] where it is damaged or followed by what is no gzip data.
pub(crate) struct Gunzip<R> {
    state: State<R>,
}

enum State<R> {
    /// In a member, which may just have ended.
    Member(Box<GzDecoder<R>>),
    /// Behind the last one, or behind an error.
    Ended,
}

impl<R: BufRead> Gunzip<R> {
    /// `input` must stand at the beginning of a member.
    pub(crate) fn new(input: R) -> Self {
        Self { state: State::Member(Box::new(GzDecoder::new(input))) }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let State::Member(member) = &mut self.state {
            let count = member.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            let State::Member(member) = std::mem::replace(&mut self.state, State::Ended) else { break };
            let mut input = member.into_inner();
            if has_member(&mut input)? {
                self.state = State::Member(Box::new(GzDecoder::new(input)));
            }
        }
        Ok(0)
    }
}

/// `true` if another member follows, `false` at the end, behind zeros or not.
fn has_member(input: &mut impl BufRead) -> io::Result<bool> {
    let start = input.fill_buf()?;
    match start {
        [] => return Ok(false),
        [first, ..] if *first == MAGIC[0] => return Ok(true),
        _ => {}
    }
    loop {
        let zeros = input.fill_buf()?;
        if zeros.is_empty() {
            return Ok(false);
        }
        if zeros.iter().any(|&byte| byte != 0) {
            let message = "something that is no gzip data follows the end of the stream";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = zeros.len();
        input.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        // A buffer of 7 bytes, so that headers and padding are met in pieces.
        Gunzip::new(io::BufReader::with_capacity(7, bytes)).read_to_end(&mut all)?;
        Ok(all)
    }

    #[test]
    fn members_follow_each_other_and_zeros_the_last() {
        let whole = [packed(b"one "), packed(b""), packed(b"two"), packed(b"")].concat();
        assert_eq!(unpacked(&whole).unwrap(), b"one two");
        assert_eq!(unpacked(&[&whole[..], &[0; 512]].concat()).unwrap(), b"one two");
        for behind in [&b"x"[..], b"\0\0x", b"\0\x1f\x8b"] {
            let error = unpacked(&[&whole[..], behind].concat()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
    }

    #[test]
    fn whatever_is_cut_is_an_error_but_for_whole_members() {
        let (first, second) = (packed(b"the first member"), packed(b"the second"));
        let whole = [first.clone(), second].concat();
        for length in 0..whole.len() {
            let result = unpacked(&whole[..length]);
            if length == first.len() {
                assert_eq!(result.unwrap(), b"the first member");
            } else {
                assert!(result.is_err(), "{length} of {} bytes passed", whole.len());
            }
        }
    }

    #[test]
    fn a_trailer_that_does_not_fit_is_an_error_in_every_member() {
        let members = [packed(b"the first member"), packed(b"the second")];
        let whole = members.concat();
        // A member ends with four bytes of a checksum and four of a length.
        for end in [members[0].len(), whole.len()] {
            for at in end - 8..end {
                let mut bytes = whole.clone();
                bytes[at] ^= 0x10;
                let error = unpacked(&bytes).unwrap_err();
                assert!(
                    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData),
                    "{error}"
                );
            }
        }
    }
}
