//! The comparison with other frameworks: the same network, batch, threads and inputs, side by side in one run.
//!
//! Every competitor is a process of its own that waits for orders ([`competitor`]), so that their rounds can be
//! interleaved: what disturbs the machine for a minute disturbs all of them alike. Before anything is timed, all must
//! compute the same logits from the same weights.

pub mod classifier;
pub mod competitor;
pub mod composed;
pub mod field;
pub mod hall;
pub mod identity_adder;
pub mod layer;
pub mod machine;
pub mod nn;
pub mod ours;
pub mod problem;
pub mod python;
pub mod rounds;
pub mod shared;
pub mod stock;
pub mod table;
