//! Convolution of stride 1 with a square kernel: forward, input gradient and weight gradient.
//!
//! The functions here take and give tensors as PyTorch and candle have them, NCHW and OIHW. Inside, images are worked on
//! one at a time in the blocked `layout`, with output channels as lanes: a tile of output pixels stays in registers while
//! each weight is read once and multiplied with one broadcast input for each pixel.

mod forward;
pub(crate) mod layout;
mod shape;
mod tile;
mod weight_gradient;

use rayon::prelude::*;

pub(crate) use forward::{Activation, Convolution};
pub use shape::ConvShape;
pub(crate) use weight_gradient::WeightGradient;

use crate::reduce::{CHUNK, PartialSums};
use crate::shape::check_len;
use crate::{Isa, Result};
use layout::BlockedLayout;

/// Convolves `input`, `[b, in, h, w]`, with `weight`, `[out, in, k, k]`, into `output`, `[b, out, h', w']`.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where a slice does not fit the shape, and those of [`ConvShape::check`].
pub fn conv2d(isa: Isa, shape: &ConvShape, input: &[f32], weight: &[f32], output: &mut [f32]) -> Result<()> {
    shape.check()?;
    check_len("input", input, shape.input_len())?;
    check_len("weight", weight, shape.weight_len())?;
    check_len("output", output, shape.output_len())?;
    let convolution = Convolution::new(isa, shape.kernel, shape.input(), shape.output());
    let mut weights = vec![0.0; convolution.packing().len()];
    convolution.packing().pack(weight, &mut weights);
    convolve_batch(&convolution, [shape.input(), shape.output()], &weights, input, output);
    Ok(())
}

/// The gradient of [`conv2d`] with respect to its input, written over `grad_input`, `[b, in, h, w]`.
///
/// `weight` is `[out, in, k, k]`, `grad_output` is `[b, out, h', w']`.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where a slice does not fit the shape, and those of [`ConvShape::check`].
pub fn conv2d_input_gradient(
    isa: Isa,
    shape: &ConvShape,
    weight: &[f32],
    grad_output: &[f32],
    grad_input: &mut [f32],
) -> Result<()> {
    shape.check()?;
    check_len("weight", weight, shape.weight_len())?;
    check_len("grad_output", grad_output, shape.output_len())?;
    check_len("grad_input", grad_input, shape.input_len())?;
    let layouts = [shape.grad_output(), shape.grad_input()];
    let convolution = Convolution::new(isa, shape.kernel, layouts[0], layouts[1]);
    let mut weights = vec![0.0; convolution.packing().len()];
    convolution.packing().pack_flipped(weight, &mut weights);
    convolve_batch(&convolution, layouts, &weights, grad_output, grad_input);
    Ok(())
}

/// The gradient of [`conv2d`] with respect to its weight, written over `grad_weight`, `[out, in, k, k]`.
///
/// `input` is `[b, in, h, w]`, `grad_output` is `[b, out, h', w']`.
///
/// # Errors
/// [`Error::Length`](crate::Error::Length) where a slice does not fit the shape, and those of [`ConvShape::check`].
pub fn conv2d_weight_gradient(
    isa: Isa,
    shape: &ConvShape,
    input: &[f32],
    grad_output: &[f32],
    grad_weight: &mut [f32],
) -> Result<()> {
    shape.check()?;
    check_len("input", input, shape.input_len())?;
    check_len("grad_output", grad_output, shape.output_len())?;
    check_len("grad_weight", grad_weight, shape.weight_len())?;
    let layouts = [shape.input(), shape.output()];
    let gradient = WeightGradient::new(isa, shape.kernel, layouts[0], layouts[1]);
    let [inputs, grads] = [image_len(input, shape.batch), image_len(grad_output, shape.batch)];
    let mut sums = PartialSums::default();
    let chunks = input.par_chunks(CHUNK * inputs).zip(grad_output.par_chunks(CHUNK * grads));
    let rows = sums.start(shape.batch, gradient.packing().len());
    chunks.zip(rows).for_each(|((input, grad_output), sums)| {
        let [mut x, mut dy] = layouts.map(|layout| vec![0.0; layout.len()]);
        for (input, grad_output) in input.chunks_exact(inputs).zip(grad_output.chunks_exact(grads)) {
            layouts[0].read_nchw(input, &mut x);
            layouts[1].read_nchw(grad_output, &mut dy);
            gradient.add(&x, &dy, sums);
        }
    });
    let mut total = vec![0.0; gradient.packing().len()];
    sums.add_up(&mut total);
    gradient.packing().unpack(&total, grad_weight);
    Ok(())
}

/// Convolves a batch of images, each read into the first of `maps` and written from the second.
fn convolve_batch(
    convolution: &Convolution,
    layouts @ [from, to]: [BlockedLayout; 2],
    weights: &[f32],
    input: &[f32],
    output: &mut [f32],
) {
    let [inputs, outputs] = [from, to].map(|layout| layout.channels.count * layout.height * layout.width);
    // Fresh scratch is zero, and so its border stays.
    let scratch = || layouts.map(|layout| vec![0.0; layout.len()]);
    let images = input.par_chunks_exact(inputs).zip(output.par_chunks_exact_mut(outputs));
    images.for_each_init(scratch, |[x, y], (input, output)| {
        from.read_nchw(input, x);
        convolution.run(x, weights, Activation::Identity, y);
        to.write_nchw(y, output);
    });
}

/// Values of one image of a tensor; any number but zero where there is none.
fn image_len(tensor: &[f32], batch: usize) -> usize {
    tensor.len().checked_div(batch).unwrap_or(1)
}

#[cfg(test)]
mod tests;
