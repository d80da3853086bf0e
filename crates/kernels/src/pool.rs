//! Max and average pooling over NCHW tensors, forward and backward: max pools of 2x2 with stride 2, and both of any
//! [`Windows`].
//!
//! The value that wins a maximum is PyTorch's: the first maximum in row-major order; a NaN beats every number, and of several
//! NaNs the last one wins. The backward passes find the winner again from the input, so nothing has to be saved.

mod two_by_two;
mod windows;

pub use two_by_two::{max_pool2d, max_pool2d_backward};
pub use windows::{
    Windows, avg_pool2d, avg_pool2d_backward, max_pool2d_windows, max_pool2d_windows_backward,
};

#[cfg(test)]
mod tests;
