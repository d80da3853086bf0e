//! Parts of the crate that only tests and benches see: no promise is made for them.

pub mod cases;
pub(crate) mod layers;
pub(crate) mod oracle;
mod steps;

use std::hint::black_box;

use crate::aligned::Aligned;
use crate::arch::{Kernel, Lanes, Prefetch, Width};
use crate::conv::{Activation, ConvShape, Convolution, WeightGradient};
use crate::shape::check_len;
use crate::{Isa, Result};

/// One image's convolution in the layout that the kernels work in, with all its buffers.
///
/// The training trunk runs the same kernels on an image, so a time taken here is the part of it that is arithmetic.
#[derive(Debug)]
pub struct PreparedConvolution {
    isa: Isa,
    shape: ConvShape,
    forward: Convolution,
    backward: Convolution,
    weight_gradient: WeightGradient,
    input: Aligned,
    weights: Aligned,
    flipped_weights: Aligned,
    output: Aligned,
    grad_output: Aligned,
    grad_input: Aligned,
    grad_weights: Aligned,
}

impl PreparedConvolution {
    /// Takes over an image `input`, `[in, h, w]`, a `weight`, `[out, in, k, k]`, and a `grad_output`, `[out, h', w']`, of a
    /// convolution of stride 1 with less padding than kernel.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice does not fit the shape, and those of [`ConvShape::check`].
    pub fn new(
        isa: Isa,
        shape: ConvShape,
        input: &[f32],
        weight: &[f32],
        grad_output: &[f32],
    ) -> Result<Self> {
        shape.check()?;
        check_len("input", input, shape.input_len())?;
        check_len("weight", weight, shape.weight_len())?;
        check_len("grad_output", grad_output, shape.output_len())?;
        let forward = Convolution::new(isa, shape.kernel, shape.input(), shape.output());
        let backward = Convolution::new(isa, shape.kernel, shape.grad_output(), shape.grad_input());
        let weight_gradient = WeightGradient::new(isa, shape.kernel, shape.input(), shape.grad_output());
        let mut prepared = Self {
            isa,
            shape,
            input: Aligned::zeros(shape.input().len()),
            weights: Aligned::zeros(forward.packing().len()),
            flipped_weights: Aligned::zeros(backward.packing().len()),
            output: Aligned::zeros(shape.output().len()),
            grad_output: Aligned::zeros(shape.grad_output().len()),
            grad_input: Aligned::zeros(shape.grad_input().len()),
            grad_weights: Aligned::zeros(weight_gradient.packing().len()),
            forward,
            backward,
            weight_gradient,
        };
        shape.input().read_nchw(isa, input, &mut prepared.input);
        shape.grad_output().read_nchw(isa, grad_output, &mut prepared.grad_output);
        prepared.forward.packing().pack(weight, &mut prepared.weights);
        prepared.backward.packing().pack_flipped(weight, &mut prepared.flipped_weights);
        Ok(prepared)
    }

    /// Computes the output.
    pub fn run_forward(&mut self) {
        let (activation, prefetch) = (Activation::Identity, Prefetch::NOTHING);
        self.forward.run_with_prefetch(&self.input, &self.weights, activation, prefetch, &mut self.output);
    }

    /// Computes the gradient at the input.
    pub fn run_input_gradient(&mut self) {
        let Self { grad_output, flipped_weights, grad_input, .. } = self;
        let (activation, prefetch) = (Activation::Identity, Prefetch::NOTHING);
        self.backward.run_with_prefetch(grad_output, flipped_weights, activation, prefetch, grad_input);
    }

    /// Computes the gradient of the weight.
    pub fn run_weight_gradient(&mut self) {
        self.grad_weights.fill(0.0);
        self.weight_gradient.add(&self.input, &self.grad_output, &mut self.grad_weights);
    }

    /// The results of the three, each of zeros until it is computed: `[out, h', w']`, `[in, h, w]` and `[out, in, k, k]`.
    pub fn results(&self) -> [Vec<f32>; 3] {
        let shape = &self.shape;
        let mut results =
            [shape.output_len(), shape.input_len(), shape.weight_len()].map(|len| vec![0.0; len]);
        shape.output().write_nchw(self.isa, &self.output, &mut results[0]);
        shape.grad_input().write_nchw(self.isa, &self.grad_input, &mut results[1]);
        self.weight_gradient.packing().unpack(&self.grad_weights, &mut results[2]);
        results
    }
}

/// Computes fused multiply-adds as fast as the instruction set can, on one thread, and returns how many floating-point
/// operations they were: two for each lane. The caller takes the time.
pub fn fused_multiply_adds(isa: Isa, rounds: usize) -> usize {
    // Sixteen lanes are one register of AVX-512 and two of AVX2: as many sums in flight as the convolutions have.
    isa.run(Width::Sixteen, Multiplications(rounds))
}

struct Multiplications(usize);

impl Kernel for Multiplications {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> usize {
        // More than two FMA units have stages, where there are registers for so many: eight are needed on Intel's servers.
        const SUMS: usize = 12;
        let count = SUMS.min(L::ACCUMULATORS);
        // Operands that the compiler cannot know; the sums stay finite.
        let (a, b) = (lanes.splat(black_box(0.5)), lanes.splat(black_box(1.0)));
        let mut sums = [lanes.splat(0.0); SUMS];
        for _ in 0..self.0 {
            for sum in sums.iter_mut().take(count) {
                *sum = lanes.fma(*sum, a, b);
            }
        }
        let mut total = sums[0];
        for &sum in &sums[1..] {
            total = lanes.add(total, sum);
        }
        let mut output = [0.0; 16];
        lanes.store(total, &mut output);
        black_box(output);
        2 * self.0 * count * L::LANES
    }
}

#[cfg(test)]
mod tests;
