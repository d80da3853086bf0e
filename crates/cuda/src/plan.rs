//! A network's buffers and its launches: a training step and a prediction as fixed lists.

use adder_network::Network;

use crate::dense::Dense;
use crate::error::{Error, Result};
use crate::launch::Launch;
use crate::memory::{Layout, Region};
use crate::regions::{METRICS, Regions, muon_matrices};
use crate::settings::{OptimizerKind, Settings};
use crate::spec::Spec;
use crate::trunk::Trunk;

/// The plan of a network. The same launches serve every batch up to the plan's and every step.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) spec: Spec,
    pub(crate) settings: Settings,
    pub(crate) regions: Regions,
    all_regions: Vec<Region>,
    words: usize,
    training: Vec<Launch>,
    prediction: Vec<Launch>,
}

impl Plan {
    /// Plans a network.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a network that the kernels do not compute as a whole, naming the layer;
    /// [`Error::TooLarge`] for buffers of more than 2^31 words.
    pub fn new(network: &Network, settings: Settings) -> Result<Self> {
        for (part, value) in [("batch", settings.batch), ("ring", settings.ring)] {
            if value == 0 {
                return Err(Error::unsupported(part, "at least 1", value));
            }
        }
        let spec = Spec::new(network)?;
        if settings.resident_images > 0 && spec.blocks[0].input != [1, 28, 28] {
            let found = format!("{:?}", spec.blocks[0].input);
            return Err(Error::unsupported("images that stay on the device", "[1, 28, 28]", found));
        }
        let mut layout = Layout::default();
        let regions = Regions::new(&spec, &settings, &mut layout)?;
        let (words, all_regions) = layout.finish();
        let mut plan = Self {
            spec,
            settings,
            regions,
            all_regions,
            words,
            training: Vec::new(),
            prediction: Vec::new(),
        };
        plan.training = plan.training_launches();
        plan.prediction = [plan.trunk().predict(), plan.dense().predict()].concat();
        Ok(plan)
    }

    /// Words of memory that a device needs for it.
    pub fn words(&self) -> usize {
        self.words
    }

    /// All regions in their order. Between them lie [`FENCE`](crate::memory::FENCE) words and more that nothing touches.
    pub fn regions(&self) -> &[Region] {
        &self.all_regions
    }

    /// The launches of a training step.
    pub fn training(&self) -> &[Launch] {
        &self.training
    }

    /// The launches of a prediction.
    pub fn prediction(&self) -> &[Launch] {
        &self.prediction
    }

    /// The launch that makes a batch of the images that stay on the device.
    pub fn augmentation(&self) -> Option<Launch> {
        let at = self.regions.augment.as_ref()?;
        // A pixel of 0 becomes minus the offset, and one of 1 that plus the factor.
        let normalize = adder_network::normalize;
        let launch = Launch::new("augment", self.settings.batch, 256)
            .pointer(self.regions.step)
            .pointer(at.bytes)
            .pointer(at.indices)
            .pointer(at.changes)
            .pointer(self.regions.images);
        let factor = 1.0 / (255.0 * adder_network::PIXEL_STANDARD_DEVIATION);
        Some(launch.float(factor).float(-normalize(0.0)))
    }

    /// The words that the regions hold before the first step; all others are zero.
    pub(crate) fn tables(&self) -> Vec<(Region, Vec<u32>)> {
        let (spec, regions) = (&self.spec, &self.regions);
        let mut first_class = vec![0];
        for classes in &spec.heads {
            first_class.push(first_class[first_class.len() - 1] + *classes as u32);
        }
        let ranges = spec.blocks.iter().flat_map(|block| [block.weight.start, block.weight.end]);
        let mut flags: Vec<u32> = spec.decays.iter().map(|&decays| u32::from(decays)).collect();
        let (mut matrices, mut room) = (Vec::new(), 0);
        for matrix in muon_matrices(spec, &self.settings) {
            let values = matrix.first..matrix.first + matrix.rows * matrix.columns;
            flags[values].iter_mut().for_each(|flag| *flag |= 2);
            matrices.extend([matrix.first, matrix.rows, matrix.columns, room].map(|value| value as u32));
            room += matrix.room();
        }
        vec![
            (regions.first_class, first_class),
            (regions.ranges, ranges.map(|place| place as u32).collect()),
            (regions.flags, flags),
            (regions.matrices, matrices),
        ]
    }

    fn trunk(&self) -> Trunk<'_> {
        Trunk { spec: &self.spec, regions: &self.regions, settings: &self.settings }
    }

    fn dense(&self) -> Dense<'_> {
        Dense { spec: &self.spec, regions: &self.regions, settings: &self.settings }
    }

    fn training_launches(&self) -> Vec<Launch> {
        let (trunk, dense) = (self.trunk(), self.dense());
        [trunk.forward(), dense.forward(), dense.backward(), trunk.backward(), self.update()].concat()
    }

    /// From the gradients to the weights.
    fn update(&self) -> Vec<Launch> {
        let (spec, regions) = (&self.spec, &self.regions);
        let mut launches = vec![
            Launch::new("gradient_norm", 1, 1024)
                .pointer(regions.step)
                .pointer(regions.grads)
                .pointer(regions.ring)
                .pointer(regions.factor)
                .pointer(regions.stopped)
                .word(spec.parameters)
                .word(METRICS + 2 * spec.heads.len())
                .word(METRICS - 1)
                .word(0),
        ];
        let elementwise = match self.settings.optimizer {
            OptimizerKind::Sgd => "sgd",
            OptimizerKind::AdamW | OptimizerKind::Muon => "adamw",
        };
        launches.push(
            Launch::for_each(elementwise, spec.parameters)
                .pointer(regions.step)
                .pointer(regions.parameters())
                .pointer(regions.grads)
                .pointer(regions.first)
                .pointer(regions.second)
                .pointer(regions.flags)
                .pointer(regions.factor)
                .pointer(regions.stopped)
                .word(spec.parameters)
                .word(0),
        );
        let matrices = regions.matrices.len / 4;
        if matrices > 0 {
            launches.push(
                Launch::new("muon", matrices, 512)
                    .pointer(regions.step)
                    .pointer(regions.parameters())
                    .pointer(regions.grads)
                    .pointer(regions.first)
                    .pointer(regions.factor)
                    .pointer(regions.stopped)
                    .pointer(regions.matrices)
                    .pointer(regions.muon_room),
            );
        }
        launches.extend(regions.average.map(|average| {
            Launch::for_each("move_average", average.len)
                .pointer(regions.step)
                .pointer(average)
                .pointer(regions.state)
                .pointer(regions.stopped)
                .word(average.len)
                .word(0)
        }));
        launches
    }
}

#[cfg(test)]
mod tests {
    use adder_network::ModelConfig;

    use super::*;

    #[test]
    fn a_step_of_the_notebook_is_some_thirty_launches() {
        let plan = |optimizer, average| {
            let settings = Settings { optimizer, average, resident_images: 48_000, ..Settings::default() };
            Plan::new(&ModelConfig::default().network().unwrap(), settings).unwrap()
        };
        assert_eq!(plan(OptimizerKind::Sgd, false).training().len(), 29);
        let muon = plan(OptimizerKind::Muon, true);
        assert_eq!(muon.training().len(), 31);
        assert!(muon.augmentation().is_some());
        // Five of six convolutions see features, and their room is what two matrices and two squares take.
        assert_eq!(muon.regions.matrices.len, 5 * 4);
        assert!(muon.words() < 20_000_000, "{}", muon.words());
    }
}
