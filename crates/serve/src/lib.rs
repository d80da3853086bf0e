//! The identity-adder over HTTP: an API for programs, and a page to draw a digit on.
//!
//! [`Server::run`] answers until it is told to stop, and finishes what it accepted. It keeps nothing and writes nothing.
//! Requests that wait at the same time are answered as one batch.
#![forbid(unsafe_code)]

mod answer;
mod batcher;
mod connections;
mod limits;
mod metrics;
mod page;
mod problem;
mod request;
mod routes;
mod server;

pub use limits::Limits;
pub use server::{Access, Description, Server, Stop};
