//! Linear layers without bias, and the activations that follow some of them.

/// `input`, `[b, i]`, times the transpose of `weight`, `[o, i]`: `[b, o]`.
pub fn linear(input: &[f64], weight: &[f64], [b, i, o]: [usize; 3]) -> Vec<f64> {
    let mut output = vec![0.0; b * o];
    for row in 0..b {
        for out in 0..o {
            for inp in 0..i {
                output[row * o + out] += input[row * i + inp] * weight[out * i + inp];
            }
        }
    }
    output
}

/// The gradients of [`linear`] with respect to `input`, `[b, i]`, and `weight`, `[o, i]`, for `grad_output`, `[b, o]`.
pub fn linear_backward(
    input: &[f64],
    weight: &[f64],
    [b, i, o]: [usize; 3],
    grad_output: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let mut grad_input = vec![0.0; b * i];
    let mut grad_weight = vec![0.0; o * i];
    for row in 0..b {
        for out in 0..o {
            let grad = grad_output[row * o + out];
            for inp in 0..i {
                grad_input[row * i + inp] += grad * weight[out * i + inp];
                grad_weight[out * i + inp] += grad * input[row * i + inp];
            }
        }
    }
    (grad_input, grad_weight)
}

/// Negative values become 0.
pub fn relu(input: &[f64]) -> Vec<f64> {
    input.iter().map(|&x| x.max(0.0)).collect()
}

/// The gradient of [`relu`], from its output: 0 where the output is 0.
pub fn relu_backward(output: &[f64], grad_output: &[f64]) -> Vec<f64> {
    output.iter().zip(grad_output).map(|(&y, &grad)| if y > 0.0 { grad } else { 0.0 }).collect()
}

/// `x` where it is above 0, else `slope * x`.
pub fn leaky_relu(input: &[f64], slope: f64) -> Vec<f64> {
    input.iter().map(|&x| if x > 0.0 { x } else { slope * x }).collect()
}

/// The gradient of [`leaky_relu`], from its input: `slope` at 0.
pub fn leaky_relu_backward(input: &[f64], slope: f64, grad_output: &[f64]) -> Vec<f64> {
    input.iter().zip(grad_output).map(|(&x, &grad)| if x > 0.0 { grad } else { slope * grad }).collect()
}
