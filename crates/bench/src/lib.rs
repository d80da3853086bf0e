//! The code that the benches share: the convolutions that they time, seeded inputs, devices, the comparison with other
//! frameworks ([`peers`]), and rates that a person can read.
//!
//! Every bench checks its results against an oracle before it takes a time. Inputs come from [`adder_random`], so they are
//! the same in every run and never constant. `cargo xtask bench` runs the benches; docs/benchmarks.md has what they found.
#![forbid(unsafe_code)]

pub mod candle;
pub mod convolution;
pub mod device;
pub mod inputs;
pub mod measure;
pub mod output;
pub mod peers;
pub mod training;
pub mod verify;
