//! Max and average pools over square windows, and the average over a whole plane.

/// The sizes of a pool: `[planes, h, w]` to `[planes, h', w']`; what no whole window covers is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Images times channels.
    pub planes: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Rows and columns of a window.
    pub kernel: usize,
    /// The distance between windows.
    pub stride: usize,
}

impl Pool {
    /// The 2x2 windows of `[b, c, h, w]` that lie side by side.
    pub fn halving([b, c, height, width]: [usize; 4]) -> Self {
        Self { planes: b * c, height, width, kernel: 2, stride: 2 }
    }

    /// The indices of each window's values, in row-major order, window after window in the order of the output.
    fn windows(&self) -> impl Iterator<Item = Vec<usize>> {
        let Self { planes, height, width, kernel, stride } = *self;
        let count = move |side: usize| if side < kernel { 0 } else { (side - kernel) / stride + 1 };
        let corners = (0..planes).flat_map(move |plane| {
            (0..count(height)).flat_map(move |y| {
                (0..count(width)).map(move |x| (plane * height + y * stride) * width + x * stride)
            })
        });
        corners.map(move |corner| {
            (0..kernel * kernel).map(|at| corner + at / kernel * width + at % kernel).collect()
        })
    }
}

/// The maximum of each window.
pub fn max_pool2d(input: &[f64], pool: &Pool) -> Vec<f64> {
    pool.windows().map(|window| input[winner(input, &window)]).collect()
}

/// The gradient of [`max_pool2d`] with respect to its input: each output's gradient goes to the value that won.
pub fn max_pool2d_backward(input: &[f64], pool: &Pool, grad_output: &[f64]) -> Vec<f64> {
    let mut grad_input = vec![0.0; input.len()];
    for (window, grad) in pool.windows().zip(grad_output) {
        grad_input[winner(input, &window)] += grad;
    }
    grad_input
}

/// The index of a window's maximum: the first of equals; a NaN beats every number, and the last NaN wins.
fn winner(input: &[f64], window: &[usize]) -> usize {
    let mut best = window[0];
    for &index in window {
        if input[index] > input[best] || input[index].is_nan() {
            best = index;
        }
    }
    best
}

/// The mean of each window.
pub fn avg_pool2d(input: &[f64], pool: &Pool) -> Vec<f64> {
    let mean = |window: Vec<usize>| window.iter().map(|&at| input[at]).sum::<f64>() / window.len() as f64;
    pool.windows().map(mean).collect()
}

/// The gradient of [`avg_pool2d`]: each value of a window gets an equal share.
pub fn avg_pool2d_backward(pool: &Pool, grad_output: &[f64]) -> Vec<f64> {
    let mut grad_input = vec![0.0; pool.planes * pool.height * pool.width];
    for (window, grad) in pool.windows().zip(grad_output) {
        for &at in &window {
            grad_input[at] += grad / window.len() as f64;
        }
    }
    grad_input
}

/// The average of each plane: `[planes, pixels]` to `[planes]`.
pub fn global_average_pool(input: &[f64], pixels: usize) -> Vec<f64> {
    input.chunks_exact(pixels).map(|plane| plane.iter().sum::<f64>() / pixels as f64).collect()
}

/// The gradient of [`global_average_pool`]: each value of a plane gets an equal share.
pub fn global_average_pool_backward(pixels: usize, grad_output: &[f64]) -> Vec<f64> {
    grad_output.iter().flat_map(|grad| vec![grad / pixels as f64; pixels]).collect()
}
