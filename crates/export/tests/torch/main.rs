//! Files of weights of every kind that people have, made here byte by byte: taken to the bit, or refused in words.

mod common;
mod containers;
mod layouts;
mod metadata;
mod strange;
mod wrapped;
mod writer;
