//! Deviations of one file from its format, each with what was expected and what was found.

use std::fmt;

use adder_network::counted;

use crate::items::{Items, MAX_IMAGES};
use crate::signature::Signature;

/// A deviation of a file from the format of images or labels. Lengths are in bytes, of the unpacked file where it is packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There are no bytes at all.
    #[error("the file has no bytes; was its download stopped?")]
    NoBytes,

    /// The first two bytes are not those of an IDX file.
    #[error("not an IDX file, which begins with the bytes [00, 00]: found {found}")]
    NotIdx {
        /// The kind of file that begins so.
        found: Signature,
    },

    /// The type byte is none of the format's.
    #[error("items of type 0x{found:02x}, which IDX does not have; 0x08 are unsigned bytes")]
    Type {
        /// The type byte.
        found: u8,
    },

    /// There are more dimensions than images or labels have.
    #[error("{found} dimensions instead of 1 to 4")]
    Rank {
        /// The rank byte.
        found: u8,
    },

    /// The dimensions are not those of images of 28x28 pixels, or of one label for each.
    #[error("shape {found:?} instead of {}{}", items.shape(), shape_guess(*items, found))]
    Shape {
        /// The items that were expected.
        items: Items,
        /// The dimensions.
        found: Vec<u64>,
    },

    /// An array's items are not numbers of one to eight bytes.
    #[error("items of type `{found}` instead of numbers, best unsigned bytes (`|u1`)")]
    ElementType {
        /// NumPy's name of the type.
        found: String,
    },

    /// The header promises more than the file could hold.
    #[error("the header promises {promised} bytes, but at most {possible} are possible")]
    AbsurdHeader {
        /// The size that follows from the header.
        promised: u64,
        /// The most of any set, or of what a packed file of this length can hold.
        possible: u64,
    },

    /// There are more items than any set has.
    #[error("{found} items; {MAX_IMAGES} at most are taken")]
    TooMany {
        /// The number of items in the header.
        found: u64,
    },

    /// The file ends too early.
    #[error("truncated: {found} bytes instead of {expected}")]
    Truncated {
        /// The length that follows from the header.
        expected: u64,
        /// The length found.
        found: u64,
    },

    /// Something follows the last item.
    #[error("at least {found} bytes instead of {expected}: something follows the last item")]
    Trailing {
        /// The length that follows from the header.
        expected: u64,
        /// The length found; a packed file is unpacked for one byte more than expected.
        found: u64,
    },

    /// A transfer in text mode put a carriage return before each byte that looks like the end of a line.
    #[error(
        "damaged by a transfer as text: {added} bytes 0x0a became the two bytes 0x0d 0x0a; copy the file again in binary mode"
    )]
    LineEnds {
        /// The bytes that were added.
        added: u64,
    },

    /// There are no items.
    #[error("it holds 0 items; each set needs one at least")]
    Empty,

    /// A pixel is no byte, also not after a division by 255.
    #[error(
        "image {image} has a pixel of value {found}; pixels are whole numbers 0 to 255, or all of them those numbers divided by 255"
    )]
    Pixel {
        /// The image's place, from zero.
        image: u64,
        /// The value.
        found: String,
    },

    /// A label is not a digit.
    #[error("label {index} is {found} instead of a digit 0..=9{}", label_guess(*least, *most))]
    Label {
        /// The place of the first such label, from zero.
        index: u64,
        /// Its value.
        found: String,
        /// The smallest of all labels, rounded towards zero.
        least: i64,
        /// The largest of all labels, rounded towards zero.
        most: i64,
    },

    /// There are more or fewer labels than images.
    #[error("{} for {}", counted(*found as u64, "label"), counted(*expected as u64, "image"))]
    Count {
        /// The number of images.
        expected: usize,
        /// The number of labels.
        found: usize,
    },

    /// All pixels have one value.
    #[error("every pixel of its {images} images is {value}: there is nothing to see")]
    Blank {
        /// The number of images.
        images: usize,
        /// The value of all pixels.
        value: u8,
    },

    /// The gzip stream is damaged.
    #[error("damaged compressed data: {reason}")]
    Gzip {
        /// The message of the unpacking.
        reason: String,
    },

    /// The zip archive is damaged.
    #[error("damaged zip archive: {reason}")]
    Zip {
        /// The message of the unpacking.
        reason: String,
    },

    /// The header of a NumPy array can't be understood.
    #[error("not an array as `numpy.save` writes it: {reason}")]
    Npy {
        /// The deviation.
        reason: String,
    },

    /// The machine has not so much memory.
    #[error("no memory for {bytes} bytes")]
    Memory {
        /// The bytes that were asked for.
        bytes: u64,
    },

    /// The bytes could not be read.
    #[error("can't be read: {reason}")]
    Read {
        /// The message of the system.
        reason: String,
    },
}

impl Problem {
    /// A failure of the system to read.
    pub(crate) fn read(error: &std::io::Error) -> Self {
        Self::Read { reason: error.to_string() }
    }
}

/// The likely cause of a shape, for people.
fn shape_guess(items: Items, found: &[u64]) -> String {
    let swapped = |size: u64| u32::try_from(size).map_or(0, u32::swap_bytes);
    match (items, found) {
        (Items::Images, [_]) => ": these look like labels".into(),
        (Items::Labels, [_, 28, 28]) => ": these look like images".into(),
        (Items::Labels, [_, 10]) => {
            ": this looks like one-hot rows; give the number of each class instead".into()
        }
        (Items::Images, [_, rows, columns]) if swapped(*rows) == 28 && swapped(*columns) == 28 => {
            ": the header's numbers are little-endian, IDX has them big-endian".into()
        }
        (Items::Images, [_, 3, 28, 28] | [_, 28, 28, 3]) => {
            ": three channels of color; give one of gray".into()
        }
        (Items::Images, [28, 28, _] | [784, _]) => {
            ": the images stand in the last dimension; it must be the first".into()
        }
        (Items::Images, [_, rows, columns] | [_, 1, rows, columns] | [_, rows, columns, 1]) => {
            size_guess(*rows, *columns)
        }
        (Items::Images, [_, 64]) => size_guess(8, 8),
        (Items::Images, [_, 1024]) => size_guess(32, 32),
        _ => String::new(),
    }
}

fn size_guess(rows: u64, columns: u64) -> String {
    let guess = match (rows, columns) {
        (32, 32) => ", MNIST padded for LeNet? Cut 2 pixels from each side",
        (8, 8) => ", the digits of scikit-learn or UCI? They are another set, of too few pixels",
        _ => "; scale the digits to 20x20 and center them in 28x28, as MNIST's are",
    };
    format!(": images of {rows}x{columns} pixels instead of 28x28{guess}")
}

/// The likely cause of labels from `least` to `most`, for people.
fn label_guess(least: i64, most: i64) -> Guess {
    Guess { least, most }
}

struct Guess {
    least: i64,
    most: i64,
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { least, most } = self;
        let guess = match (least, most) {
            (1, 10) => {
                "counted from 1, or with 10 in place of 0? It can't be told which: write the digits themselves"
            }
            (0.., 11..=61) => {
                "letters among them (EMNIST's `letters`, `balanced`, `bymerge` or `byclass`)? Its `digits` and `mnist` have digits alone"
            }
            _ => return write!(f, " (labels run from {least} to {most})"),
        };
        write!(f, ": labels run from {least} to {most}; {guess}")
    }
}
