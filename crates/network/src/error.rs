//! Errors of descriptions.

/// The result of making a network.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A description that is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer does not fit where it stands, or a number of it is out of its range.
    #[error("layer `{layer}`: expected {expected}, found {found}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// The shape or the range that it takes.
        expected: String,
        /// The shape or the number that is there.
        found: String,
    },
    /// A value of the IdentityAdder's configuration is out of its range.
    #[error("model.{field}: expected {expected}, found {found}")]
    Config {
        /// The key in the section `[model]`.
        field: &'static str,
        /// The values that the key accepts.
        expected: String,
        /// The value that it held.
        found: String,
    },
}
