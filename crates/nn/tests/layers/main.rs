//! Layers and losses: against PyTorch, finite differences and themselves on other instruction sets and threads.

mod bits;
mod checks;
mod dense;
mod differences;
mod golden;
mod pooled;
mod promises;
mod refusals;
mod states;
mod weighted;
