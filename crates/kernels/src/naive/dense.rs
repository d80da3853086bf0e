//! Linear layers without bias, the ReLU that follows some of them, and stacks of them under classifying heads.

use super::loss::{cross_entropy, cross_entropy_backward, distributions};
use super::norm::{Normalized, batch_norm, batch_norm_backward};
use crate::dense::DenseSpec;
use crate::loss::Targets;

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

/// Every value of a stack's forward pass that its backward pass needs.
pub struct DenseValues {
    /// The input of each hidden layer, one-hot classes included, and then of the heads, `[b, in]`.
    pub inputs: Vec<Vec<f64>>,
    /// The output of each hidden layer before its norm, `[b, out]`.
    pub linear: Vec<Vec<f64>>,
    /// The norm of each hidden layer.
    pub norms: Vec<Normalized>,
    /// The logits of each head, `[b, classes]`.
    pub logits: Vec<Vec<f64>>,
}

/// The forward pass of `inputs`, `[b, inputs]`, with the class of each row where `spec` has a one-hot input.
pub fn forward(spec: &DenseSpec, inputs: &[f64], one_hot: &[u8], params: &[f64]) -> DenseValues {
    let (layout, b) = (spec.layout(), inputs.len() / spec.inputs);
    let mut pass = DenseValues { inputs: vec![], linear: vec![], norms: vec![], logits: vec![] };
    let mut x = inputs.to_vec();
    for (layer, (&outputs, at)) in spec.layers.iter().zip(layout.layers).enumerate() {
        x = join_one_hot(spec, layer, x, one_hot);
        let linear = linear(&x, &params[at.weight], [b, spec.row_length(layer), outputs]);
        let norm = batch_norm(&linear, [b, outputs, 1], &params[at.gamma], &params[at.beta]);
        pass.inputs.push(std::mem::replace(&mut x, relu(&norm.output)));
        pass.linear.push(linear);
        pass.norms.push(norm);
    }
    pass.logits = heads(spec, &x, params);
    pass.inputs.push(x);
    pass
}

/// The logits of each head, `[b, classes]`, from its input, `[b, in]`.
pub(super) fn heads(spec: &DenseSpec, x: &[f64], params: &[f64]) -> Vec<Vec<f64>> {
    let b = x.len() / spec.last_width();
    let heads = spec.heads.iter().zip(spec.layout().heads);
    heads.map(|(&classes, weight)| linear(x, &params[weight], [b, spec.last_width(), classes])).collect()
}

/// The input of a hidden layer with one-hot classes behind its rows, if it has any.
pub(super) fn join_one_hot(spec: &DenseSpec, layer: usize, x: Vec<f64>, classes: &[u8]) -> Vec<f64> {
    let Some(input) = spec.one_hot.filter(|input| input.layer == layer) else { return x };
    let one_hot =
        |of_row: u8| (0..input.classes).map(move |class| f64::from(u8::from(class == of_row.into())));
    let rows = x.chunks_exact(spec.width_before(layer)).zip(classes);
    rows.flat_map(|(row, &class)| row.iter().copied().chain(one_hot(class))).collect()
}

/// The loss of a pass: the mean over the batch of the sum of the heads' cross-entropies.
pub fn loss(spec: &DenseSpec, pass: &DenseValues, targets: &[Targets<'_>]) -> f64 {
    let heads = spec.heads.iter().zip(&pass.logits).zip(targets);
    let of_head = |((&classes, logits), targets): ((_, &Vec<f64>), &Targets<'_>)| {
        cross_entropy(logits, classes, &distributions(classes, targets)).iter().sum::<f64>()
    };
    heads.map(of_head).sum::<f64>() / targets[0].labels.len() as f64
}

/// The gradients of [`loss`] with respect to the inputs, `[b, inputs]`, and the parameters, in their layout.
pub fn backward(
    spec: &DenseSpec,
    pass: &DenseValues,
    params: &[f64],
    targets: &[Targets<'_>],
) -> (Vec<f64>, Vec<f64>) {
    let (layout, b) = (spec.layout(), targets[0].labels.len());
    let mut grad_params = vec![0.0; params.len()];
    let x = pass.inputs.last().expect("the heads have an input");
    let mut grad = vec![0.0; x.len()];
    for (head, weight) in layout.heads.into_iter().enumerate() {
        let classes = spec.heads[head];
        let expected = distributions(classes, &targets[head]);
        let mut upstream = cross_entropy_backward(&pass.logits[head], classes, &expected);
        upstream.iter_mut().for_each(|grad| *grad /= b as f64);
        let shape = [b, spec.last_width(), classes];
        let (of_input, of_weight) = linear_backward(x, &params[weight.clone()], shape, &upstream);
        grad.iter_mut().zip(of_input).for_each(|(grad, of_head)| *grad += of_head);
        grad_params[weight].copy_from_slice(&of_weight);
    }
    for (layer, at) in layout.layers.into_iter().enumerate().rev() {
        let (outputs, row_length) = (spec.layers[layer], spec.row_length(layer));
        grad = relu_backward(&relu(&pass.norms[layer].output), &grad);
        let norm =
            batch_norm_backward(&pass.linear[layer], [b, outputs, 1], &params[at.gamma.clone()], &grad);
        let shape = [b, row_length, outputs];
        let (of_row, of_weight) =
            linear_backward(&pass.inputs[layer], &params[at.weight.clone()], shape, &norm.input);
        // One-hot classes have no gradient.
        let rows = of_row.chunks_exact(row_length);
        grad = rows.flat_map(|row| row[..spec.width_before(layer)].to_vec()).collect();
        for (range, values) in [(at.weight, of_weight), (at.gamma, norm.gamma), (at.beta, norm.beta)] {
            grad_params[range].copy_from_slice(&values);
        }
    }
    (grad, grad_params)
}
