//! What the examples share: batches, accuracy and MNIST.

use std::time::Instant;

use adder_random::{Purpose, Stream};
use candle_core::{D, DType, Device, Result, Tensor};

/// Images `[n, c, h, w]` with one label for each, u32 `[n]`.
pub(crate) struct Labeled {
    pub(crate) images: Tensor,
    pub(crate) labels: Tensor,
}

impl Labeled {
    /// Images and labels of one batch, the `index`th of this order of them.
    pub(crate) fn batch(&self, order: &Tensor, index: usize, size: usize) -> Result<(Tensor, Tensor)> {
        let rows = order.narrow(0, index * size, size)?;
        Ok((self.images.index_select(&rows, 0)?, self.labels.index_select(&rows, 0)?))
    }

    /// An order of all images, another one for each epoch.
    pub(crate) fn shuffled(&self, seed: u64, epoch: u64) -> Result<Tensor> {
        let count = self.labels.dim(0)? as u32;
        Tensor::new(Stream::new(seed, Purpose::Shuffle, epoch, 0).permutation(count), &Device::Cpu)
    }
}

/// The percentage of rows whose largest logit is that of their label.
pub(crate) fn accuracy(logits: &Tensor, labels: &Tensor) -> Result<f32> {
    let right = logits.argmax(D::Minus1)?.eq(labels)?.to_dtype(DType::F32)?;
    Ok(100.0 * right.mean_all()?.to_scalar::<f32>()?)
}

/// `images` since `start`, in words.
pub(crate) fn speed(images: usize, start: Instant) -> String {
    format!("{:.0} images/s", images as f64 / start.elapsed().as_secs_f64())
}

/// The number after `--name`, or another one.
pub(crate) fn argument(name: &str, otherwise: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).map_or(otherwise, |value| value.parse().expect("a number"))
}

/// MNIST's training and test images, pixels from 0 to 1.
#[allow(dead_code, reason = "not every example is about MNIST")]
pub(crate) fn mnist() -> Result<[Labeled; 2]> {
    let data =
        adder_data::load(&adder_data::Source::Embedded, &mut |_| {}).map_err(candle_core::Error::wrap)?;
    let [train, test] = [data.train, data.evaluation].map(|part| -> Result<_> {
        let pixels: Vec<f32> = part.images().iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let labels: Vec<u32> = part.labels().iter().map(|&label| u32::from(label)).collect();
        let images = Tensor::from_vec(pixels, (part.len(), 1, 28, 28), &Device::Cpu)?;
        Ok(Labeled { images, labels: Tensor::new(labels, &Device::Cpu)? })
    });
    Ok([train?, test?])
}
