//! A trunk: its blocks one after the other, each operation on its own.

use super::conv::{conv2d, conv2d_input_gradient, conv2d_weight_gradient};
use super::norm::{Normalized, batch_norm, batch_norm_backward};
use super::pool::{global_average_pool, global_average_pool_backward, max_pool2d, max_pool2d_backward};
use crate::conv::ConvShape;
use crate::trunk::{BlockLayout, KERNEL, Output, TrunkSpec};

/// A forward pass and all that happened in it.
pub struct TrunkValues {
    /// The values of each block.
    pub blocks: Vec<BlockValues>,
    /// `[b, c]` or `[b, c, h, w]`, as the specification says.
    pub output: Vec<f64>,
}

/// The values of one block, all `[b, c, h, w]`.
pub struct BlockValues {
    /// The convolution.
    pub shape: ConvShape,
    /// The input.
    pub input: Vec<f64>,
    /// After the convolution.
    pub convolved: Vec<f64>,
    /// After the ReLU.
    pub activation: Vec<f64>,
    /// After the norm, with the batch's statistics.
    pub normalized: Normalized,
    /// After dropout, before the pool.
    pub dropped: Vec<f64>,
}

impl BlockValues {
    /// The shape of all that has one value for each of the convolution's outputs.
    pub fn map(&self) -> [usize; 4] {
        let [height, width] = self.shape.output_size();
        [self.shape.batch, self.shape.out_channels, height, width]
    }
}

/// The forward pass of `images`, `[b, c, h, w]`. `masks` holds for each block what dropout multiplies each value with,
/// `[b, c, h, w]`, or nothing where nothing is dropped.
pub fn forward(images: &[f64], params: &[f64], masks: &[Option<Vec<f64>>], spec: &TrunkSpec) -> TrunkValues {
    let batch = images.len() / (spec.in_channels * spec.height * spec.width);
    let mut map = [batch, spec.in_channels, spec.height, spec.width];
    let mut output = images.to_vec();
    let mut blocks = Vec::new();
    for ((block, layout), mask) in spec.blocks.iter().zip(spec.layout()).zip(masks) {
        let [_, in_channels, height, width] = map;
        let shape = ConvShape {
            batch,
            in_channels,
            out_channels: block.out_channels,
            height,
            width,
            kernel: KERNEL,
            padding: block.padding,
        };
        let input = output;
        let convolved = conv2d(&input, &params[layout.weight.clone()], &shape);
        let activation: Vec<f64> = convolved.iter().map(|value| value.max(0.0)).collect();
        let [height, width] = shape.output_size();
        let rows = [batch, block.out_channels, height * width];
        let normalized = batch_norm(&activation, rows, &params[layout.gamma], &params[layout.beta]);
        let dropped = multiplied(&normalized.output, mask.as_deref());
        map = [batch, block.out_channels, height, width];
        if block.pool {
            output = max_pool2d(&dropped, map);
            map = [batch, block.out_channels, height / 2, width / 2];
        } else {
            output = dropped.clone();
        }
        blocks.push(BlockValues { shape, input, convolved, activation, normalized, dropped });
    }
    if spec.output == Output::GlobalAverage {
        output = global_average_pool(&output, map);
    }
    TrunkValues { blocks, output }
}

/// The gradients of a loss whose gradient at the output is `grad_output`.
pub struct TrunkGradients {
    /// The gradient of the parameters, laid out as they are.
    pub params: Vec<f64>,
    /// The gradient of the images, `[b, c, h, w]`.
    pub images: Vec<f64>,
    /// The largest, without its sign, at any value on the way: what the others are sums of.
    pub largest: f64,
}

/// The backward pass of [`forward`].
pub fn backward(
    pass: &TrunkValues,
    params: &[f64],
    masks: &[Option<Vec<f64>>],
    spec: &TrunkSpec,
    grad_output: &[f64],
) -> TrunkGradients {
    let mut grads =
        TrunkGradients { params: vec![0.0; params.len()], images: grad_output.to_vec(), largest: 0.0 };
    if let (Output::GlobalAverage, Some(last), Some(block)) =
        (spec.output, pass.blocks.last(), spec.blocks.last())
    {
        let [batch, channels, height, width] = last.map();
        let map = if block.pool { [batch, channels, height / 2, width / 2] } else { last.map() };
        grads.images = global_average_pool_backward(map, grad_output);
    }
    for (index, (block, layout)) in pass.blocks.iter().zip(spec.layout()).enumerate().rev() {
        let unpooled = match spec.blocks[index].pool {
            true => max_pool2d_backward(&block.dropped, block.map(), &grads.images),
            false => std::mem::take(&mut grads.images),
        };
        let at_norm = multiplied(&unpooled, masks[index].as_deref());
        grads.images = block_backward(block, params, &layout, &at_norm, &mut grads);
    }
    grads
}

/// The backward pass of norm, ReLU and convolution: gives the gradient of the block's input.
fn block_backward(
    block: &BlockValues,
    params: &[f64],
    layout: &BlockLayout,
    at_norm: &[f64],
    grads: &mut TrunkGradients,
) -> Vec<f64> {
    let [batch, channels, height, width] = block.map();
    let rows = [batch, channels, height * width];
    let mut norm = batch_norm_backward(&block.activation, rows, &params[layout.gamma.clone()], at_norm);
    grads.params[layout.gamma.clone()].copy_from_slice(&norm.gamma);
    grads.params[layout.beta.clone()].copy_from_slice(&norm.beta);
    for (grad, &activation) in norm.input.iter_mut().zip(&block.activation) {
        if activation <= 0.0 {
            *grad = 0.0;
        }
    }
    for grad in at_norm.iter().chain(&norm.input) {
        grads.largest = grads.largest.max(grad.abs());
    }
    let weight = conv2d_weight_gradient(&block.input, &norm.input, &block.shape);
    grads.params[layout.weight.clone()].copy_from_slice(&weight);
    conv2d_input_gradient(&params[layout.weight.clone()], &norm.input, &block.shape)
}

/// The values after dropout.
fn multiplied(values: &[f64], mask: Option<&[f64]>) -> Vec<f64> {
    match mask {
        Some(mask) => values.iter().zip(mask).map(|(value, factor)| value * factor).collect(),
        None => values.to_vec(),
    }
}
