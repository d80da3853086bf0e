//! Inference: a trained network with its norms folded, from images to logits without gradients.
//!
//! A norm in evaluation is one factor and one offset for each channel. In the trunk it stands between ReLU and the
//! next convolution, whose padding is zero *after* the norm: it can't be folded into the convolution's weights, and
//! is one multiply-add on the way into the next block's input instead, before the max pool where there is one. The
//! last block's norm commutes with the average and is folded into the first dense layer, and the norms of the dense
//! layers into their weights.
//!
//! Each image is computed alone, so a prediction does not depend on the batch around it, nor on the number of threads,
//! nor on the instruction set. Once every thread has its buffers, a call allocates nothing.

mod dense;
mod network;
mod trunk;

use std::sync::{Mutex, PoisonError};

pub use network::{FeatureMaps, OneHot, RunningStatistics, TrainedNetwork};
use rayon::prelude::*;

use crate::buffer_pool::{BufferPool, PooledBuffer};
use crate::shape::{check_classes, check_heads, check_len, volume};
use crate::{Error, Isa, Result};
use dense::{DenseScratch, FoldedDense};
use trunk::{FoldedTrunk, TrunkScratch};

/// Images that one task predicts. Up to so many are predicted on the calling thread: one takes about 25 us, and waking
/// another thread costs as much.
const TASK_IMAGES: usize = 8;

/// A trained network ready to predict.
#[derive(Debug)]
pub struct Predictor {
    trunk: FoldedTrunk,
    dense: FoldedDense,
    scratch: BufferPool<Scratch>,
}

/// The memory of a task.
#[derive(Debug, Default)]
struct Scratch {
    trunk: TrunkScratch,
    dense: DenseScratch,
}

impl Predictor {
    /// Folds a trained network.
    ///
    /// # Errors
    /// [`Error::Block`], [`Error::Layer`] and [`Error::Dimension`] for a network that can't be, [`Error::Length`] where
    /// there are more or fewer parameters or statistics than it has.
    pub fn new(network: &TrainedNetwork<'_>, isa: Isa) -> Result<Self> {
        let trunk = FoldedTrunk::new(network, isa)?;
        let dense = FoldedDense::new(network, trunk.feature_norm(), isa)?;
        Ok(Self { trunk, dense, scratch: BufferPool::default() })
    }

    /// The logits of every head.
    ///
    /// `images` is `[b, c, h, w]`; each of `logits` becomes `[rows, classes]`, where rows are `b`, or `b` times the
    /// number of classes of the one-hot input for [`OneHot::All`]. More than eight images are shared out over the threads
    /// of the current rayon pool.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice has another size, in [`Error::Head`] where the logits of a head do;
    /// [`Error::Class`] for a class that there is not; [`Error::Dimension`] for all classes of a network without a
    /// one-hot input.
    pub fn predict(&self, images: &[f32], one_hot: OneHot<'_>, logits: &mut [&mut [f32]]) -> Result<()> {
        let batch = self.batch(images)?;
        let (rows_per_image, classes) = self.one_hot(one_hot, batch)?;
        let heads = &self.dense.spec.heads;
        check_len("logits", logits, heads.len())?;
        check_heads(logits.iter().zip(heads), |(logits, &classes)| {
            check_len("logits", logits, volume("logits", &[batch, rows_per_image, classes])?)
        })?;

        // Tasks take turns at copying their logits, a microsecond of the hundreds that they compute for.
        let logits = Mutex::new(logits);
        let predict = |task: usize, images: &[f32]| {
            let mut scratch = self.take_scratch();
            let count = self.embed_task(images, &mut scratch);
            let first = task * TASK_IMAGES;
            let found =
                self.dense.logits(classes.map(|classes| &classes[first..][..count]), &mut scratch.dense);
            let mut logits = logits.lock().unwrap_or_else(PoisonError::into_inner);
            found.split_columns(heads, first * rows_per_image, &mut logits);
        };
        if batch <= TASK_IMAGES {
            predict(0, images);
        } else {
            let tasks = images.par_chunks(TASK_IMAGES * self.trunk.image_len()).enumerate();
            tasks.for_each(|(task, images)| predict(task, images));
        }
        Ok(())
    }

    /// The embedding of each image, all that the network learns of it: the input of the layer with the one-hot input
    /// before the class is joined, or that of the heads where there is none. `images` is `[b, c, h, w]`, `embeddings`
    /// becomes `[b, embedding_width]`.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice has another size.
    pub fn embed(&self, images: &[f32], embeddings: &mut [f32]) -> Result<()> {
        let (batch, width) = (self.batch(images)?, self.embedding_width());
        check_len("embeddings", embeddings, volume("embeddings", &[batch, width])?)?;
        let embed = |images: &[f32], embeddings: &mut [f32]| {
            let mut scratch = self.take_scratch();
            self.embed_task(images, &mut scratch);
            self.dense.write_embeddings(&scratch.dense, embeddings);
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

    /// Values of an embedding.
    pub fn embedding_width(&self) -> usize {
        self.dense.spec.width_before(self.dense.embedding)
    }

    /// The output of each block for one image, `[c, h, w]`, its norm and pool included, in the order of the blocks: for
    /// looking inside. Allocates.
    ///
    /// # Errors
    /// [`Error::Length`] where the image has another size.
    pub fn feature_maps(&self, image: &[f32]) -> Result<Vec<FeatureMaps>> {
        check_len("image", image, self.trunk.image_len())?;
        Ok(self.trunk.feature_maps(image, &mut self.take_scratch().trunk))
    }

    /// The number of images.
    fn batch(&self, images: &[f32]) -> Result<usize> {
        let batch = images.len() / self.trunk.image_len();
        check_len("images", images, batch * self.trunk.image_len())?;
        Ok(batch)
    }

    /// The rows of an image, and the class of each where classes are given one by one.
    fn one_hot<'a>(&self, one_hot: OneHot<'a>, batch: usize) -> Result<(usize, Option<&'a [u8]>)> {
        let given = match one_hot {
            OneHot::None => &[],
            OneHot::Each(classes) => classes,
            OneHot::All => match self.dense.spec.one_hot {
                Some(input) => return Ok((input.classes, None)),
                None => {
                    let expected = "at least 1, for all classes of the one-hot input".into();
                    return Err(Error::Dimension { argument: "one_hot", found: 0, expected });
                }
            },
        };
        match self.dense.spec.one_hot {
            Some(input) => {
                check_len("one_hot", given, batch)?;
                check_classes("one_hot", given, input.classes)?;
                Ok((1, Some(given)))
            }
            None => check_len("one_hot", given, 0).map(|()| (1, None)),
        }
    }

    fn take_scratch(&self) -> PooledBuffer<Scratch> {
        self.scratch.take(|| Scratch { trunk: self.trunk.scratch(), dense: self.dense.scratch() })
    }

    /// Computes the embeddings of a task's images into the scratch; returns how many there are.
    fn embed_task(&self, images: &[f32], scratch: &mut Scratch) -> usize {
        let images = images.chunks_exact(self.trunk.image_len());
        let count = images.len();
        let features = scratch.dense.features(count);
        for (row, image) in images.enumerate() {
            self.trunk.features(image, &mut scratch.trunk, features.row_mut(row));
        }
        self.dense.embed(&mut scratch.dense);
        count
    }
}

#[cfg(test)]
mod tests;
