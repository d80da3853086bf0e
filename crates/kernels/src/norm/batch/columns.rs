//! Passes over `[batch, channels]`, whose rows hold a value of each channel.

use rayon::prelude::*;

use super::elementwise::{self, Affine, After, BatchNormPass, Gradient, part};
use crate::Isa;
use crate::arch::{Kernel, Lanes};
use crate::norm::sums::{TASK_VALUES, WIDTH};

/// The mean of each channel and the sum of squared differences from it.
pub(super) fn moments(isa: Isa, x: &[f32], channels: usize) -> Vec<[f64; 2]> {
    let task = rows_a_task(channels) * channels;
    let count = (x.len() / channels) as f64;
    let zeros = vec![0.0; channels];
    let of_tasks = |pivots: &[f64], power| {
        let tasks = x.par_chunks(task);
        let sums = tasks.map(|x| isa.run(WIDTH, Powers { x, pivots, power })).collect::<Vec<_>>();
        add_up(sums, channels)
    };
    let means: Vec<f64> = of_tasks(&zeros, 1).into_iter().map(|sum| sum / count).collect();
    let squares = of_tasks(&means, 2);
    means.into_iter().zip(squares).map(<[f64; 2]>::from).collect()
}

/// Normalizes all rows.
pub(super) fn forward(isa: Isa, x: &[f32], affine: &Affine, after: After<'_>, output: &mut [f32]) {
    let task = rows_a_task(affine.pivot.len()) * affine.pivot.len();
    let tasks = output.par_chunks_mut(task).zip(x.par_chunks(task)).enumerate();
    tasks.for_each(|(index, (output, x))| {
        let after = match after {
            After::AddRelu(residual) => After::AddRelu(&residual[index * task..][..x.len()]),
            other => other,
        };
        isa.run(WIDTH, Forward { x, affine, after, output });
    });
}

/// For each channel the sum of the gradients behind the ReLU, and that of their products with `x - pivot`. Writes these
/// gradients to `residual` where it is asked for.
pub(super) fn gradient_sums(
    isa: Isa,
    pass: &BatchNormPass<'_>,
    pivots: &[f32],
    residual: Option<&mut [f32]>,
) -> Vec<[f64; 2]> {
    let channels = pivots.len();
    let task = rows_a_task(channels) * channels;
    let run = |index: usize, residual: Option<&mut [f32]>| {
        let first = index * task;
        let pass = part(pass, first, task.min(pass.x.len() - first));
        isa.run(WIDTH, GradientSums { pass, pivots, residual })
    };
    let sums: Vec<Vec<f64>> = match residual {
        Some(residual) => {
            let tasks = residual.par_chunks_mut(task).enumerate();
            tasks.map(|(index, residual)| run(index, Some(residual))).collect()
        }
        None => (0..pass.x.len().div_ceil(task)).into_par_iter().map(|index| run(index, None)).collect(),
    };
    let mut sums = add_up(sums, 2 * channels);
    let products = sums.split_off(channels);
    sums.into_iter().zip(products).map(<[f64; 2]>::from).collect()
}

/// Writes the gradient of all rows.
pub(super) fn backward(isa: Isa, pass: &BatchNormPass<'_>, gradient: &Gradient, grad_x: &mut [f32]) {
    let task = rows_a_task(gradient.pivot.len()) * gradient.pivot.len();
    grad_x.par_chunks_mut(task).enumerate().for_each(|(index, grad_x)| {
        let pass = part(pass, index * task, grad_x.len());
        isa.run(WIDTH, Backward { pass, gradient, grad_x });
    });
}

fn rows_a_task(channels: usize) -> usize {
    TASK_VALUES.div_ceil(channels)
}

/// The rows of the tasks' sums, added in their order.
fn add_up(tasks: Vec<Vec<f64>>, len: usize) -> Vec<f64> {
    let mut totals = vec![0.0; len];
    for sums in tasks {
        totals.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    totals
}

/// Of each column the sum of `(x - pivot)^power`, for a power of 1 or 2.
struct Powers<'a> {
    x: &'a [f32],
    pivots: &'a [f64],
    power: u32,
}

impl Kernel for Powers<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> Vec<f64> {
        let mut sums = vec![0.0; self.pivots.len()];
        for row in self.x.chunks_exact(sums.len()) {
            for ((sum, &x), pivot) in sums.iter_mut().zip(row).zip(self.pivots) {
                let difference = f64::from(x) - pivot;
                *sum += if self.power == 1 { difference } else { difference * difference };
            }
        }
        sums
    }
}

struct Forward<'a> {
    x: &'a [f32],
    affine: &'a Affine,
    after: After<'a>,
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { x, affine: Affine { pivot, scale, shift }, after, output } = self;
        let channels = pivot.len();
        let rows = x.chunks_exact(channels).zip(output.chunks_exact_mut(channels));
        for (row, (x, output)) in rows.enumerate() {
            let after = match after {
                After::AddRelu(residual) => After::AddRelu(&residual[row * channels..][..channels]),
                other => other,
            };
            elementwise::forward([&pivot[..], scale, shift], x, after, output);
        }
    }
}

struct GradientSums<'a> {
    pass: BatchNormPass<'a>,
    pivots: &'a [f32],
    residual: Option<&'a mut [f32]>,
}

impl Kernel for GradientSums<'_> {
    /// The sums of all columns, then the products.
    type Output = Vec<f64>;

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) -> Vec<f64> {
        let Self { pass, pivots, mut residual } = self;
        let channels = pivots.len();
        let mut totals = vec![0.0; 2 * channels];
        let (sums, products) = totals.split_at_mut(channels);
        let mut room = vec![0.0; channels];
        for row in 0..pass.x.len() / channels {
            let values = part(&pass, row * channels, channels);
            let grad = match &mut residual {
                Some(residual) => &mut residual[row * channels..][..channels],
                None => &mut room[..],
            };
            elementwise::rectified_gradients(values.rectified, values.grad_output, grad);
            let columns = sums.iter_mut().zip(&mut *products).zip(&*grad).zip(values.x).zip(pivots);
            for ((((sum, product), &grad), &x), &pivot) in columns {
                *sum += f64::from(grad);
                *product += f64::from(grad) * (f64::from(x) - f64::from(pivot));
            }
        }
        totals
    }
}

struct Backward<'a> {
    pass: BatchNormPass<'a>,
    gradient: &'a Gradient,
    grad_x: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { pass, gradient, grad_x } = self;
        let Gradient { of_batch, pivot, scale, mean, slope, constant } = gradient;
        let channels = pivot.len();
        for (row, grad_x) in grad_x.chunks_exact_mut(channels).enumerate() {
            let values = part(&pass, row * channels, channels);
            elementwise::rectified_gradients(values.rectified, values.grad_output, grad_x);
            elementwise::backward(*of_batch, [&pivot[..], scale, mean, slope, constant], values.x, grad_x);
        }
    }
}
