//! Launches of kernels, as data: what a device runs, and what a captured graph is made of.

use crate::memory::Region;

/// An argument, a member of the struct that a kernel takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Argument {
    /// The address of a word of the memory; nothing for none.
    Pointer(Option<usize>),
    Word(u32),
}

/// A kernel with its grid and arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The kernel's name in its source.
    pub kernel: &'static str,
    /// Blocks of threads.
    pub blocks: u32,
    /// Threads of a block, whole warps.
    pub threads: u32,
    /// Bytes of memory that a block's threads share, beside what the kernel itself declares.
    pub shared_bytes: u32,
    arguments: Vec<Argument>,
}

/// Arguments as the kernel reads them: the bytes of its struct, pointers as offsets into the memory in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The struct.
    pub bytes: Vec<u8>,
    /// Where in it the address of the memory is to be added, 8 bytes each.
    pub pointers: Vec<usize>,
}

impl Launch {
    pub(crate) fn new(kernel: &'static str, blocks: usize, threads: u32) -> Self {
        // A layout has fewer than 2^31 words, and a block works on one of them at least.
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
        Self { kernel, blocks, threads, shared_bytes: 0, arguments: Vec::new() }
    }

    /// A launch of one thread for each of `count` elements.
    pub(crate) fn for_each(kernel: &'static str, count: usize) -> Self {
        const THREADS: u32 = 256;
        Self::new(kernel, count.div_ceil(THREADS as usize), THREADS)
    }

    pub(crate) fn shared(mut self, words: usize) -> Self {
        self.shared_bytes = (words * 4) as u32;
        self
    }

    pub(crate) fn pointer(mut self, region: Region) -> Self {
        self.arguments.push(Argument::Pointer(Some(region.start)));
        self
    }

    pub(crate) fn pointer_or_null(mut self, region: Option<Region>) -> Self {
        self.arguments.push(Argument::Pointer(region.map(|region| region.start)));
        self
    }

    pub(crate) fn word(mut self, value: usize) -> Self {
        self.arguments.push(Argument::Word(value as u32));
        self
    }

    pub(crate) fn float(mut self, value: f32) -> Self {
        self.arguments.push(Argument::Word(value.to_bits()));
        self
    }

    /// The members that a value is passed as.
    pub(crate) fn with(self, value: impl FnOnce(Self) -> Self) -> Self {
        value(self)
    }

    /// The arguments as the kernel reads them.
    pub fn encode(&self) -> Encoded {
        let (mut bytes, mut pointers) = (Vec::new(), Vec::new());
        for argument in &self.arguments {
            match argument {
                Argument::Word(word) => bytes.extend(word.to_ne_bytes()),
                Argument::Pointer(place) => {
                    bytes.resize(bytes.len().next_multiple_of(8), 0);
                    if place.is_some() {
                        pointers.push(bytes.len());
                    }
                    bytes.extend((place.unwrap_or(0) as u64 * 4).to_ne_bytes());
                }
            }
        }
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        Encoded { bytes, pointers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_lie_as_in_c() {
        let region = |start| Region { start, len: 4 };
        let launch = Launch::new("a", 1, 32).word(7).pointer(region(3)).pointer_or_null(None).float(1.0);
        let Encoded { bytes, pointers } = launch.encode();
        assert_eq!(pointers, [8]);
        let words: Vec<u32> =
            bytes.as_chunks::<4>().0.iter().map(|bytes| u32::from_ne_bytes(*bytes)).collect();
        assert_eq!(words.len(), 8);
        assert_eq!((words[0], words[6]), (7, 1f32.to_bits()));
        assert_eq!(u64::from_ne_bytes(bytes[8..16].try_into().unwrap()), 12);
        assert_eq!(bytes[16..24], [0; 8]);
    }
}
