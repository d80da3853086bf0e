//! Training and evaluation of the identity-adder: loop, optimizer, metrics, checkpoints and run directories.
