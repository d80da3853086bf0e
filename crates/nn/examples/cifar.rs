//! A small residual network on images of 3x32x32, as CIFAR-10 has them, with weight decay and a cosine schedule. The images are
//! drawn by the program: each class is a wave of its own direction and color under noise, shifted in each image.
//!
//! `cargo run --release -p adder-nn --example cifar -- [--epochs 3] [--seed 0]`
#![expect(clippy::print_stdout, reason = "its lines are its result")]

mod common;

use std::time::Instant;

use adder_nn::optim::{Gradients, ParamsSGD, Schedule, ScheduleKind, ScheduleStep, parameters};
use adder_nn::{
    BatchNorm2d, Conv2d, Conv2dConfig, Linear, Module, ModuleT, SGD, VarBuilder, VarMap, batch_norm,
    conv2d_no_bias, init, linear, loss,
};
use candle_core::{DType, Device, Result, Tensor};
use common::{accuracy, argument, speed, waves};

const BATCH: usize = 64;
const CLASSES: usize = 10;

/// A convolution without bias and its norm.
struct ConvNorm(Conv2d, BatchNorm2d);

impl ConvNorm {
    fn new([from, to]: [usize; 2], kernel: usize, stride: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let config = Conv2dConfig { padding: kernel / 2, stride, ..Default::default() };
        Ok(Self(
            conv2d_no_bias(from, to, kernel, config, vb.pp("conv"))?,
            batch_norm(to, 1e-5, vb.pp("norm"))?,
        ))
    }

    fn relu(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.1.forward_relu(&self.0.forward(x)?, train)
    }
}

/// relu(x + two convolutions of x), where x is projected if its size changes.
struct Residual(ConvNorm, ConvNorm, Option<ConvNorm>);

impl Residual {
    fn new(from: usize, to: usize, vb: VarBuilder<'_>) -> Result<Self> {
        let stride = if from == to { 1 } else { 2 };
        let shortcut = (from != to).then(|| ConvNorm::new([from, to], 1, stride, vb.pp("shortcut")));
        let first = ConvNorm::new([from, to], 3, stride, vb.pp("first"))?;
        Ok(Self(first, ConvNorm::new([to, to], 3, 1, vb.pp("second"))?, shortcut.transpose()?))
    }
}

impl ModuleT for Residual {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let shortcut = match &self.2 {
            Some(ConvNorm(conv, norm)) => norm.forward_t(&conv.forward(x)?, train)?,
            None => x.clone(),
        };
        let ConvNorm(conv, norm) = &self.1;
        norm.forward_add_relu(&conv.forward(&self.0.relu(x, train)?)?, &shortcut, train)
    }
}

struct ResNet(ConvNorm, Vec<Residual>, Linear);

impl ResNet {
    fn new(vb: VarBuilder<'_>) -> Result<Self> {
        let widths = [32, 32, 32, 64, 64, 128, 128];
        let blocks = widths.windows(2).enumerate();
        let blocks =
            blocks.map(|(index, width)| Residual::new(width[0], width[1], vb.pp(format!("block{index}"))));
        let stem = ConvNorm::new([3, 32], 3, 1, vb.pp("stem"))?;
        Ok(Self(stem, blocks.collect::<Result<_>>()?, linear(128, CLASSES, vb.pp("head"))?))
    }
}

impl ModuleT for ResNet {
    fn forward_t(&self, images: &Tensor, train: bool) -> Result<Tensor> {
        let stem = self.0.relu(images, train)?;
        let maps = self.1.iter().try_fold(stem, |x, block| block.forward_t(&x, train))?;
        self.2.forward(&maps.mean((2, 3))?)
    }
}

fn main() -> Result<()> {
    let (epochs, seed) = (argument("--epochs", 3), argument("--seed", 0));
    let (train, test) = (waves(3200, CLASSES, 2 * seed + 1)?, waves(640, CLASSES, 2 * seed + 2)?);
    let varmap = VarMap::new();
    let model = ResNet::new(init::seeded(&varmap, seed, DType::F32, &Device::Cpu))?;
    let params = ParamsSGD { lr: 0.05, momentum: 0.9, nesterov: true, weight_decay: 5e-4 };
    let trained = parameters(&varmap);
    let mut optimizer = SGD::with_parameters(trained.clone(), params).map_err(candle_core::Error::wrap)?;
    let schedule = Schedule { kind: ScheduleKind::OneCycle, warmup: 0.2, ..Default::default() };
    let per_epoch = train.labels.dim(0)? as u64 / BATCH as u64;
    for epoch in 0..epochs {
        let (start, order) = (Instant::now(), train.shuffled(seed, epoch)?);
        for index in 0..per_epoch {
            let (images, labels) = train.batch(&order, index as usize, BATCH)?;
            let loss = loss::cross_entropy(&model.forward_t(&images, true)?, &labels)?;
            let gradients = Gradients::take(loss.backward()?, &trained).map_err(candle_core::Error::wrap)?;
            let place =
                ScheduleStep { done: epoch * per_epoch + index, total: epochs * per_epoch, per_epoch };
            optimizer.step_with(&gradients, schedule.at(place)).map_err(candle_core::Error::wrap)?;
        }
        let speed = speed(per_epoch as usize * BATCH, start);
        let right = accuracy(&model.forward_t(&test.images, false)?, &test.labels)?;
        println!("epoch {}: {right:.2} % of the test images, {speed}", epoch + 1);
    }
    Ok(())
}
