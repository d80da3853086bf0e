//! MNIST for the identity-adder: sources, IDX files, split, addends, augmentation and batches.
