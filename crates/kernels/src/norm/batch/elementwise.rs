//! What is computed of each value, with one channel's numbers for a plane or with those of all channels for a row.

/// What is done to the normalized values before they are written.
#[derive(Clone, Copy, Debug)]
pub enum After<'a> {
    /// Nothing.
    Nothing,
    /// A ReLU.
    Relu,
    /// This second input, `[batch, channels, pixels]`, is added, and then comes a ReLU.
    AddRelu(&'a [f32]),
}

/// What the backward pass reads of the forward pass, and the gradient that comes to it; all `[batch, channels, pixels]`.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormPass<'a> {
    /// The input.
    pub x: &'a [f32],
    /// The output, where a ReLU came [after](After).
    pub rectified: Option<&'a [f32]>,
    /// The gradient at the output.
    pub grad_output: &'a [f32],
    /// Whether the statistics are those of `x`, and have a part in its gradient.
    pub of_batch: bool,
}

/// `(x - pivot) * scale + shift` of each channel.
pub(super) struct Affine {
    pub(super) pivot: Vec<f32>,
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

/// `scale * (g - mean) + slope * (x - pivot) + constant` of each channel for statistics of the batch, else `scale * g`.
pub(super) struct Gradient {
    pub(super) of_batch: bool,
    pub(super) pivot: Vec<f32>,
    pub(super) scale: Vec<f32>,
    pub(super) mean: Vec<f32>,
    pub(super) slope: Vec<f32>,
    pub(super) constant: Vec<f32>,
}

/// A number for each value of a run.
pub(super) trait Numbers: Copy {
    /// Those of the first `len` values: compilers then see that every index is one.
    fn cut(self, len: usize) -> Self;
    fn at(self, index: usize) -> f32;
}

/// The same for all.
impl Numbers for f32 {
    #[inline(always)]
    fn cut(self, _: usize) -> Self {
        self
    }
    #[inline(always)]
    fn at(self, _: usize) -> f32 {
        self
    }
}

impl Numbers for &[f32] {
    #[inline(always)]
    fn cut(self, len: usize) -> Self {
        &self[..len]
    }
    #[inline(always)]
    fn at(self, index: usize) -> f32 {
        self[index]
    }
}

/// Zero for what is not above zero; a NaN stays.
#[inline(always)]
fn relu(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

/// A run of outputs.
#[inline(always)]
pub(super) fn forward<N: Numbers>(
    [pivot, scale, shift]: [N; 3],
    x: &[f32],
    after: After<'_>,
    output: &mut [f32],
) {
    let len = x.len();
    let (pivot, scale, shift, output) = (pivot.cut(len), scale.cut(len), shift.cut(len), &mut output[..len]);
    let normal = |at: usize| (x[at] - pivot.at(at)) * scale.at(at) + shift.at(at);
    match after {
        After::Nothing => (0..len).for_each(|at| output[at] = normal(at)),
        After::Relu => (0..len).for_each(|at| output[at] = relu(normal(at))),
        After::AddRelu(residual) => {
            let residual = &residual[..len];
            (0..len).for_each(|at| output[at] = relu(normal(at) + residual[at]));
        }
    }
}

/// A run of gradients at the ReLU's input; at the output where there was none.
#[inline(always)]
pub(super) fn rectified_gradients(rectified: Option<&[f32]>, grad_output: &[f32], grad: &mut [f32]) {
    match rectified {
        Some(output) => {
            let all = grad.iter_mut().zip(output).zip(grad_output);
            all.for_each(|((grad, &output), &upstream)| *grad = if output <= 0.0 { 0.0 } else { upstream });
        }
        None => grad.copy_from_slice(grad_output),
    }
}

/// A run of gradients at the input: `grad_x` holds those at the ReLU's input and is written over.
#[inline(always)]
pub(super) fn backward<N: Numbers>(
    of_batch: bool,
    [pivot, scale, mean, slope, constant]: [N; 5],
    x: &[f32],
    grad_x: &mut [f32],
) {
    let len = x.len();
    let grad_x = &mut grad_x[..len];
    let scale = scale.cut(len);
    if !of_batch {
        (0..len).for_each(|at| grad_x[at] *= scale.at(at));
        return;
    }
    let (pivot, mean, slope, constant) = (pivot.cut(len), mean.cut(len), slope.cut(len), constant.cut(len));
    for at in 0..len {
        let of_value = slope.at(at) * (x[at] - pivot.at(at)) + constant.at(at);
        grad_x[at] = scale.at(at) * (grad_x[at] - mean.at(at)) + of_value;
    }
}

/// A part of a pass: the values from `first` on.
pub(super) fn part<'a>(pass: &BatchNormPass<'a>, first: usize, len: usize) -> BatchNormPass<'a> {
    let of = |values: &'a [f32]| &values[first..first + len];
    BatchNormPass {
        x: of(pass.x),
        rectified: pass.rectified.map(of),
        grad_output: of(pass.grad_output),
        of_batch: pass.of_batch,
    }
}
