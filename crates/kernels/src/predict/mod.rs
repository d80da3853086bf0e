//! Inference: a trained network with its norms folded, from images to logits without gradients.
//!
//! A norm in evaluation is one factor and one offset for each channel. In the trunk it stands between ReLU and the
//! next convolution, whose padding is zero *after* the norm: it can't be folded into the convolution's weights, and
//! is one multiply-add on the way into the next block's input instead, before the max pool where there is one. The
//! last block's norm commutes with the average and is folded into the embedding layer, and the norms of the dense
//! layers into their weights.
//!
//! Each image is computed alone, so an answer does not depend on the batch around it, nor on the number of threads,
//! nor on the instruction set. Once every thread has its buffers, a call allocates nothing.

mod fold;
mod heads;
mod trunk;

use rayon::prelude::*;

use crate::head::HeadSpec;
use crate::shape::{check_classes, check_len, volume};
use crate::shelf::Shelf;
use crate::trunk::TrunkSpec;
use crate::{Isa, Result};
use heads::{FoldedHeads, HeadsScratch};
use trunk::{FoldedTrunk, TrunkScratch};

/// Images that one task answers. Up to so many are answered on the calling thread: one takes about 25 us, and waking
/// another thread costs as much.
const TASK_IMAGES: usize = 8;

/// All that a network has learned.
#[derive(Clone, Copy, Debug)]
pub struct TrainedNetwork<'a> {
    /// The convolution blocks. The head sees the averages of the last one's channels, whatever `output` says.
    pub trunk: &'a TrunkSpec,
    /// The trunk's parameters, laid out as [`TrunkSpec::layout`] says.
    pub trunk_params: &'a [f32],
    /// The statistics of each block's norm.
    pub trunk_statistics: &'a [RunningStatistics<'a>],
    /// The layers after the convolutions.
    pub head: &'a HeadSpec,
    /// The head's parameters, laid out as [`HeadSpec::layout`] says.
    pub head_params: &'a [f32],
    /// The statistics of the embedding layer's norm.
    pub embedding_statistics: RunningStatistics<'a>,
    /// The statistics of the hidden layer's norm.
    pub hidden_statistics: RunningStatistics<'a>,
}

/// What a norm remembers of training and normalises with in evaluation, one value for each channel or unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunningStatistics<'a> {
    /// The running means.
    pub mean: &'a [f32],
    /// The running variances.
    pub variance: &'a [f32],
}

/// Which addends to add to each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addends<'a> {
    /// One for each image.
    Each(&'a [u8]),
    /// All that there are for each image: the pairs of one image stand together, addend 0 first. They share one pass
    /// through the convolutions.
    All,
}

/// What a block makes of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// How many maps there are.
    pub channels: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Pixels from left to right.
    pub width: usize,
    /// `[channels, height, width]`, row by row.
    pub values: Vec<f32>,
}

/// A trained network ready to answer.
#[derive(Debug)]
pub struct Predictor {
    trunk: FoldedTrunk,
    heads: FoldedHeads,
    scratch: Shelf<Scratch>,
}

/// The memory of a task.
#[derive(Debug, Default)]
struct Scratch {
    trunk: TrunkScratch,
    heads: HeadsScratch,
}

impl Predictor {
    /// Folds a trained network.
    ///
    /// # Errors
    /// [`Error::Block`](crate::Error::Block) and [`Error::Dimension`](crate::Error::Dimension) for a network that can't
    /// be, [`Error::Length`](crate::Error::Length) where there are more or fewer parameters or statistics than it has.
    pub fn new(network: &TrainedNetwork<'_>, isa: Isa) -> Result<Self> {
        let trunk = FoldedTrunk::new(network, isa)?;
        let heads = FoldedHeads::new(network, trunk.feature_norm(), isa)?;
        Ok(Self { trunk, heads, scratch: Shelf::default() })
    }

