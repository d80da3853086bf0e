//! The sizes of a convolution.

use super::layout::{BlockedLayout, Channels};
use crate::shape::volume;
use crate::{Error, Result};

/// The largest stride that there are kernels for.
const MAX_STRIDE: usize = 2;

/// A convolution of one image with a square kernel and zeros around its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// The distance between the inputs of two neighboring outputs, 1 or 2.
    pub stride: usize,
    /// Rows and columns of zeros on each side of the input.
    pub padding: usize,
}

impl ConvShape {
    /// Refuses sizes that make no convolution. All other functions here ask for sizes that pass.
    ///
    /// # Errors
    /// [`Error::Dimension`] where a size is zero, the stride neither 1 nor 2, or the kernel larger than the padded input;
    /// [`Error::TooLarge`] where a tensor has more values than memory can address.
    pub fn check(&self) -> Result<()> {
        let &Self { in_channels, out_channels, height, width, kernel, stride, padding } = self;
        for (argument, found) in [
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("height", height),
            ("width", width),
            ("kernel", kernel),
        ] {
            if found == 0 {
                return Err(Error::Dimension { argument, found, expected: "at least 1".into() });
            }
        }
        if !(1..=MAX_STRIDE).contains(&stride) {
            return Err(Error::Dimension { argument: "stride", found: stride, expected: "1 or 2".into() });
        }
        // With the lanes that channels are filled up to, and the border that the input gradient works with.
        let [inputs, outputs] = [in_channels, out_channels].map(|channels| channels.saturating_add(7));
        let border = kernel.max(padding).saturating_mul(2);
        let [rows, columns] = [height, width].map(|size| size.saturating_add(border));
        volume("input", &[inputs, rows, columns])?;
        volume("output", &[outputs, rows, columns])?;
        volume("weight", &[outputs, inputs, kernel, kernel])?;
        let smallest = height.min(width) + 2 * padding;
        if kernel > smallest {
            let expected = format!("at most the padded input's {smallest}");
            return Err(Error::Dimension { argument: "kernel", found: kernel, expected });
        }
        Ok(())
    }

    /// Rows and columns of the output.
    pub fn output_size(&self) -> [usize; 2] {
        [self.height, self.width].map(|size| (size + 2 * self.padding - self.kernel) / self.stride + 1)
    }

    /// Values of an input, `[in_channels, height, width]`.
    pub fn input_len(&self) -> usize {
        self.in_channels * self.height * self.width
    }

    /// Values of the weight, `[out_channels, in_channels, kernel, kernel]`.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.in_channels * self.kernel * self.kernel
    }

    /// Values of an output, `[out_channels, height', width']`.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output_size();
        self.out_channels * height * width
    }

    /// Floating-point operations of an image's forward pass, or of either gradient, those on padding included.
    pub fn flops(&self) -> usize {
        let of_a_value = 2 * self.in_channels * self.kernel * self.kernel;
        self.output_len().saturating_mul(of_a_value)
    }

    /// The input of one image, padded.
    pub(crate) fn input(&self) -> BlockedLayout {
        let &Self { height, width, padding, .. } = self;
        BlockedLayout { channels: Channels::read_only(self.in_channels), height, width, border: padding }
    }

    /// The output of one image.
    pub(crate) fn output(&self) -> BlockedLayout {
        let [height, width] = self.output_size();
        BlockedLayout { channels: Channels::computed(self.out_channels), height, width, border: 0 }
    }

    /// The gradient at the output of one image, with the zeros around it with which the input gradient is a convolution
    /// of stride 1. The padding must be smaller than the kernel.
    pub(crate) fn grad_output(&self) -> BlockedLayout {
        BlockedLayout { border: self.kernel - 1 - self.padding, ..self.output() }
    }

    /// The gradient at the input of one image.
    pub(crate) fn grad_input(&self) -> BlockedLayout {
        BlockedLayout { channels: Channels::computed(self.in_channels), border: 0, ..self.input() }
    }
}
