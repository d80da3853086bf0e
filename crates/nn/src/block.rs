//! Convolution blocks as layers, alone or in sequence.

use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_kernels::dropout::DropoutKey;
use adder_kernels::fold::EPSILON;
use adder_kernels::trunk::{BlockSpec, KERNEL, Output, TrunkSpec};
use candle_core::{Module, ModuleT, Result, Tensor};
use candle_nn::{Conv2dConfig, VarBuilder};

use crate::fused::{FusedBlocks, FusedOutput, flat};
use crate::ops::{max_pool2d, relu, seeded_dropout};
use crate::{BatchNorm, Conv2d, Dropout, batch_norm, conv2d_no_bias};

/// What a [`Block`] has beside its channels. Fields may be added in a minor version: `..Default::default()` stands for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockConfig {
    /// Zeros on each side of the input, 0 to 2.
    pub padding: usize,
    /// The probability with which elements are dropped in training, at least 0 and below 1.
    pub dropout: f32,
    /// Whether the block ends in a 2x2 max pool.
    pub pool: bool,
}

impl Default for BlockConfig {
    fn default() -> Self {
        Self { padding: 1, dropout: 0.0, pool: false }
    }
}

/// Convolution 3x3 without bias -> ReLU -> batch norm -> dropout -> 2x2 max pool: `[b, in, h, w]` to `[b, out, h', w']`.
///
/// In training on the CPU, f32, all of it is one operation that keeps one tensor for the way back; elsewhere and in evaluation it
/// is the layers one after the other, with the same masks. Between blocks candle materializes every activation and its gradient:
/// a sequence of them is faster as [`Blocks`].
///
/// ```
/// use adder_nn::{BlockConfig, ModuleT, VarBuilder, VarMap, block};
/// use candle_core::{DType, Device, Tensor};
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let config = BlockConfig { dropout: 0.1, pool: true, ..Default::default() };
/// let block = block(1, 8, config, vb.pp("block1"))?;
/// let images = Tensor::ones((2, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(block.forward_t(&images, true)?.dims(), [2, 8, 14, 14]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no such layer.
///
/// # Errors
/// `forward_t` fails where the input has another shape than the weight takes, or a training batch a single value a channel.
#[derive(Clone, Debug)]
pub struct Block {
    conv: Conv2d,
    norm: BatchNorm,
    dropout: Dropout,
    pool: bool,
    plans: Plans,
}

/// A [`Block`] with its parameters `conv.weight`, `norm.weight` and `norm.bias`, and the running statistics beside them, from
/// `vb`.
///
/// # Errors
/// Where `vb` has tensors of other shapes, or none in a file.
pub fn block(
    in_channels: usize,
    out_channels: usize,
    config: BlockConfig,
    vb: VarBuilder<'_>,
) -> Result<Block> {
    let conv = Conv2dConfig { padding: config.padding, ..Default::default() };
    let conv = conv2d_no_bias(in_channels, out_channels, KERNEL, conv, vb.pp("conv"))?;
    let norm = batch_norm(out_channels, EPSILON, vb.pp("norm"))?;
    Ok(Block {
        conv,
        norm,
        dropout: Dropout::new(config.dropout),
        pool: config.pool,
        plans: Plans::default(),
    })
}

impl Block {
    /// The same with another seed for its masks. Layers of one network should differ in theirs.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { dropout: self.dropout.with_seed(seed), ..self }
    }

    /// The same on an instruction set of one's own choice. All give the same bits.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { conv: self.conv.with_isa(isa), norm: self.norm.with_isa(isa), ..self }
    }

    /// The same with its convolution by an algorithm of one's own choice, see [`Conv2d::with_algorithm`]. Of several blocks as one
    /// operation the first one's counts.
    #[must_use]
    pub fn with_algorithm(self, algorithm: Algorithm) -> Self {
        Self { conv: self.conv.with_algorithm(algorithm), ..self }
    }

    /// The same on candle's operations alone, the slow way that the kernels are held to.
    #[must_use]
    pub fn without_kernels(self) -> Self {
        Self { conv: self.conv.without_kernels(), norm: self.norm.without_kernels(), ..self }
    }

    /// The convolution.
    pub fn conv(&self) -> &Conv2d {
        &self.conv
    }

    /// The norm, with its running statistics.
    pub fn norm(&self) -> &BatchNorm {
        &self.norm
    }

    /// The dropout, with its seed and the number of passes.
    pub fn dropout(&self) -> &Dropout {
        &self.dropout
    }

    /// The block as the kernels know it, the `index`th of a sequence, where they do.
    fn spec(&self, index: usize) -> Option<BlockSpec> {
        let padding = self.conv.config().padding;
        let fits = padding < KERNEL && self.norm.eps() == EPSILON && self.norm.weight_and_bias().is_some();
        fits.then(|| BlockSpec {
            out_channels: self.conv.weight().dims()[0],
            padding,
            dropout: self.dropout.probability(),
            pool: self.pool,
            mask: index as u32,
        })
    }

    fn params(&self) -> impl Iterator<Item = &Tensor> {
        let (gamma, beta) = self.norm.weight_and_bias().unzip();
        [Some(self.conv.weight()), gamma, beta].into_iter().flatten()
    }

    /// Layer by layer; the key is for training.
    fn layers(&self, x: &Tensor, key: Option<DropoutKey>, index: usize) -> Result<Tensor> {
        let x = self.norm.forward_t(&relu(&self.conv.forward(x)?)?, key.is_some())?;
        let x = match key {
            Some(key) => seeded_dropout(&x, self.dropout.probability(), key, index as u32)?,
            None => x,
        };
        if self.pool { max_pool2d(&x, 2) } else { Ok(x) }
    }
}

