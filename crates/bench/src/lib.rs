//! What the benches share: the convolutions that they time, seeded inputs, devices, and rates that a person can read.
//!
//! Every bench checks its results against an oracle before it takes a time. Inputs come from [`adder_random`], so they are
//! the same in every run and never constant.
#![forbid(unsafe_code)]

pub mod candle;
pub mod convolution;
pub mod device;
pub mod inputs;
pub mod measure;
pub mod peers;
pub mod training;
pub mod verify;
