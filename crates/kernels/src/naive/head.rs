//! The whole head: embedding, addend, hidden layer, both classifiers and their loss.

use super::dense::{linear, linear_backward, relu, relu_backward};
use super::loss::{cross_entropy, cross_entropy_backward, targets};
use super::norm::{Normalised, batch_norm, batch_norm_backward};
use crate::head::{HeadSpec, Targets};

/// Every value of a forward pass that the backward pass needs.
pub struct HeadPass {
    /// Of the embedding layer before its norm, `[b, embedding]`.
    pub embedding_linear: Vec<f64>,
    /// The embedding layer's norm.
    pub embedding_norm: Normalised,
    /// The embedding beside the one-hot addend, `[b, embedding + addends]`.
    pub hidden_input: Vec<f64>,
    /// Of the hidden layer before its norm, `[b, hidden]`.
    pub hidden_linear: Vec<f64>,
    /// The hidden layer's norm.
    pub hidden_norm: Normalised,
    /// Of the hidden layer, `[b, hidden]`.
    pub hidden: Vec<f64>,
    /// `[b, digits]`.
    pub digit_logits: Vec<f64>,
    /// `[b, sums]`.
    pub sum_logits: Vec<f64>,
}

/// From features, `[b, features]`, and one addend for each image to the logits of both heads.
pub fn forward(spec: &HeadSpec, features: &[f64], addends: &[u8], params: &[f64]) -> HeadPass {
    let (layout, b) = (spec.layout(), addends.len());

    let shape = [b, spec.features, spec.embedding];
    let embedding_linear = linear(features, &params[layout.embedding_weight], shape);
    let (gamma, beta) = (&params[layout.embedding_gamma], &params[layout.embedding_beta]);
    let embedding_norm = batch_norm(&embedding_linear, [b, spec.embedding, 1], gamma, beta);
    let embedding = relu(&embedding_norm.output);

    let mut hidden_input = vec![];
    for (embedding, &addend) in embedding.chunks_exact(spec.embedding).zip(addends) {
        hidden_input.extend_from_slice(embedding);
        hidden_input
            .extend((0..spec.addends).map(|class| if class == usize::from(addend) { 1.0 } else { 0.0 }));
    }
    let shape = [b, spec.embedding + spec.addends, spec.hidden];
    let hidden_linear = linear(&hidden_input, &params[layout.hidden_weight], shape);
    let (gamma, beta) = (&params[layout.hidden_gamma], &params[layout.hidden_beta]);
    let hidden_norm = batch_norm(&hidden_linear, [b, spec.hidden, 1], gamma, beta);
    let hidden = relu(&hidden_norm.output);

    let digit_logits = linear(&hidden, &params[layout.digit_weight], [b, spec.hidden, spec.digits]);
    let sum_logits = linear(&hidden, &params[layout.sum_weight], [b, spec.hidden, spec.sums]);
    HeadPass {
        embedding_linear,
        embedding_norm,
        hidden_input,
        hidden_linear,
        hidden_norm,
        hidden,
        digit_logits,
        sum_logits,
    }
}

/// The distributions that both heads should give, `[b, digits]` and `[b, sums]`.
fn distributions(spec: &HeadSpec, wanted: &Targets<'_>) -> [Vec<f64>; 2] {
    let wide = |values: &[f32]| -> Vec<f64> { values.iter().map(|&value| f64::from(value)).collect() };
    let soft = wanted.soft.map(|soft| (wide(soft.digits), wide(soft.sums), f64::from(soft.weight)));
    let smoothing = f64::from(wanted.label_smoothing);
    let (digits, sums) = match &soft {
        Some((digits, sums, weight)) => (Some((&digits[..], *weight)), Some((&sums[..], *weight))),
        None => (None, None),
    };
    [targets(spec.digits, wanted.digits, smoothing, digits), targets(spec.sums, wanted.sums, smoothing, sums)]
}

/// The loss of a pass: the mean over the batch of the cross-entropies of both heads.
pub fn loss(spec: &HeadSpec, pass: &HeadPass, targets: &Targets<'_>) -> f64 {
    let [digits, sums] = distributions(spec, targets);
    let digit = cross_entropy(&pass.digit_logits, spec.digits, &digits);
    let sum = cross_entropy(&pass.sum_logits, spec.sums, &sums);
    digit.iter().chain(&sum).sum::<f64>() / targets.digits.len() as f64
}

/// The gradients of [`loss`] with respect to the features, `[b, features]`, and the parameters, in their layout.
pub fn backward(
    spec: &HeadSpec,
    pass: &HeadPass,
    features: &[f64],
    params: &[f64],
    targets: &Targets<'_>,
) -> (Vec<f64>, Vec<f64>) {
    let (layout, b) = (spec.layout(), targets.digits.len());
    let [digits, sums] = distributions(spec, targets);
    let mean = |grad: Vec<f64>| -> Vec<f64> { grad.into_iter().map(|grad| grad / b as f64).collect() };

    let grad = mean(cross_entropy_backward(&pass.digit_logits, spec.digits, &digits));
    let shape = [b, spec.hidden, spec.digits];
    let (from_digit, digit_weight) =
        linear_backward(&pass.hidden, &params[layout.digit_weight], shape, &grad);
    let grad = mean(cross_entropy_backward(&pass.sum_logits, spec.sums, &sums));
    let shape = [b, spec.hidden, spec.sums];
    let (from_sum, sum_weight) = linear_backward(&pass.hidden, &params[layout.sum_weight], shape, &grad);
    let grad: Vec<f64> = from_digit.iter().zip(&from_sum).map(|(digit, sum)| digit + sum).collect();

    let grad = relu_backward(&pass.hidden, &grad);
    let gamma = &params[layout.hidden_gamma];
    let hidden_norm = batch_norm_backward(&pass.hidden_linear, [b, spec.hidden, 1], gamma, &grad);
    let shape = [b, spec.embedding + spec.addends, spec.hidden];
    let weight = &params[layout.hidden_weight];
    let (grad, hidden_weight) = linear_backward(&pass.hidden_input, weight, shape, &hidden_norm.input);

    // The one-hot addends have no gradient.
    let rows = grad.chunks_exact(spec.embedding + spec.addends);
    let grad: Vec<f64> = rows.flat_map(|row| row[..spec.embedding].to_vec()).collect();
    let grad = relu_backward(&relu(&pass.embedding_norm.output), &grad);
    let gamma = &params[layout.embedding_gamma];
    let embedding_norm = batch_norm_backward(&pass.embedding_linear, [b, spec.embedding, 1], gamma, &grad);
    let shape = [b, spec.features, spec.embedding];
    let weight = &params[layout.embedding_weight];
    let (grad_features, embedding_weight) = linear_backward(features, weight, shape, &embedding_norm.input);

    let grads = [
        embedding_weight,
        embedding_norm.gamma,
        embedding_norm.beta,
        hidden_weight,
        hidden_norm.gamma,
        hidden_norm.beta,
        digit_weight,
        sum_weight,
    ];
    (grad_features, grads.concat())
}
