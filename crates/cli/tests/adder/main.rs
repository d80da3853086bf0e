//! Tests of the real binary, in temporary folders.

mod bad_input;
mod common;
mod configuration;
mod data;
mod evaluation;
mod experiments;
mod export;
mod forms;
mod going_on;
mod held_out;
#[cfg(feature = "pretrained")]
mod import;
mod life_cycle;
mod names;
mod numbers;
mod own_network;
#[cfg(feature = "pretrained")]
mod pictures;
mod places;
#[cfg(feature = "pretrained")]
mod pretrained;
mod reports;
mod run_names;
mod runs;
mod server;
mod shell;
#[cfg(feature = "pretrained")]
mod strange_weights;
mod streams;
mod sums;
mod terminal;
