//! A pickle's bytes, taken from the front; what a length says is held to what is there.

/// A pickle that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// The byte at which it went wrong.
    pub(crate) position: usize,
    pub(crate) reason: String,
}

pub(super) type Result<T> = std::result::Result<T, Malformed>;

#[derive(Debug)]
pub(super) struct Cursor<'a> {
    input: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self { input, position: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> Malformed {
        Malformed { position: self.position, reason: reason.into() }
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let rest = &self.input[self.position..];
        let Some(taken) = rest.get(..length) else {
            return Err(self.malformed(format!("{length} bytes are announced, {} are left", rest.len())));
        };
        self.position += length;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// Bytes behind their length, little-endian in so many bytes.
    pub(super) fn counted(&mut self, width: usize) -> Result<&'a [u8]> {
        let mut length = [0; 8];
        length[..width].copy_from_slice(self.take(width)?);
        let length = u64::from_le_bytes(length);
        let length = usize::try_from(length).map_err(|_| self.malformed("a length of 2^64 or more"))?;
        self.take(length)
    }

    /// The text up to the end of the line.
    pub(super) fn line(&mut self) -> Result<&'a str> {
        let rest = &self.input[self.position..];
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(self.malformed("a line without an end"));
        };
        let line = std::str::from_utf8(&rest[..length]).map_err(|_| self.malformed("a name that is no text"));
        self.position += length + 1;
        line
    }

    /// A number written out on a line.
    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Result<T> {
        let line = self.line()?;
        line.parse().map_err(|_| self.malformed(format!("`{}` is no number", line.escape_debug())))
    }
}
