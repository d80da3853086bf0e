//! The sizes of a convolution.

use super::layout::{BlockedLayout, Channels};
use crate::shape::volume;
use crate::{Error, Result};

/// A convolution of stride 1 with a square kernel, zeros around its input, and no bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
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
    /// Rows and columns of zeros on each side of the input, fewer than the kernel's.
    pub padding: usize,
}

impl ConvShape {
    /// Refuses sizes that make no convolution. All other functions here ask for sizes that pass.
    ///
    /// # Errors
    /// [`Error::Dimension`] where a size other than the batch is zero, the padding not smaller than the kernel, or the
    /// kernel larger than the padded input; [`Error::TooLarge`] where a tensor has more values than can be counted.
    pub fn check(&self) -> Result<()> {
        let &Self { batch, in_channels, out_channels, height, width, kernel, padding } = self;
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
        if padding >= kernel {
            let expected = format!("less than the kernel's {kernel}");
            return Err(Error::Dimension { argument: "padding", found: padding, expected });
        }
        // With the lanes that channels are filled up to, and the border that the input gradient works with.
        let [inputs, outputs] = [in_channels, out_channels].map(|channels| channels.saturating_add(7));
        let [rows, columns] = [height, width].map(|size| size.saturating_add(kernel.saturating_mul(2)));
        volume("input", &[batch.max(1), inputs, rows, columns])?;
        volume("output", &[batch.max(1), outputs, rows, columns])?;
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
        [self.height, self.width].map(|size| size + 2 * self.padding + 1 - self.kernel)
    }

    /// Values of the input, `[batch, in_channels, height, width]`.
    pub fn input_len(&self) -> usize {
        self.batch * self.in_channels * self.height * self.width
    }

    /// Values of the weight, `[out_channels, in_channels, kernel, kernel]`.
    pub fn weight_len(&self) -> usize {
        self.out_channels * self.in_channels * self.kernel * self.kernel
    }

    /// Values of the output, `[batch, out_channels, height', width']`.
    pub fn output_len(&self) -> usize {
        let [height, width] = self.output_size();
        self.batch * self.out_channels * height * width
    }

    /// Floating-point operations of the forward pass, or of either gradient, those on padding included.
    pub fn flops(&self) -> usize {
        2 * self.output_len() * self.in_channels * self.kernel * self.kernel
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

    /// The gradient at the output of one image, with the zeros around it that the input gradient needs.
    pub(crate) fn grad_output(&self) -> BlockedLayout {
        BlockedLayout { border: self.kernel - 1 - self.padding, ..self.output() }
    }

    /// The gradient at the input of one image.
    pub(crate) fn grad_input(&self) -> BlockedLayout {
        BlockedLayout { channels: Channels::computed(self.in_channels), border: 0, ..self.input() }
    }
}
