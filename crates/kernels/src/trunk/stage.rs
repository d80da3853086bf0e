//! A block together with what it saved: everything that is read out of saved values starts here.

use super::lanes::{Gradient, GradientSums, Normalise, SavedValues};
use super::plan::BlockPlan;
use super::workspace::BlockState;
use crate::Isa;
use crate::conv::map::{Map, Plane};

/// A block of a trunk after its forward pass.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub isa: Isa,
    pub block: &'a BlockPlan,
    pub state: &'a BlockState,
}

impl<'a> Stage<'a> {
    /// One image's saved values; none where there is no such image.
    pub(super) fn image(self, image: usize) -> &'a [f32] {
        self.state.values.chunks_exact(self.block.values.len()).nth(image).unwrap_or_default()
    }

    /// Writes the block's output for one image to the interior of `to`.
    pub(super) fn write_output(self, image: usize, to: Map, output: &mut [f32]) {
        for plane in to.channels.planes() {
            Normalise { from: self.plane(image, plane), to, output }.run();
        }
    }

    /// Writes the gradient at one image's convolution, given that at the block's output, to the interior of
    /// `grad_values`.
    pub(super) fn write_gradient(self, image: usize, upstream: &[f32], gradient: &mut [f32]) {
        for plane in self.block.values.channels.planes() {
            Gradient {
                of: self.plane(image, plane),
                mean: &self.state.statistics.mean,
                coefficients: &self.state.coefficients,
                map: self.block.output,
                upstream,
                to: self.block.grad_values,
                output: gradient,
            }
            .run();
        }
    }

    /// Adds what one image's gradient at the block's output gives to the sums that its norm needs.
    pub(super) fn add_gradient_sums(self, image: usize, upstream: &[f32], sums: &mut [f64]) {
        for plane in self.block.values.channels.planes() {
            let (of, mean) = (self.plane(image, plane), &self.state.statistics.mean);
            let added = GradientSums { of, mean, map: self.block.output, upstream }.run();
            add_to_channels(sums, plane, added.map(|lanes| lanes.map(f64::from)));
        }
    }

    fn plane(self, image: usize, plane: Plane) -> SavedValues<'a> {
        SavedValues {
            isa: self.isa,
            drop: self.state.drop,
            pool: self.block.pool,
            plane,
            map: self.block.values,
            values: self.image(image),
            affine: &self.state.affine,
        }
    }
}

/// Where a block's input comes from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// The batch, `[b, c, h, w]`, of so many values an image.
    Images(&'a [f32], usize),
    /// The block before.
    Stage(Stage<'a>),
}

impl<'a> Source<'a> {
    /// What is read for an image; nothing where there is no such image.
    pub(super) fn image(self, image: usize) -> &'a [f32] {
        match self {
            Self::Images(images, len) => images.chunks_exact(len).nth(image).unwrap_or_default(),
            Self::Stage(stage) => stage.image(image),
        }
    }

    /// Writes what one image gives to the interior of `to`.
    pub(super) fn write(self, image: usize, to: Map, output: &mut [f32]) {
        match self {
            Self::Images(..) => to.read_nchw(self.image(image), output),
            Self::Stage(stage) => stage.write_output(image, to, output),
        }
    }
}

/// Adds one plane's two sums to those of a chunk: the first of all stored channels, then the second.
pub(super) fn add_to_channels(sums: &mut [f64], plane: Plane, [first, second]: [[f64; 16]; 2]) {
    let (firsts, seconds) = sums.split_at_mut(sums.len() / 2);
    for (totals, values) in [(firsts, first), (seconds, second)] {
        for (total, value) in totals[plane.first..].iter_mut().zip(&values[..plane.channels]) {
            *total += value;
        }
    }
}
