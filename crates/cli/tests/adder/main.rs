//! Tests of the real binary, in temporary folders.

mod bad_input;
mod common;
mod data;
mod evaluation;
mod experiments;
mod export;
#[cfg(feature = "pretrained")]
mod import;
mod life_cycle;
mod own_network;
#[cfg(feature = "pretrained")]
mod pictures;
#[cfg(feature = "pretrained")]
mod pretrained;
mod reports;
mod runs;
mod server;
#[cfg(feature = "pretrained")]
mod strange_weights;
mod streams;
