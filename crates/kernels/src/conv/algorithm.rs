//! The choice between the direct sum and Winograd's algorithm, and either of them behind one face.

use super::forward::{Activation, Convolution};
use super::layout::{BlockedLayout, Channels};
use super::weight_gradient::WeightGradient;
use super::winograd::{Winograd, WinogradGradient};
use crate::Isa;
use crate::arch::Prefetch;

/// The algorithm of convolutions and of their gradients. It decides the last bits of what they compute, and nothing else does: neither
/// the instruction set nor the number of threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// The sum of products as it is defined, everywhere.
    #[default]
    Direct,
    /// Winograd's F(2x2, 3x3) wherever it can be: kernels of 3x3 with stride 1, but for an image's few channels.
    Winograd,
    /// Winograd's where it is faster: between 32 channels and more, on maps of 12 by 12 pixels and more.
    Auto,
}

impl Algorithm {
    /// The fewest channels of input and output from which Winograd's algorithm is chosen: of fewer, the transforms take what the
    /// products save. Measured in docs/benchmarks.md, as is the next.
    const FEWEST_CHANNELS: usize = 32;
    /// The least height and width of an output from which it is chosen: on smaller maps a tile in three or four is half empty, and
    /// too few share the weights, which are 16 where there were 9.
    const SMALLEST_MAP: usize = 12;

    /// Whether a convolution of this kernel and stride, between so many channels, with an output of this height and width is done by
    /// Winograd's algorithm.
    pub fn is_winograd(
        self,
        [kernel, stride]: [usize; 2],
        [inputs, outputs]: [usize; 2],
        [height, width]: [usize; 2],
    ) -> bool {
        let is_possible =
            kernel == 3 && stride == 1 && Channels::read_only(inputs) == Channels::computed(inputs);
        let pays = inputs.min(outputs) >= Self::FEWEST_CHANNELS && height.min(width) >= Self::SMALLEST_MAP;
        match self {
            Self::Direct => false,
            Self::Winograd => is_possible,
            Self::Auto => is_possible && pays,
        }
    }
}

/// A convolution of one image, by either algorithm.
#[derive(Clone, Debug)]
pub(crate) enum AnyConvolution {
    Direct(Convolution),
    Winograd(Winograd),
}

impl AnyConvolution {
    /// Plans the convolution of `input`, border included, into `output`, as [`Convolution::strided`] does.
    pub(crate) fn new(
        isa: Isa,
        algorithm: Algorithm,
        kernel: [usize; 2],
        input: BlockedLayout,
        output: BlockedLayout,
    ) -> Self {
        let is_computed = input.channels == Channels::computed(input.channels.count);
        let channels = [input.channels.count, output.channels.count];
        match is_computed && algorithm.is_winograd(kernel, channels, [output.height, output.width]) {
            true => Self::Winograd(Winograd::new(isa, input, output)),
            false => Self::Direct(Convolution::strided(isa, kernel, input, output)),
        }
    }

    /// Packed weights.
    pub(crate) fn weights_len(&self) -> usize {
        match self {
            Self::Direct(convolution) => convolution.packing().len(),
            Self::Winograd(winograd) => winograd.weights_len(),
        }
    }

    /// Packs `weight`, `[out, in, k, k]`.
    pub(crate) fn pack(&self, weight: &[f32], packed: &mut [f32]) {
        match self {
            Self::Direct(convolution) => convolution.packing().pack(weight, packed),
            Self::Winograd(winograd) => winograd.pack(weight, false, packed),
        }
    }

    /// Packs the weights of the opposite convolution, flipped in both directions: `weight` is `[out, in, k, k]` in its names, so
    /// `[input, output, k, k]` in those of this one.
    pub(crate) fn pack_flipped(&self, weight: &[f32], packed: &mut [f32]) {
        match self {
            Self::Direct(convolution) => convolution.packing().pack_flipped(weight, packed),
            Self::Winograd(winograd) => winograd.pack(weight, true, packed),
        }
    }

    /// The values of working memory that it takes.
    pub(crate) fn scratch_len(&self) -> usize {
        match self {
            Self::Direct(_) => 0,
            Self::Winograd(winograd) => winograd.scratch_len(),
        }
    }

