//! The network of candle's own example `mnist-training` with the layers of adder-nn: 98 % of the digits after one epoch.
//!
//! `cargo run --release -p adder-nn --example candle_mnist -- [--epochs 10] [--seed 0]`
#![expect(clippy::print_stdout, reason = "its lines are its result")]

mod common;

use std::time::Instant;

use adder_nn::{
    AdamW, Conv2d, Dropout, Linear, Module, ModuleT, Optimizer, ParamsAdamW, VarBuilder, VarMap, conv2d,
    init, linear, loss, ops,
};
use candle_core::{DType, Device, Result, Tensor};
use common::{accuracy, argument, mnist, speed};

const BATCH: usize = 64;

struct ConvNet {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    dropout: Dropout,
}

impl ConvNet {
    fn new(vb: VarBuilder<'_>, seed: u64) -> Result<Self> {
        Ok(Self {
            conv1: conv2d(1, 32, 5, Default::default(), vb.pp("c1"))?,
            conv2: conv2d(32, 64, 5, Default::default(), vb.pp("c2"))?,
            fc1: linear(1024, 1024, vb.pp("fc1"))?,
            fc2: linear(1024, 10, vb.pp("fc2"))?,
            dropout: Dropout::new(0.5).with_seed(seed),
        })
    }
}

impl ModuleT for ConvNet {
    fn forward_t(&self, images: &Tensor, train: bool) -> Result<Tensor> {
        // Each convolution with its pool in one pass; `.apply(&self.conv1)?.apply(&MaxPool2d::new(2))?` is the same in two.
        let maps = self.conv2.forward_max_pool2d(&self.conv1.forward_max_pool2d(images)?)?;
        let hidden = ops::relu(&maps.flatten_from(1)?.apply(&self.fc1)?)?;
        self.fc2.forward(&self.dropout.forward(&hidden, train)?)
    }
}

fn main() -> Result<()> {
    let (epochs, seed) = (argument("--epochs", 1), argument("--seed", 0));
    let [train, test] = mnist()?;
    let varmap = VarMap::new();
    let model = ConvNet::new(init::seeded(&varmap, seed, DType::F32, &Device::Cpu), seed)?;
    let mut optimizer = AdamW::new(varmap.all_vars(), ParamsAdamW::default())?;
    let batches = train.labels.dim(0)? / BATCH;
    for epoch in 1..=epochs {
        let (start, order) = (Instant::now(), train.shuffled(seed, epoch)?);
        let mut sum = 0.0;
        for index in 0..batches {
            let (images, labels) = train.batch(&order, index, BATCH)?;
            let loss = loss::cross_entropy(&model.forward_t(&images, true)?, &labels)?;
            optimizer.backward_step(&loss)?;
            sum += loss.to_scalar::<f32>()?;
        }
        let speed = speed(batches * BATCH, start);
        // In parts: a pass over all images at once would need a gigabyte.
        let parts = test.images.chunk(100, 0)?;
        let logits = parts.iter().map(|images| model.forward_t(images, false));
        let accuracy = accuracy(&Tensor::cat(&logits.collect::<Result<Vec<_>>>()?, 0)?, &test.labels)?;
        println!(
            "epoch {epoch:2}: loss {:.4}, {accuracy:.2} % of the test images, {speed}",
            sum / batches as f32
        );
    }
    varmap.save(std::env::temp_dir().join("candle_mnist.safetensors"))
}
