//! The content of the batch at a position, whoever computes it.

use std::sync::Arc;

use adder_random::{Purpose, Stream};

use super::config::{LoaderConfig, Position};
use crate::batch::write_plain;
use crate::{Augmentation, Batch, Labeled, pairing};

/// The data and the configuration, which together with a position determine a batch.
#[derive(Debug)]
pub(super) struct BatchSampler {
    data: Arc<Labeled>,
    indices: Vec<u32>,
    config: LoaderConfig,
}

impl BatchSampler {
    /// The images at `indices`, which must be there, by a checked configuration.
    pub(super) fn new(data: Arc<Labeled>, indices: Vec<u32>, config: LoaderConfig) -> Self {
        Self { data, indices, config }
    }

    pub(super) fn config(&self) -> &LoaderConfig {
        &self.config
    }

    pub(super) fn steps_per_epoch(&self) -> u64 {
        self.indices.len().div_ceil(self.config.batch_size) as u64
    }

    /// The position `steps` steps later.
    pub(super) fn advance(&self, position: Position, steps: u64) -> Position {
        let step = position.step + steps;
        let epoch_steps = self.steps_per_epoch();
        Position { epoch: position.epoch + step / epoch_steps, step: step % epoch_steps }
    }

    /// The images in the order of an epoch.
    fn order(&self, epoch: u64) -> Vec<u32> {
        let mut order = self.indices.clone();
        Stream::new(self.config.seed, Purpose::Shuffle, epoch, 0).shuffle(&mut order);
        order
    }

    /// The augmentation of an epoch.
    fn augmentation(&self, epoch: u64) -> &Augmentation {
        match self.config.clean_from_epoch {
            Some(clean) if epoch >= clean => &Augmentation::NONE,
            _ => &self.config.augmentation,
        }
    }
}

/// Computes batches, and remembers the order of the epoch it is in.
#[derive(Debug)]
pub(super) struct Collator {
    sampler: Arc<BatchSampler>,
    order: Option<(u64, Vec<u32>)>,
}

impl Collator {
    pub(super) fn new(sampler: Arc<BatchSampler>) -> Self {
        Self { sampler, order: None }
    }

    /// Makes `batch`, whatever was in it, that of a position whose step is in the epoch.
    pub(super) fn collate(&mut self, position: Position, batch: &mut Batch) {
        let Self { sampler, order } = self;
        let Position { epoch, step } = position;
        if order.as_ref().is_none_or(|(known, _)| *known != epoch) {
            *order = Some((epoch, sampler.order(epoch)));
        }
        let (_, order) = order.as_ref().expect("the order was just made");
        let LoaderConfig { seed, batch_size, addends_per_image, held_out, .. } = *sampler.config();

        let start = step as usize * batch_size;
        let indices = &order[start..order.len().min(start + batch_size)];
        batch.set(&sampler.data, indices, addends_per_image, |image| {
            let digit = sampler.data.label(image);
            let addends = pairing::shuffled_addends(seed, epoch, image);
            addends.filter(move |&addend| !held_out.contains(digit, addend)).take(addends_per_image)
        });

        let augmentation = sampler.augmentation(epoch);
        for (image, out) in batch.pixels_mut() {
            let pixels = sampler.data.image(image);
            if *augmentation == Augmentation::NONE {
                write_plain(pixels, out);
            } else {
                augmentation.draw(seed, epoch, image).apply(pixels, out);
            }
        }
    }
}
