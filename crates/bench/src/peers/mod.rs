//! The comparison with other frameworks: the same network, batch, threads and inputs, side by side in one run.
//!
//! Every competitor is a process of its own that waits for orders ([`competitor`]), so that their rounds can be
//! interleaved: what disturbs the machine for a minute disturbs all of them alike. Before anything is timed, all must
//! compute the same logits from the same weights and, where they train, the same gradients ([`hall`]).
//!
//! What is computed is a [`problem`], by whom and how long is told in [`field`]. Our side's [`contestant`]s are
//! [`identity_adder`] and [`composed`], [`classifier`] with the [`layers`] of [`stock`] candle or of [`nn`], and single
//! passes of a [`layer`].

pub mod classifier;
pub mod competitor;
pub mod composed;
pub mod contestant;
pub mod field;
pub mod hall;
pub mod identity_adder;
pub mod layer;
pub mod layers;
pub mod machine;
pub mod nn;
pub mod ours;
pub mod problem;
pub mod python;
pub mod rounds;
pub mod shared;
pub mod stock;
pub mod table;
mod word;
