//! Inputs and heads of one's own: two digits side by side and a word (smaller or larger) go in; both digits and the one that
//! was asked for come out. With fused blocks, a checkpoint that a second run resumes from, and an evaluation.
//!
//! `cargo run --release -p adder-nn --example own_heads -- [--epochs 2] [--seed 0]`
#![expect(clippy::print_stdout, reason = "its lines are its result")]

mod common;

use std::time::Instant;

use adder_nn::optim::parameters;
use adder_nn::{
    AdamW, BlockConfig, Blocks, Linear, Module, ModuleT, Optimizer, ParamsAdamW, VarBuilder, VarMap, block,
    init, linear, loss, ops,
};
use adder_random::{Purpose, Stream};
use candle_core::{DType, Device, Error, Result, Tensor, safetensors};
use common::{Labeled, accuracy, argument, mnist, speed};

const BATCH: usize = 64;

struct TwoDigits {
    trunk: Blocks,
    words: Linear,
    hidden: Linear,
    heads: Vec<Linear>,
}

impl TwoDigits {
    fn new(vb: VarBuilder<'_>) -> Result<Self> {
        let (bare, pooled) =
            (BlockConfig::default(), BlockConfig { pool: true, dropout: 0.05, ..Default::default() });
        let kinds = [(1, 16, pooled), (16, 32, pooled), (32, 32, bare), (32, 64, pooled)];
        let blocks = kinds.iter().enumerate();
        let blocks = blocks
            .map(|(index, &(from, to, config))| block(from, to, config, vb.pp(format!("block{index}"))));
        let heads = ["left", "right", "answer"].map(|name| linear(128, 10, vb.pp(name)));
        Ok(Self {
            trunk: Blocks::new(blocks.collect::<Result<_>>()?),
            words: linear(2, 128, vb.pp("words"))?,
            hidden: linear(64 * 3 * 7, 128, vb.pp("hidden"))?,
            heads: heads.into_iter().collect::<Result<_>>()?,
        })
    }

    /// Logits of the three heads for images, `[b, 1, 28, 56]`, and words, u32 `[b]`: 0 for smaller, 1 for larger.
    fn forward(&self, images: &Tensor, words: &Tensor, train: bool) -> Result<Vec<Tensor>> {
        let words = Tensor::eye(2, DType::F32, &Device::Cpu)?.index_select(words, 0)?;
        let features = self.hidden.forward(&self.trunk.forward_t(images, train)?.flatten_from(1)?)?;
        let (digits, asked) = (ops::relu(&features)?, ops::relu(&(features + self.words.forward(&words)?)?)?);
        [&digits, &digits, &asked].iter().zip(&self.heads).map(|(x, head)| head.forward(x)).collect()
    }
}

/// Images, words and the targets of the three heads.
type Pairs = (Tensor, Tensor, [Tensor; 3]);

/// A batch: rows of `order` are the left digits, those half of it further on the right ones.
fn pairs(data: &Labeled, order: &Tensor, index: usize, size: usize, seed: u64) -> Result<Pairs> {
    let half = order.dim(0)? / 2;
    let (left, left_digits) = data.batch(&order.narrow(0, 0, half)?, index, size)?;
    let (right, right_digits) = data.batch(&order.narrow(0, half, half)?, index, size)?;
    let mut stream = Stream::new(seed, Purpose::Addend, 0, index as u64);
    let words = Tensor::from_iter((0..size).map(|_| stream.below(2)), &Device::Cpu)?;
    let (smaller, larger) = (left_digits.minimum(&right_digits)?, left_digits.maximum(&right_digits)?);
    let answers = words.eq(0u32)?.where_cond(&smaller, &larger)?;
    Ok((Tensor::cat(&[left, right], 3)?, words, [left_digits, right_digits, answers]))
}

fn main() -> Result<()> {
    let (epochs, seed) = (argument("--epochs", 2), argument("--seed", 0));
    let [train, test] = mnist()?;
    let varmap = VarMap::new();
    let model = TwoDigits::new(init::seeded(&varmap, seed, DType::F32, &Device::Cpu))?;
    let adamw = ParamsAdamW { lr: 2e-3, ..Default::default() };
    let mut optimizer = AdamW::with_parameters(parameters(&varmap), adamw).map_err(Error::wrap)?;
    let folder = std::env::temp_dir().join("own_heads");
    std::fs::create_dir_all(&folder)?;
    let batches = train.labels.dim(0)? / 2 / BATCH;
    for epoch in 0..epochs {
        let (start, order) = (Instant::now(), train.shuffled(seed, epoch)?);
        for index in 0..batches {
            let (images, words, targets) = pairs(&train, &order, index, BATCH, seed + epoch)?;
            let logits = model.forward(&images, &words, true)?;
            let losses =
                logits.iter().zip(&targets).map(|(logits, labels)| loss::cross_entropy(logits, labels));
            let loss = losses.reduce(|sum, loss| sum? + loss?).expect("three heads")?;
            optimizer.backward_step(&loss)?;
        }
        println!("epoch {}: {}", epoch + 1, speed(batches * BATCH, start));
        // A checkpoint: weights with running statistics, and what the optimizer remembers, under names.
        varmap.save(folder.join("weights.safetensors"))?;
        let state = optimizer.state().into_iter().map(|(name, var)| (name, var.as_tensor().clone()));
        safetensors::save(
            &state.collect::<std::collections::HashMap<_, _>>(),
            folder.join("optimizer.safetensors"),
        )?;
        // Resuming is this, and setting the number of steps.
        let saved = safetensors::load(folder.join("optimizer.safetensors"), &Device::Cpu)?;
        optimizer.load_state(&saved).map_err(Error::wrap)?;
        optimizer.set_steps((epoch + 1) * batches as u64);
    }
    let (images, words, targets) = pairs(&test, &test.shuffled(seed, 0)?, 0, 5_000, seed)?;
    let logits = model.forward(&images, &words, false)?;
    for (name, (logits, targets)) in ["left", "right", "answer"].iter().zip(logits.iter().zip(&targets)) {
        println!("{name}: {:.2} % of 5,000 pairs of test images", accuracy(logits, targets)?);
    }
    Ok(())
}
