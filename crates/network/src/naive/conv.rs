//! Convolution and its two gradients.

/// The sizes of a convolution: `[b, in, h, w]` with a weight of `[out, in, k, k]` to `[b, out, h', w']`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
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
    /// The distance between two outputs' inputs.
    pub stride: usize,
    /// Zeros on each side of the input.
    pub padding: usize,
}

impl Conv {
    /// Rows and columns of the output.
    pub fn output_size(&self) -> [usize; 2] {
        [self.height, self.width].map(|side| (side + 2 * self.padding - self.kernel) / self.stride + 1)
    }
}

/// The convolution of `input`, `[b, in, h, w]`, with `weight`, `[out, in, k, k]`, into `[b, out, h', w']`.
pub fn conv2d(input: &[f64], weight: &[f64], conv: &Conv) -> Vec<f64> {
    let mut output = vec![0.0; conv.batch * conv.out_channels * conv.output_size().iter().product::<usize>()];
    for_each_product(conv, |index| {
        output[index.output] += input[index.input] * weight[index.weight];
    });
    output
}

/// The gradient with respect to the input, `[b, in, h, w]`, of a loss whose gradient at the output is `grad_output`.
pub fn conv2d_input_gradient(weight: &[f64], grad_output: &[f64], conv: &Conv) -> Vec<f64> {
    let mut grad_input = vec![0.0; conv.batch * conv.in_channels * conv.height * conv.width];
    for_each_product(conv, |index| {
        grad_input[index.input] += weight[index.weight] * grad_output[index.output];
    });
    grad_input
}

/// The gradient with respect to the weight, `[out, in, k, k]`, of a loss whose gradient at the output is `grad_output`.
pub fn conv2d_weight_gradient(input: &[f64], grad_output: &[f64], conv: &Conv) -> Vec<f64> {
    let mut grad_weight = vec![0.0; conv.out_channels * conv.in_channels * conv.kernel * conv.kernel];
    for_each_product(conv, |index| {
        grad_weight[index.weight] += input[index.input] * grad_output[index.output];
    });
    grad_weight
}

/// The indices of one product `input * weight` and of the output that it is a term of.
struct Index {
    input: usize,
    weight: usize,
    output: usize,
}

/// Visits every product of a convolution once; those with a zero of the padding are left out.
fn for_each_product(conv: &Conv, mut visit: impl FnMut(Index)) {
    let &Conv { batch, in_channels, out_channels, height, width, kernel, stride, padding } = conv;
    let [out_height, out_width] = conv.output_size();
    for (image, out) in pairs(batch, out_channels) {
        for (y, x) in pairs(out_height, out_width) {
            for channel in 0..in_channels {
                for (ky, kx) in pairs(kernel, kernel) {
                    let in_y = (y * stride + ky).wrapping_sub(padding);
                    let in_x = (x * stride + kx).wrapping_sub(padding);
                    if in_y < height && in_x < width {
                        visit(Index {
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
