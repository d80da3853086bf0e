//! One module for each command.

pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod eval;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod lr_find;
pub(crate) mod man;
pub(crate) mod predict;
pub(crate) mod repeat;
pub(crate) mod report;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod summary;
pub(crate) mod sweep;
pub(crate) mod train;
