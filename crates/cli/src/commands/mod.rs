//! One module for each command.

pub(crate) mod data;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod predict;
pub(crate) mod serve;
pub(crate) mod summary;
pub(crate) mod train;
