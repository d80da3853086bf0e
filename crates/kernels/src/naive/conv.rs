//! Convolution with stride 1 and its two gradients.

use crate::conv::ConvShape;

/// The convolution of `input`, `[b, in, h, w]`, with `weight`, `[out, in, k, k]`, into `[b, out, h', w']`.
pub fn conv2d(input: &[f64], weight: &[f64], shape: &ConvShape) -> Vec<f64> {
    let mut output = vec![0.0; shape.output_len()];
    for_each_product(shape, |place| {
        output[place.output] += input[place.input] * weight[place.weight];
    });
    output
}

/// The gradient with respect to the input, `[b, in, h, w]`, of a loss whose gradient at the output is `grad_output`.
pub fn conv2d_input_gradient(weight: &[f64], grad_output: &[f64], shape: &ConvShape) -> Vec<f64> {
    let mut grad_input = vec![0.0; shape.input_len()];
    for_each_product(shape, |place| {
        grad_input[place.input] += weight[place.weight] * grad_output[place.output];
    });
    grad_input
}

/// The gradient with respect to the weight, `[out, in, k, k]`, of a loss whose gradient at the output is `grad_output`.
pub fn conv2d_weight_gradient(input: &[f64], grad_output: &[f64], shape: &ConvShape) -> Vec<f64> {
    let mut grad_weight = vec![0.0; shape.weight_len()];
    for_each_product(shape, |place| {
        grad_weight[place.weight] += input[place.input] * grad_output[place.output];
    });
    grad_weight
}

/// The indices of one product `input * weight` and of the output that it is a term of.
struct Term {
    input: usize,
    weight: usize,
    output: usize,
}

/// Visits every product of a convolution once; those with a zero of the padding are left out.
fn for_each_product(shape: &ConvShape, mut visit: impl FnMut(Term)) {
    let &ConvShape { batch, in_channels, out_channels, height, width, kernel, padding } = shape;
    let [out_height, out_width] = shape.output_size();
    for (image, out) in pairs(batch, out_channels) {
        for (y, x) in pairs(out_height, out_width) {
            for channel in 0..in_channels {
                for (ky, kx) in pairs(kernel, kernel) {
                    let (in_y, in_x) = ((y + ky).wrapping_sub(padding), (x + kx).wrapping_sub(padding));
                    if in_y < height && in_x < width {
                        visit(Term {
                            input: ((image * in_channels + channel) * height + in_y) * width + in_x,
                            weight: ((out * in_channels + channel) * kernel + ky) * kernel + kx,
                            output: ((image * out_channels + out) * out_height + y) * out_width + x,
                        });
                    }
                }
            }
        }
    }
}

/// All pairs of numbers below `a` and below `b`, in row-major order.
fn pairs(a: usize, b: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..a * b).map(move |index| (index / b, index % b))
}
