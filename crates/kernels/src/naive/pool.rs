//! 2x2 max pooling with stride 2, and the average over a whole plane.

/// Max pooling of `input`, `[b, c, h, w]`, into `[b, c, h / 2, w / 2]`; an odd last row or column is left out.
pub fn max_pool2d(input: &[f64], shape: [usize; 4]) -> Vec<f64> {
    windows(shape).map(|window| input[winner(input, window)]).collect()
}

/// The gradient of [`max_pool2d`] with respect to its input: each output's gradient goes to the value that won.
pub fn max_pool2d_backward(input: &[f64], shape: [usize; 4], grad_output: &[f64]) -> Vec<f64> {
    let mut grad_input = vec![0.0; input.len()];
    for (window, grad) in windows(shape).zip(grad_output) {
        grad_input[winner(input, window)] += grad;
    }
    grad_input
}

/// The indices of each window's four values, in row-major order, window after window in the order of the output.
fn windows([b, c, h, w]: [usize; 4]) -> impl Iterator<Item = [usize; 4]> {
    let corners = (0..b * c).flat_map(move |plane| {
        (0..h / 2).flat_map(move |y| (0..w / 2).map(move |x| plane * h * w + 2 * y * w + 2 * x))
    });
    corners.map(move |corner| [corner, corner + 1, corner + w, corner + w + 1])
}

/// The index of a window's maximum: the first of equals; a NaN beats every number, and the last NaN wins.
fn winner(input: &[f64], window: [usize; 4]) -> usize {
    let mut best = window[0];
    for index in window {
        if input[index] > input[best] || input[index].is_nan() {
            best = index;
        }
    }
    best
}

/// The average of each plane: `[b, c, h, w]` to `[b, c]`.
pub fn global_average_pool(input: &[f64], [_, _, h, w]: [usize; 4]) -> Vec<f64> {
    input.chunks_exact(h * w).map(|plane| plane.iter().sum::<f64>() / (h * w) as f64).collect()
}

/// The gradient of [`global_average_pool`]: each value of a plane gets an equal share.
pub fn global_average_pool_backward([_, _, h, w]: [usize; 4], grad_output: &[f64]) -> Vec<f64> {
    grad_output.iter().flat_map(|grad| vec![grad / (h * w) as f64; h * w]).collect()
}
