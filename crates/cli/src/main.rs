//! The `adder` command.

fn main() {}