    /// The logits of both heads for every pair of an image and an addend.
    ///
    /// `images` is `[b, c, h, w]`; `digit_logits` becomes `[pairs, digits]` and `sum_logits` `[pairs, sums]`, where
    /// pairs are `b`, or `b` times the number of addends for [`Addends::All`]. More than eight images are shared out
    /// over the threads of the current rayon pool.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice has another size,
    /// [`Error::Class`](crate::Error::Class) for an addend that there is not.
    pub fn predict(
        &self,
        images: &[f32],
        addends: Addends<'_>,
        digit_logits: &mut [f32],
        sum_logits: &mut [f32],
    ) -> Result<()> {
        let batch = self.batch(images)?;
        let per_image = match addends {
            Addends::Each(addends) => {
                check_len("addends", addends, batch)?;
                check_classes("addends", addends, self.heads.spec.addends)?;
                1
            }
            Addends::All => self.heads.spec.addends,
        };
        let [digits, sums] =
            [self.heads.spec.digits, self.heads.spec.sums].map(|classes| per_image * classes);
        check_len("digit_logits", digit_logits, volume("digit_logits", &[batch, digits])?)?;
        check_len("sum_logits", sum_logits, volume("sum_logits", &[batch, sums])?)?;

        let answer = |task: usize, images: &[f32], digit_logits: &mut [f32], sum_logits: &mut [f32]| {
            let mut scratch = self.take_scratch();
            let images = self.embed_task(images, &mut scratch);
            let addends = match addends {
                Addends::Each(addends) => Addends::Each(&addends[task * TASK_IMAGES..][..images]),
                Addends::All => Addends::All,
            };
            self.heads.answer(addends, &mut scratch.heads, digit_logits, sum_logits);
        };
        if batch <= TASK_IMAGES {
            answer(0, images, digit_logits, sum_logits);
        } else {
            images
                .par_chunks(TASK_IMAGES * self.trunk.image_len())
                .zip(digit_logits.par_chunks_mut(TASK_IMAGES * digits))
                .zip(sum_logits.par_chunks_mut(TASK_IMAGES * sums))
                .enumerate()
                .for_each(|(task, ((images, digits), sums))| answer(task, images, digits, sums));
        }
        Ok(())
    }

    /// The embedding of each image, all that the network learns of it: `images` is `[b, c, h, w]`, `embeddings` becomes
    /// `[b, embedding]`.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice has another size.
    pub fn embed(&self, images: &[f32], embeddings: &mut [f32]) -> Result<()> {
        let (batch, width) = (self.batch(images)?, self.heads.spec.embedding);
        check_len("embeddings", embeddings, volume("embeddings", &[batch, width])?)?;
        let embed = |images: &[f32], embeddings: &mut [f32]| {
            let mut scratch = self.take_scratch();
            self.embed_task(images, &mut scratch);
            scratch.heads.embedding.copy_to(embeddings, width);
        };
        if batch <= TASK_IMAGES {
            embed(images, embeddings);
        } else {
            images
                .par_chunks(TASK_IMAGES * self.trunk.image_len())
                .zip(embeddings.par_chunks_mut(TASK_IMAGES * width))
                .for_each(|(images, embeddings)| embed(images, embeddings));
        }
        Ok(())
    }

    /// The output of each block for one image, `[c, h, w]`, its norm and pool included, in the order of the blocks: for
    /// looking inside. Allocates.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where the image has another size.
    pub fn feature_maps(&self, image: &[f32]) -> Result<Vec<FeatureMaps>> {
        check_len("image", image, self.trunk.image_len())?;
        Ok(self.trunk.feature_maps(image, &mut self.take_scratch().trunk))
    }

    /// How many images there are.
    fn batch(&self, images: &[f32]) -> Result<usize> {
        let batch = images.len() / self.trunk.image_len();
        check_len("images", images, batch * self.trunk.image_len())?;
        Ok(batch)
    }

    fn take_scratch(&self) -> crate::shelf::Lent<Scratch> {
        self.scratch.take(|| Scratch { trunk: self.trunk.scratch(), heads: self.heads.scratch() })
    }

    /// From a task's images to their embeddings in the scratch; returns how many there are.
    fn embed_task(&self, images: &[f32], scratch: &mut Scratch) -> usize {
        let images = images.chunks_exact(self.trunk.image_len());
        let count = images.len();
        let features = scratch.heads.features(count);
        for (row, image) in images.enumerate() {
            self.trunk.features(image, &mut scratch.trunk, features.row_mut(row));
        }
        self.heads.embed(&mut scratch.heads);
        count
    }
}

#[cfg(test)]
mod tests;
