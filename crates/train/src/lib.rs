//! Training and evaluation of the identity-adder: loop, optimizer, metrics, checkpoints and run directories.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod config;
mod files;
pub mod optimizer;
pub mod schedule;
pub mod tensor_file;

pub use checkpoint::CheckpointName;
pub use config::{Config, ConfigError, Layers, Recipe};
pub use files::FileError;
