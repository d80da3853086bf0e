//! Sums over a row of values in one order on every instruction set.

use crate::arch::{Lanes, Width};

/// The lanes of all sums: part of the order in which they are taken.
pub(super) const WIDTH: Width = Width::Sixteen;
const LANES: usize = WIDTH.lanes();

/// Values whose sum stays in `f32`; more would lose digits.
const BLOCK: usize = 64 * LANES;

/// The values of a task, some 10 us of work: less does not pay for a thread.
pub(super) const TASK_VALUES: usize = 16 * 1024;

/// The sum of all values.
#[inline(always)]
fn sum<L: Lanes>(lanes: L, values: &[f32]) -> f64 {
    let mut total = 0.0;
    for block in values.chunks(BLOCK) {
        let mut sum = lanes.splat(0.0);
        let (whole, rest) = block.as_chunks::<LANES>();
        for chunk in whole {
            sum = lanes.add(sum, lanes.load(chunk));
        }
        if !rest.is_empty() {
            sum = lanes.add(sum, lanes.load(&filled(rest, 0.0)));
        }
        total += add_up(lanes, sum);
    }
    total
}

/// The sum of all values less `pivot`, and that of their squares.
#[inline(always)]
fn powers<L: Lanes>(lanes: L, values: &[f32], pivot: f32) -> [f64; 2] {
    let (mut totals, pivots) = ([0.0; 2], lanes.splat(pivot));
    for block in values.chunks(BLOCK) {
        let (mut sum, mut squares) = (lanes.splat(0.0), lanes.splat(0.0));
        let (whole, rest) = block.as_chunks::<LANES>();
        for chunk in whole {
            let difference = lanes.sub(lanes.load(chunk), pivots);
            sum = lanes.add(sum, difference);
            squares = lanes.fma(difference, difference, squares);
        }
        if !rest.is_empty() {
            let difference = lanes.sub(lanes.load(&filled(rest, pivot)), pivots);
            sum = lanes.add(sum, difference);
            squares = lanes.fma(difference, difference, squares);
        }
        totals[0] += add_up(lanes, sum);
        totals[1] += add_up(lanes, squares);
    }
    totals
}

/// The mean of some values, at least one, and the sum of squared differences from it.
#[inline(always)]
pub(super) fn moments<L: Lanes>(lanes: L, values: &[f32]) -> [f64; 2] {
    let count = values.len() as f64;
    // About the mean itself, as far as the first sum knows it, nothing is lost to its size.
    let pivot = (sum(lanes, values) / count) as f32;
    let [rest, squares] = powers(lanes, values, pivot);
    let rest = rest / count;
    [f64::from(pivot) + rest, squares - count * rest * rest]
}

/// The mean of the squares of some values, at least one.
#[inline(always)]
pub(super) fn mean_square<L: Lanes>(lanes: L, values: &[f32]) -> f64 {
    powers(lanes, values, 0.0)[1] / values.len() as f64
}

/// The sum of `grad`, and that of `grad * (x - pivot)`.
#[inline(always)]
pub(super) fn products<L: Lanes>(lanes: L, grad: &[f32], x: &[f32], pivot: f32) -> [f64; 2] {
    let (mut totals, pivots) = ([0.0; 2], lanes.splat(pivot));
    for (grad, x) in grad.chunks(BLOCK).zip(x.chunks(BLOCK)) {
        let (mut sum, mut product) = (lanes.splat(0.0), lanes.splat(0.0));
        let ((grads, grad_rest), (values, rest)) = (grad.as_chunks::<LANES>(), x.as_chunks::<LANES>());
        for (grad, x) in grads.iter().zip(values) {
            let grad = lanes.load(grad);
            sum = lanes.add(sum, grad);
            product = lanes.fma(grad, lanes.sub(lanes.load(x), pivots), product);
        }
        if !rest.is_empty() {
            let grad = lanes.load(&filled(grad_rest, 0.0));
            sum = lanes.add(sum, grad);
            product = lanes.fma(grad, lanes.sub(lanes.load(&filled(rest, pivot)), pivots), product);
        }
        totals[0] += add_up(lanes, sum);
        totals[1] += add_up(lanes, product);
    }
    totals
}

/// Fewer values than lanes, and `fill` in the others.
#[inline(always)]
fn filled(rest: &[f32], fill: f32) -> [f32; LANES] {
    let mut values = [fill; LANES];
    values[..rest.len()].copy_from_slice(rest);
    values
}

/// The sum of all lanes.
#[inline(always)]
fn add_up<L: Lanes>(lanes: L, sum: L::F) -> f64 {
    let mut values = [0.0; LANES];
    lanes.store(sum, &mut values);
    values.iter().fold(0.0, |total, &value| total + f64::from(value))
}
