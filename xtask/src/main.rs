//! Starts the project's own programs.

fn main() {}
