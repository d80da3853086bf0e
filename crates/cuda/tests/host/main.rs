//! The kernels on the CPU: every step held to the naive loops, without a GPU.
//!
//! The sources are those that nvcc compiles; `host/` gives their words a meaning for the C++ compiler.

mod augmentation;
mod case;
mod device;
mod faults;
mod optimizers;
mod order;
mod steps;
