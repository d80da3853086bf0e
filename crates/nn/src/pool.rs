//! Max and average pools.

mod composed;
mod operations;

use adder_kernels::pool::Windows;
use candle_core::{Module, Result, Tensor, ToUsize2};

use crate::cpu::Engine;

/// The windows of a pool: rows and columns of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pool {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    engine: Engine,
}

impl Pool {
    fn new(kernel: impl ToUsize2) -> Self {
        let kernel = pair(kernel);
        Self { kernel, stride: kernel, padding: [0; 2], engine: Engine::Default }
    }

    /// The windows over `x`, if they can be.
    fn windows(self, x: &Tensor) -> Result<Windows> {
        let (batch, channels, height, width) = x.dims4()?;
        let Self { kernel, stride, padding, .. } = self;
        let windows = Windows { batch, channels, size: [height, width], kernel, stride, padding };
        windows.check().map_err(candle_core::Error::wrap)?;
        Ok(windows)
    }
}

fn pair(sizes: impl ToUsize2) -> [usize; 2] {
    sizes.to_usize2().into()
}

/// The maximum of windows: `[b, c, h, w]` to `[b, c, h', w']` with `h' = (h + 2 * padding - kernel) / stride + 1` rounded
/// down, and `w'` alike; what no whole window covers is left out. As `torch.nn.MaxPool2d`.
///
/// The gradient goes whole to the first maximum of each window in row-major order; padding never wins, and a NaN beats every
/// number. The kernels are the same on every instruction set.
///
/// ```
/// use adder_nn::{MaxPool2d, Module};
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::arange(0f32, 2.0 * 3.0 * 7.0 * 7.0, &Device::Cpu)?.reshape((2, 3, 7, 7))?;
/// assert_eq!(MaxPool2d::new(2).forward(&x)?.dims(), [2, 3, 3, 3]);
/// let overlapping = MaxPool2d::new((3, 3)).with_stride(2).with_padding(1);
/// assert_eq!(overlapping.forward(&x)?.dims(), [2, 3, 4, 4]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no such layer. candle's `Tensor::max_pool2d` passes on a quarter of the gradient, puts it in wrong places where the windows
/// don't cover the input exactly, has none where they overlap, knows no padding, and hides NaNs.
///
/// # Errors
/// `forward` fails where the input is not of rank 4, has no room for a window, or a padding is more than half of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d(Pool);

impl MaxPool2d {
    /// Windows of `kernel` rows and columns, a number or a pair, that lie side by side.
    pub fn new(kernel: impl ToUsize2) -> Self {
        Self(Pool::new(kernel))
    }

    /// The same with windows so far apart, in rows and columns.
    #[must_use]
    pub fn with_stride(self, stride: impl ToUsize2) -> Self {
        Self(Pool { stride: pair(stride), ..self.0 })
    }

    /// The same with so many rows and columns around the input that never win.
    #[must_use]
    pub fn with_padding(self, padding: impl ToUsize2) -> Self {
        Self(Pool { padding: pair(padding), ..self.0 })
    }

    /// The same on candle's operations alone, the slow way that the kernels are held to.
    #[must_use]
    pub fn without_kernels(self) -> Self {
        Self(Pool { engine: Engine::Candle, ..self.0 })
    }
}

impl Module for MaxPool2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let windows = self.0.windows(x)?;
        if self.0.engine.has_kernels(x) { operations::max(x, windows) } else { composed::max(x, &windows) }
    }
}

/// The mean of windows: `[b, c, h, w]` to `[b, c, h', w']` with the sizes of [`MaxPool2d`]; padding counts as zeros. As
/// `torch.nn.AvgPool2d`.
///
/// What no window covers gets a gradient of zero. The kernels are the same on every instruction set.
///
/// ```
/// use adder_nn::{AvgPool2d, Module};
/// use candle_core::{Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 2., 9.], [3., 4., 9.], [9., 9., 9.]]]], &Device::Cpu)?;
/// assert_eq!(AvgPool2d::new(2).forward(&x)?.flatten_all()?.to_vec1::<f32>()?, [2.5]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no such layer. candle's `Tensor::avg_pool2d` puts gradients in wrong places where the windows don't cover the input exactly,
/// has none where they overlap, and knows no padding.
///
/// # Errors
/// As for [`MaxPool2d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d(Pool);

impl AvgPool2d {
    /// Windows of `kernel` rows and columns, a number or a pair, that lie side by side.
    pub fn new(kernel: impl ToUsize2) -> Self {
        Self(Pool::new(kernel))
    }

    /// The same with windows so far apart, in rows and columns.
    #[must_use]
    pub fn with_stride(self, stride: impl ToUsize2) -> Self {
        Self(Pool { stride: pair(stride), ..self.0 })
    }

    /// The same with so many rows and columns of zeros around the input.
    #[must_use]
    pub fn with_padding(self, padding: impl ToUsize2) -> Self {
        Self(Pool { padding: pair(padding), ..self.0 })
    }

    /// The same on candle's operations alone, the slow way that the kernels are held to.
    #[must_use]
    pub fn without_kernels(self) -> Self {
        Self(Pool { engine: Engine::Candle, ..self.0 })
    }
}

impl Module for AvgPool2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let windows = self.0.windows(x)?;
        if self.0.engine.has_kernels(x) {
            operations::average(x, windows)
        } else {
            composed::average(x, &windows)
        }
    }
}
