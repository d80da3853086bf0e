//! The IdentityAdder composed from adder-nn's public layers, its blocks one by one or as one operation.

use std::collections::HashMap;

use adder_nn::loss::cross_entropy;
use adder_nn::{
    BatchNorm, Block, BlockConfig, Blocks, Linear, ModuleT, Optimizer, ParamsSGD, SGD, VarBuilder,
    batch_norm, block, linear_no_bias,
};
use anyhow::{Context, Result};
use candle_core::{D, DType, Device, Tensor, Var};

use super::classifier::{load_variables, trained};
use super::contestant::{CHECKED, Contestant, Task, gradients_of, values};
use super::field::Variant;

/// Input and output channels, padding, and whether a pool follows and dropout does: the default of `ModelConfig`.
const BLOCKS: [(usize, usize, usize, bool, bool); 6] = [
    (1, 8, 1, false, true),
    (8, 8, 1, true, true),
    (8, 16, 1, false, true),
    (16, 16, 1, true, true),
    (16, 16, 1, false, false),
    (16, 16, 0, false, true),
];

/// Training steps.
pub struct ComposedSteps {
    network: Network,
    /// The same without dropout.
    certain: Network,
    parameters: Vec<(String, Var)>,
    optimizer: SGD,
    batches: Vec<Pairs>,
    steps: usize,
}

impl ComposedSteps {
    /// The training of a task before its first step.
    ///
    /// # Errors
    /// Where files cannot be read or do not fit.
    pub fn new(task: &Task) -> Result<Self> {
        let variables = load_variables(&task.weights)?;
        let parameters = trained(&variables);
        let network = |dropout| {
            let builder = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
            Network::new(task.variant, dropout, &builder)
        };
        let params = ParamsSGD { lr: 0.01, momentum: 0.9, ..Default::default() };
        let optimizer = SGD::new(parameters.iter().map(|(_, variable)| variable.clone()).collect(), params)?;
        let batches = load_batches(task)?;
        Ok(Self { network: network(0.1)?, certain: network(0.0)?, parameters, optimizer, batches, steps: 0 })
    }
}

impl Contestant for ComposedSteps {
    fn results(&mut self) -> Result<Vec<f32>> {
        let Pairs { images, addends, .. } = &self.batches[0];
        let count = CHECKED.min(images.dim(0)?);
        let heads =
            self.network.logits(&images.narrow(0, 0, count)?, &addends.narrow(0, 0, count)?, false)?;
        values(&Tensor::cat(&heads, D::Minus1)?)
    }

    fn gradients(&mut self) -> Result<HashMap<String, Tensor>> {
        let loss = self.certain.loss(&self.batches[0])?;
        gradients_of(&loss, self.parameters.iter().map(|(name, variable)| (name, variable)))
    }

    fn step(&mut self) -> Result<()> {
        let loss = self.network.loss(&self.batches[self.steps % self.batches.len()])?;
        self.optimizer.backward_step(&loss)?;
        self.steps += 1;
        Ok(())
    }
}

struct Network {
    /// `[b, 1, 28, 28]` to `[b, 16]`.
    trunk: Box<dyn ModuleT>,
    embedding: (Linear, BatchNorm),
    hidden: (Linear, BatchNorm),
    digit: Linear,
    sum: Linear,
    /// `[10, 10]`: the rows are the one-hot vectors of the addends.
    one_hot: Tensor,
}

impl Network {
    fn new(variant: Variant, dropout: f32, vs: &VarBuilder<'_>) -> Result<Self> {
        let blocks = BLOCKS.iter().enumerate().map(|(index, &(inputs, outputs, padding, pool, drops))| {
            let dropout = if drops { dropout } else { 0.0 };
            block(
                inputs,
                outputs,
                BlockConfig { padding, dropout, pool },
                vs.pp(format!("block{}", index + 1)),
            )
        });
        let blocks = blocks.collect::<adder_nn::Result<Vec<_>>>()?;
        let trunk: Box<dyn ModuleT> = match variant {
            Variant::Blocks => Box::new(OneByOne(blocks)),
            _ => Box::new(Blocks::new(blocks).with_global_average()),
        };
        let dense = |name: &str, inputs, outputs| -> Result<(Linear, BatchNorm)> {
            let vs = vs.pp(name);
            let linear = linear_no_bias(inputs, outputs, vs.pp("linear"))?;
            Ok((linear, batch_norm(outputs, 1e-5, vs.pp("norm"))?))
        };
        Ok(Self {
            trunk,
            embedding: dense("embedding", 16, 20)?,
            hidden: dense("hidden", 30, 64)?,
            digit: linear_no_bias(64, 10, vs.pp("digit"))?,
            sum: linear_no_bias(64, 19, vs.pp("sum"))?,
            one_hot: Tensor::eye(10, DType::F32, &Device::Cpu)?,
        })
    }

    /// Those of the digit, `[b, 10]`, and those of the sum, `[b, 19]`.
    fn logits(&self, images: &Tensor, addends: &Tensor, train: bool) -> candle_core::Result<[Tensor; 2]> {
        let features = self.trunk.forward_t(images, train)?;
        let (linear, norm) = &self.embedding;
        let embedding = norm.forward_relu(&features.apply(linear)?, train)?;
        let seen = Tensor::cat(&[embedding, self.one_hot.index_select(addends, 0)?], D::Minus1)?;
        let (linear, norm) = &self.hidden;
        let hidden = norm.forward_relu(&seen.apply(linear)?, train)?;
        Ok([hidden.apply(&self.digit)?, hidden.apply(&self.sum)?])
    }

    /// In training.
    fn loss(&self, pairs: &Pairs) -> Result<Tensor> {
        let [digit, sum] = self.logits(&pairs.images, &pairs.addends, true)?;
        Ok((cross_entropy(&digit, &pairs.digits)? + cross_entropy(&sum, &pairs.sums)?)?)
    }
}

/// Blocks as operations of their own, and an average over all pixels.
struct OneByOne(Vec<Block>);

impl ModuleT for OneByOne {
    fn forward_t(&self, images: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        let mut x = images.clone();
        for block in &self.0 {
            x = x.apply_t(block, train)?;
        }
        x.mean((2, 3))
    }
}

/// A batch.
struct Pairs {
    images: Tensor,
    addends: Tensor,
    digits: Tensor,
    sums: Tensor,
}

fn load_batches(task: &Task) -> Result<Vec<Pairs>> {
    let tensors = candle_core::safetensors::load(&task.inputs, &Device::Cpu)?;
    let part = |name: &str| tensors.get(name).with_context(|| format!("the inputs have no `{name}`"));
    let (images, addends, digits) = (part("images")?, part("addends")?, part("digits")?);
    let batch = |batch: usize| -> Result<Pairs> {
        let cut = |tensor: &Tensor| tensor.narrow(0, batch * task.batch, task.batch)?.copy();
        let (images, addends, digits) = (cut(images)?, cut(addends)?, cut(digits)?);
        let sums = (&addends + &digits)?;
        Ok(Pairs { images, addends, digits, sums })
    };
    (0..images.dim(0)? / task.batch).map(batch).collect()
}
