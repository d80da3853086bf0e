//! Layer normalization.
