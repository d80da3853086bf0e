//! Max and average pools.
