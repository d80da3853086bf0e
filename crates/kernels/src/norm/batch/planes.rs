//! Passes over `[batch, channels, pixels]`, plane by plane.

use rayon::prelude::*;

use super::elementwise::{self, Affine, After, BatchNormPass, Gradient, part};
use crate::Isa;
use crate::arch::{Kernel, Lanes};
use crate::norm::sums::{TASK_VALUES, WIDTH, moments as moments_of, products};

/// The mean of each channel and the sum of squared differences from it.
pub(super) fn moments(isa: Isa, x: &[f32], [batch, channels, pixels]: [usize; 3]) -> Vec<[f64; 2]> {
    let task = planes_a_task(pixels);
    let mut planes = vec![[0.0; 2]; batch * channels];
    let tasks = planes.par_chunks_mut(task).zip(x.par_chunks(task * pixels));
    tasks.for_each(|(moments, x)| isa.run(WIDTH, Moments { x, pixels, moments }));
    let of_channel = |channel: usize| {
        let planes = || planes[channel..].iter().step_by(channels);
        let mean = planes().map(|moments| moments[0]).sum::<f64>() / batch as f64;
        let between = planes().map(|moments| (moments[0] - mean).powi(2)).sum::<f64>();
        [mean, planes().map(|moments| moments[1]).sum::<f64>() + pixels as f64 * between]
    };
    (0..channels).map(of_channel).collect()
}

/// Normalizes all planes.
pub(super) fn forward(
    isa: Isa,
    x: &[f32],
    (affine, pixels): (&Affine, usize),
    after: After<'_>,
    output: &mut [f32],
) {
    let task = planes_a_task(pixels);
    let tasks = output.par_chunks_mut(task * pixels).zip(x.par_chunks(task * pixels)).enumerate();
    tasks.for_each(|(index, (output, x))| {
        let first_plane = index * task;
        isa.run(WIDTH, Forward { x, affine, pixels, first_plane, after, output });
    });
}

/// For each channel the sum of the gradients behind the ReLU, and that of their products with `x - pivot`. Writes these
/// gradients to `residual` where it is asked for.
pub(super) fn gradient_sums(
    isa: Isa,
    pass: &BatchNormPass<'_>,
    (pivots, pixels): (&[f32], usize),
    residual: Option<&mut [f32]>,
) -> Vec<[f64; 2]> {
    let (channels, task) = (pivots.len(), planes_a_task(pixels));
    let mut planes = vec![[0.0; 2]; pass.x.len() / pixels];
    let run = |index: usize, sums: &mut [[f64; 2]], residual: Option<&mut [f32]>| {
        let first_plane = index * task;
        let pass = part(pass, first_plane * pixels, sums.len() * pixels);
        isa.run(WIDTH, GradientSums { pass, pivots, pixels, first_plane, residual, sums });
    };
    match residual {
        Some(residual) => {
            let tasks = planes.par_chunks_mut(task).zip(residual.par_chunks_mut(task * pixels));
            tasks.enumerate().for_each(|(index, (sums, residual))| run(index, sums, Some(residual)));
        }
        None => planes.par_chunks_mut(task).enumerate().for_each(|(index, sums)| run(index, sums, None)),
    }
    let of_channel = |channel: usize| {
        let planes = planes[channel..].iter().step_by(channels);
        planes.fold([0.0; 2], |total, sums| [total[0] + sums[0], total[1] + sums[1]])
    };
    (0..channels).map(of_channel).collect()
}

/// Writes the gradient of all planes.
pub(super) fn backward(
    isa: Isa,
    pass: &BatchNormPass<'_>,
    (gradient, pixels): (&Gradient, usize),
    grad_x: &mut [f32],
) {
    let task = planes_a_task(pixels);
    grad_x.par_chunks_mut(task * pixels).enumerate().for_each(|(index, grad_x)| {
        let first_plane = index * task;
        let pass = part(pass, first_plane * pixels, grad_x.len());
        isa.run(WIDTH, Backward { pass, gradient, pixels, first_plane, grad_x });
    });
}

fn planes_a_task(pixels: usize) -> usize {
    TASK_VALUES.div_ceil(pixels)
}

struct Moments<'a> {
    x: &'a [f32],
    pixels: usize,
    moments: &'a mut [[f64; 2]],
}

impl Kernel for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        for (plane, moments) in self.x.chunks_exact(self.pixels).zip(self.moments) {
            *moments = moments_of(lanes, plane);
        }
    }
}

struct Forward<'a> {
    x: &'a [f32],
    affine: &'a Affine,
    pixels: usize,
    first_plane: usize,
    after: After<'a>,
    output: &'a mut [f32],
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { x, affine: Affine { pivot, scale, shift }, pixels, first_plane, after, output } = self;
        let planes = x.chunks_exact(pixels).zip(output.chunks_exact_mut(pixels));
        for (plane, (x, output)) in (first_plane..).zip(planes) {
            let channel = plane % pivot.len();
            let after = match after {
                After::AddRelu(residual) => After::AddRelu(&residual[plane * pixels..][..pixels]),
                other => other,
            };
            elementwise::forward([pivot[channel], scale[channel], shift[channel]], x, after, output);
        }
    }
}

struct GradientSums<'a> {
    pass: BatchNormPass<'a>,
    pivots: &'a [f32],
    pixels: usize,
    first_plane: usize,
    residual: Option<&'a mut [f32]>,
    sums: &'a mut [[f64; 2]],
}

impl Kernel for GradientSums<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { pass, pivots, pixels, first_plane, mut residual, sums } = self;
        let needs_room = residual.is_none() && pass.rectified.is_some();
        let mut room = vec![0.0; if needs_room { pixels } else { 0 }];
        for (index, sums) in sums.iter_mut().enumerate() {
            let plane = part(&pass, index * pixels, pixels);
            let pivot = pivots[(first_plane + index) % pivots.len()];
            let grad = match &mut residual {
                Some(residual) => &mut residual[index * pixels..][..pixels],
                None => &mut room[..],
            };
            let grad = if grad.is_empty() {
                plane.grad_output
            } else {
                elementwise::rectified_gradients(plane.rectified, plane.grad_output, grad);
                grad
            };
            *sums = products(lanes, grad, plane.x, pivot);
        }
    }
}

struct Backward<'a> {
    pass: BatchNormPass<'a>,
    gradient: &'a Gradient,
    pixels: usize,
    first_plane: usize,
    grad_x: &'a mut [f32],
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, _: L) {
        let Self { pass, gradient, pixels, first_plane, grad_x } = self;
        let Gradient { of_batch, pivot, scale, mean, slope, constant } = gradient;
        for (index, grad_x) in grad_x.chunks_exact_mut(pixels).enumerate() {
            let plane = part(&pass, index * pixels, pixels);
            let channel = (first_plane + index) % pivot.len();
            let numbers = [pivot, scale, mean, slope, constant].map(|all| all[channel]);
            elementwise::rectified_gradients(plane.rectified, plane.grad_output, grad_x);
            elementwise::backward(*of_batch, numbers, plane.x, grad_x);
        }
    }
}
