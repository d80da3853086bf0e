//! Fuzz targets for everything that reads what strangers wrote: each a module of [`targets`], with its seeds.
//!
//! A target takes bytes, puts what stands before the interesting part (checksums, magic numbers, the other files of a folder) around
//! them, and calls the public way in. Nothing it is given may panic, overflow, take more than a gigabyte or more than some seconds.
//! `cargo xtask fuzz` builds and runs them.
#![forbid(unsafe_code)]

mod envelope;
mod networks;
mod pickle;
mod sample;
mod scratch;
mod sections;
mod target;
/// The targets.
pub mod targets {
    pub mod arrays;
    pub mod config;
    pub mod events;
    pub mod http;
    pub mod idx;
    pub mod picture;
    pub mod pytorch;
    pub mod run;
    pub mod weights;
}

pub use target::{Seed, Target};