impl ModuleT for Block {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        run(std::slice::from_ref(self), Output::Map, &self.plans, x, train)
    }
}

/// [`Block`]s one after the other as one operation, with an average over all pixels behind them if wanted: `[b, in, h, w]` to
/// `[b, out, h', w']`, or `[b, out]`.
///
/// Its masks are those of the first block's seed, with a number of its own for each block.
///
/// ```
/// use adder_nn::{BlockConfig, Blocks, ModuleT, VarBuilder, VarMap, block};
/// use candle_core::{DType, Device, Tensor};
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let pooled = BlockConfig { pool: true, ..Default::default() };
/// let blocks = vec![block(1, 8, pooled, vb.pp("block1"))?, block(8, 16, pooled, vb.pp("block2"))?];
/// let blocks = Blocks::new(blocks).with_global_average();
/// let images = Tensor::ones((2, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(blocks.forward_t(&images, true)?.dims(), [2, 16]);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no such layer.
///
/// # Errors
/// As for [`Block`].
#[derive(Clone, Debug)]
pub struct Blocks {
    blocks: Vec<Block>,
    output: Output,
    plans: Plans,
}

impl Blocks {
    /// These blocks in this order.
    pub fn new(blocks: Vec<Block>) -> Self {
        Self { blocks, output: Output::Map, plans: Plans::default() }
    }

    /// The same with the average over all pixels at their end.
    #[must_use]
    pub fn with_global_average(self) -> Self {
        Self { output: Output::GlobalAverage, plans: Plans::default(), ..self }
    }

    /// The same on an instruction set of one's own choice. All give the same bits.
    #[must_use]
    pub fn with_isa(self, isa: Isa) -> Self {
        self.map(|block| block.with_isa(isa))
    }

    /// The same on candle's operations alone, the slow way that the kernels are held to.
    #[must_use]
    pub fn without_kernels(self) -> Self {
        self.map(Block::without_kernels)
    }

    fn map(self, change: impl Fn(Block) -> Block) -> Self {
        Self { blocks: self.blocks.into_iter().map(change).collect(), ..self }
    }

    /// The blocks.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }
}

impl ModuleT for Blocks {
    fn forward_t(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        run(&self.blocks, self.output, &self.plans, x, train)
    }
}

fn run(blocks: &[Block], output: Output, plans: &Plans, x: &Tensor, train: bool) -> Result<Tensor> {
    let key = blocks.first().filter(|_| train).map(|first| first.dropout.next_key());
    if key.is_some()
        && let Some(fused) = plans.find(blocks, output, x)?
    {
        let params = flat(blocks.iter().flat_map(Block::params))?;
        let drops = blocks.iter().any(|block| block.dropout.probability() > 0.0);
        let FusedOutput { output, statistics } = fused.forward_train(x, &params, key.filter(|_| drops))?;
        for (block, found) in blocks.iter().zip(&statistics) {
            block.norm.check_count(found.count)?;
            block.norm.update_running(&found.mean, &found.variance, found.count)?;
        }
        return Ok(output);
    }
    let layers = |x: Tensor, (index, block): (usize, &Block)| block.layers(&x, key, index);
    let x = blocks.iter().enumerate().try_fold(x.clone(), layers)?;
    match output {
        Output::Map => Ok(x),
        Output::GlobalAverage => x.mean((2, 3)),
    }
}

/// Sizes that are planned for at a time.
const KEPT: usize = 4;

/// The plans for the sizes of images that blocks have met, the last used first. Clones share them.
#[derive(Clone, Debug, Default)]
struct Plans(Arc<Mutex<Vec<(PlanKey, FusedBlocks)>>>);

/// Channels, rows and columns of the images.
type PlanKey = ([usize; 3], Isa, Algorithm);

impl Plans {
    /// The blocks as one operation on `x`, where the kernels have it.
    fn find(&self, blocks: &[Block], output: Output, x: &Tensor) -> Result<Option<FusedBlocks>> {
        let mut isa = None;
        for block in blocks {
            match (block.conv.isa(x)?, block.norm.isa(x, None)?) {
                (Some(of_conv), Some(of_norm))
                    if of_conv == of_norm && isa.is_none_or(|isa| isa == of_conv) =>
                {
                    isa = Some(of_conv);
                }
                _ => return Ok(None),
            }
        }
        let specs = blocks.iter().enumerate().map(|(index, block)| block.spec(index));
        let (Some(isa), Some(specs)) = (isa, specs.collect::<Option<Vec<_>>>()) else {
            return Ok(None);
        };
        let (_, in_channels, height, width) = x.dims4()?;
        let mut channels = in_channels;
        for block in blocks {
            let (out, expected, _, _) = block.conv.weight().dims4()?;
            if channels != expected {
                let weight = block.conv.weight().dims();
                candle_core::bail!(
                    "block: expected an input of {expected} channels for a weight of {weight:?}, found {channels}"
                );
            }
            channels = out;
        }
        let algorithm = blocks.first().map_or(Algorithm::Auto, |block| block.conv.algorithm());
        let key = ([in_channels, height, width], isa, algorithm);
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = match plans.iter().position(|(known, _)| *known == key) {
            Some(index) => plans.remove(index).1,
            None => {
                let spec = TrunkSpec { in_channels, height, width, blocks: specs, output, algorithm };
                FusedBlocks::new(spec, isa)?
            }
        };
        plans.insert(0, (key, plan.clone()));
        plans.truncate(KEPT);
        Ok(Some(plan))
    }
}
