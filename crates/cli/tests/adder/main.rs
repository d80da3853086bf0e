//! Tests of the real binary, in temporary folders.

mod bad_input;
mod common;
mod evaluation;
mod experiments;
#[cfg(feature = "pretrained")]
mod export;
mod life_cycle;
mod own_network;
#[cfg(feature = "pretrained")]
mod pretrained;
mod reports;
mod server;
