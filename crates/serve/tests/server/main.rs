//! The server over real sockets: every endpoint, every limit, hostile bodies, many at once, and the end under load.

mod answers;
#[path = "../client/mod.rs"]
mod client;
mod connections;
mod ending;
mod hosts;
mod protocol;
mod refusals;

const PNG: [(&str, &str); 1] = [("content-type", "image/png")];