    /// Computes one image, and starts loading what is needed after it. The border of the output is left as it is.
    pub(crate) fn run(
        &self,
        input: &[f32],
        weights: &[f32],
        activation: Activation,
        prefetch: Prefetch<'_>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        match self {
            Self::Direct(convolution) => {
                convolution.run_with_prefetch(input, weights, activation, prefetch, output);
            }
            Self::Winograd(winograd) => {
                winograd.run(input, weights, (None, activation.floor()), prefetch, scratch, output);
            }
        }
    }

    /// Computes one image with a bias for each stored channel.
    pub(crate) fn run_with_bias(
        &self,
        input: &[f32],
        weights: &[f32],
        bias: &[f32],
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        match self {
            Self::Direct(convolution) => convolution.run_with_bias(input, weights, bias, output),
            Self::Winograd(winograd) => {
                let above = (Some(bias), Activation::Identity.floor());
                winograd.run(input, weights, above, Prefetch::NOTHING, scratch, output);
            }
        }
    }
}

/// The weight gradient of a convolution, by either algorithm, one image at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AnyWeightGradient {
    Direct(WeightGradient),
    Winograd(WinogradGradient),
}

impl AnyWeightGradient {
    /// Plans it as [`WeightGradient::strided`] does.
    pub(crate) fn new(
        isa: Isa,
        algorithm: Algorithm,
        kernel: [usize; 2],
        input: BlockedLayout,
        grad_output: BlockedLayout,
    ) -> Self {
        let is_computed = input.channels == Channels::computed(input.channels.count);
        let channels = [input.channels.count, grad_output.channels.count];
        match is_computed && algorithm.is_winograd(kernel, channels, [grad_output.height, grad_output.width])
        {
            true => Self::Winograd(WinogradGradient::new(isa, input, grad_output)),
            false => Self::Direct(WeightGradient::strided(isa, kernel, input, grad_output)),
        }
    }

    /// The values that are added up over images.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Direct(gradient) => gradient.packing().len(),
            Self::Winograd(gradient) => gradient.len(),
        }
    }

    /// The values of working memory that it takes.
    pub(crate) fn scratch_len(&self) -> usize {
        match self {
            Self::Direct(_) => 0,
            Self::Winograd(gradient) => gradient.scratch_len(),
        }
    }

    /// Adds what one image gives to `sums`.
    pub(crate) fn add(&self, input: &[f32], grad_output: &[f32], scratch: &mut [f32], sums: &mut [f32]) {
        match self {
            Self::Direct(gradient) => gradient.add(input, grad_output, sums),
            Self::Winograd(gradient) => gradient.add(input, grad_output, scratch, sums),
        }
    }

    /// Writes the gradient of the weight, `[out, in, k, k]`, from the sums over all images.
    pub(crate) fn unpack(&self, sums: &[f32], grad_weight: &mut [f32]) {
        match self {
            Self::Direct(gradient) => gradient.packing().unpack(sums, grad_weight),
            Self::Winograd(gradient) => gradient.unpack(sums, grad_weight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Algorithm::{Auto, Direct, Winograd};

    #[test]
    fn winograds_algorithm_is_chosen_from_a_threshold_on_and_only_where_it_can_be() {
        let (kernel, map) = ([3, 1], [12, 12]);
        let chosen =
            |kernel, channels, map| [Direct, Winograd, Auto].map(|a| a.is_winograd(kernel, channels, map));
        assert_eq!(chosen(kernel, [32, 32], map), [false, true, true]);
        assert_eq!(chosen(kernel, [31, 64], map), [false, true, false]);
        assert_eq!(chosen(kernel, [64, 31], map), [false, true, false]);
        assert_eq!(chosen(kernel, [32, 32], [11, 40]), [false, true, false]);
        assert_eq!(chosen(kernel, [32, 32], [40, 11]), [false, true, false]);
        for (kernel, channels) in
            [([3, 2], [32, 32]), ([5, 1], [32, 32]), (kernel, [1, 32]), (kernel, [3, 32])]
        {
            assert_eq!(chosen(kernel, channels, map), [false; 3]);
        }
    }
}
