//! The sizes of F(2x2, 3x3).

/// Rows and columns of the kernel.
pub(super) const KERNEL: usize = 3;
/// Weights from one input channel to one output channel.
pub(super) const TAPS: usize = KERNEL * KERNEL;
/// Rows and columns of a tile of the input, and of its points.
pub(super) const SIDE: usize = 4;
/// Products of a tile for each pair of channels.
pub(super) const POINTS: usize = SIDE * SIDE;
