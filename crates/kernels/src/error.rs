//! Errors of calls that check their arguments.

/// The reason why a kernel refused its arguments. Nothing is written to any output when a kernel returns an error.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice does not hold as many values as the shapes ask for.
    #[error("`{argument}` holds {found} values where the shape asks for {expected}")]
    Length {
        /// The argument's name in the function's signature.
        argument: &'static str,
        /// Values that the shapes ask for.
        expected: usize,
        /// Values in the slice.
        found: usize,
    },
    /// The dimensions of a shape multiply to more `f32` values than memory can address.
    #[error("`{argument}` of shape {shape:?} has more values than memory can address")]
    TooLarge {
        /// The argument's name in the function's signature.
        argument: &'static str,
        /// The dimensions.
        shape: Vec<usize>,
    },
    /// A size is one that the kernel cannot work with.
    #[error("`{argument}` is {found}, where {expected} is expected")]
    Dimension {
        /// The argument's or the field's name.
        argument: &'static str,
        /// The value that was given.
        found: usize,
        /// The sizes that are allowed, in words.
        expected: String,
    },
    /// A class is not one of those that there are.
    #[error("`{argument}[{index}]` is {found}, where a class below {classes} is expected")]
    Class {
        /// The argument's name in the function's signature.
        argument: &'static str,
        /// The position of the class in the argument.
        index: usize,
        /// The class that was given.
        found: u32,
        /// The number of classes.
        classes: usize,
    },
    /// A block of a trunk cannot be.
    #[error("block {block}: {source}")]
    Block {
        /// The position, from 0.
        block: usize,
        /// The reason.
        source: Box<Error>,
    },
    /// A hidden layer of a stack of dense layers cannot be.
    #[error("layer {layer}: {source}")]
    Layer {
        /// The position, from 0.
        layer: usize,
        /// The reason.
        source: Box<Error>,
    },
    /// An argument does not fit one of several heads.
    #[error("head {head}: {source}")]
    Head {
        /// The position, from 0.
        head: usize,
        /// The reason.
        source: Box<Error>,
    },
    /// A probability is not at least 0 and less than 1.
    #[error("`{argument}` is {found}, where at least 0 and less than 1 is expected")]
    Probability {
        /// The argument's name in the function's signature.
        argument: &'static str,
        /// The value that was given.
        found: f32,
    },
    /// A part of a whole is not from 0 to 1.
    #[error("`{argument}` is {found}, where 0 to 1 is expected")]
    Part {
        /// The argument's name in the function's signature.
        argument: &'static str,
        /// The value that was given.
        found: f32,
    },
}

/// The result of a call that checks its arguments.
pub type Result<T, E = Error> = std::result::Result<T, E>;
