//! From the bytes of a weights file, without candle.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use adder_kernels::Isa;
use adder_kernels::predict::{self, RunningStatistics, TrainedNetwork};
use safetensors::SafeTensors;

use super::{Engine, Predictor};
use crate::specification::{head_spec, trunk_spec};
use crate::tensor_file::{Metadata, TensorFileError, TensorProblem, malformed, values};
use crate::weights::format;
use crate::{ADDENDS, DIGITS, ModelConfig, Result, SUMS};

impl Predictor {
    /// A trained network from the bytes of a weights file, on the kernels, and the file's metadata; `path` names it in
    /// errors. The answers are to the bit those of [`weights::from_safetensors`](crate::weights::from_safetensors) and
    /// [`Predictor::new`], without the tensors between.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights) for a file that does not hold such a network,
    /// [`Error::Isa`](crate::Error::Isa) for an impossible `ADDER_ISA`.
    pub fn from_safetensors(bytes: &[u8], path: &Path) -> Result<(Self, Metadata)> {
        let named = |problem| TensorFileError { path: path.into(), problem };
        let metadata = format::checked_metadata(bytes).map_err(named)?;
        let config = format::stored_config(&metadata).map_err(named)?;
        let weights = Weights::read(bytes, &config).map_err(named)?;
        let folded = weights.fold(&config, Isa::from_environment()?)?;
        Ok((Self(Engine::Folded(Arc::new(folded))), metadata))
    }
}

/// All that a network has learned, as the kernels take it.
#[derive(Default)]
struct Weights {
    trunk: Vec<f32>,
    head: Vec<f32>,
    /// Mean and variance of every block's norm, then of the embedding's and the hidden layer's.
    statistics: Vec<[Vec<f32>; 2]>,
}

impl Weights {
    /// Reads the tensors that a network of this configuration has, and no others.
    fn read(bytes: &[u8], config: &ModelConfig) -> Result<Self, TensorProblem> {
        let mut file =
            Reader { file: SafeTensors::deserialize(bytes).map_err(malformed)?, read: BTreeSet::new() };
        let mut weights = Self::default();
        let mut channels = 1;
        for (number, &out_channels) in (1..).zip(&config.channels) {
            weights
                .trunk
                .extend(file.values(format!("block{number}.conv.weight"), &[out_channels, channels, 3, 3])?);
            let statistics = file.norm(&format!("block{number}.norm"), out_channels, &mut weights.trunk)?;
            weights.statistics.push(statistics);
            channels = out_channels;
        }
        let ModelConfig { embedding, hidden, .. } = *config;
        for (layer, inputs, outputs) in
            [("embedding", channels, embedding), ("hidden", embedding + ADDENDS, hidden)]
        {
            weights.head.extend(file.values(format!("{layer}.linear.weight"), &[outputs, inputs])?);
            let statistics = file.norm(&format!("{layer}.norm"), outputs, &mut weights.head)?;
            weights.statistics.push(statistics);
        }
        weights.head.extend(file.values("digit.weight".into(), &[DIGITS, hidden])?);
        weights.head.extend(file.values("sum.weight".into(), &[SUMS, hidden])?);
        file.refuse_others()?;
        Ok(weights)
    }

    fn fold(&self, config: &ModelConfig, isa: Isa) -> Result<predict::Predictor> {
        let (trunk, head) = (trunk_spec(config)?, head_spec(config));
        let norms: Vec<RunningStatistics<'_>> =
            self.statistics.iter().map(|[mean, variance]| RunningStatistics { mean, variance }).collect();
        let (trunk_statistics, dense) = norms.split_at(trunk.blocks.len());
        let network = TrainedNetwork {
            trunk: &trunk,
            trunk_params: &self.trunk,
            trunk_statistics,
            head: &head,
            head_params: &self.head,
            embedding_statistics: dense[0],
            hidden_statistics: dense[1],
        };
        Ok(predict::Predictor::new(&network, isa)?)
    }
}

/// A file of tensors, and which of them were read.
struct Reader<'a> {
    file: SafeTensors<'a>,
    read: BTreeSet<String>,
}

impl Reader<'_> {
    fn values(&mut self, name: String, shape: &[usize]) -> Result<Vec<f32>, TensorProblem> {
        let values = values(&self.file, &name, shape)?;
        self.read.insert(name);
        Ok(values)
    }

    /// Appends a norm's weight and bias to the parameters and returns its running mean and variance.
    fn norm(
        &mut self,
        name: &str,
        width: usize,
        params: &mut Vec<f32>,
    ) -> Result<[Vec<f32>; 2], TensorProblem> {
        for part in ["weight", "bias"] {
            params.extend(self.values(format!("{name}.{part}"), &[width])?);
        }
        let mut statistic = |part| self.values(format!("{name}.running_{part}"), &[width]);
        Ok([statistic("mean")?, statistic("var")?])
    }

    fn refuse_others(&self) -> Result<(), TensorProblem> {
        let unknown = self.file.names().into_iter().filter(|name| !self.read.contains(*name)).min();
        unknown.map_or(Ok(()), |name| Err(TensorProblem::Unknown(name.into())))
    }
}
