//! A network on a device: batches in, weights and metrics out.

use crate::device::Device;
use crate::error::{Error, Result, check_len};
use crate::memory::Region;
use crate::plan::Plan;
use crate::regions::{IMAGE_WORDS, METRICS};
use crate::step::Step;

/// What a batch should give.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// The class of each image for each head.
    pub labels: &'a [&'a [u32]],
    /// The probabilities of each head, `[b, classes]`, where the plan has soft targets.
    pub soft: Option<&'a [&'a [f32]]>,
}

/// What a step found.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    /// The number of the step.
    pub number: u64,
    /// Images of its batch.
    pub rows: usize,
    /// Images of which every head is right.
    pub all_correct: usize,
    /// The gradient's norm before its limit.
    pub gradient_norm: f64,
    /// Of each head the sum of the cross-entropies, in nats, and the right images.
    pub heads: Vec<(f64, usize)>,
}

impl Metrics {
    /// Whether the step could be used; if not, neither it nor any after it moved the weights.
    pub fn is_finite(&self) -> bool {
        self.gradient_norm.is_finite() && self.heads.iter().all(|(loss, _)| loss.is_finite())
    }
}

/// A planned network on a device.
#[derive(Debug)]
pub struct Engine<D> {
    plan: Plan,
    device: D,
}

impl<D: Device> Engine<D> {
    /// Puts a plan on a device whose memory has the plan's words, all zero.
    ///
    /// # Errors
    /// Where the device refuses.
    pub fn new(plan: Plan, mut device: D) -> Result<Self> {
        for (region, words) in plan.tables() {
            device.write(region, &words)?;
        }
        Ok(Self { plan, device })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The device.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// Writes all parameters, one behind the other in the network's order, and the running mean and variance of each norm.
    /// The average, where there is one, starts there too.
    ///
    /// # Errors
    /// [`Error::Length`] where there are more or fewer; otherwise where the device refuses.
    pub fn set_state(&mut self, parameters: &[f32], running: &[f32]) -> Result<()> {
        check_len("parameters", parameters, self.plan.spec.parameters)?;
        check_len("running", running, self.plan.spec.running)?;
        let words: Vec<u32> = parameters.iter().chain(running).map(|value| value.to_bits()).collect();
        self.device.write(self.plan.regions.state, &words)?;
        self.plan.regions.average.map_or(Ok(()), |average| self.device.write(average, &words))
    }

    /// The parameters and the running statistics.
    ///
    /// # Errors
    /// Where the device refuses.
    pub fn state(&mut self) -> Result<[Vec<f32>; 2]> {
        self.split(self.plan.regions.state)
    }

    /// The average of both, where the plan has one.
    ///
    /// # Errors
    /// Where the device refuses.
    pub fn average(&mut self) -> Result<Option<[Vec<f32>; 2]>> {
        self.plan.regions.average.map(|average| self.split(average)).transpose()
    }

    /// Replaces the average, where the plan has one.
    ///
    /// # Errors
    /// [`Error::Length`] where there are more or fewer values; otherwise where the device refuses.
    pub fn set_average(&mut self, parameters: &[f32], running: &[f32]) -> Result<()> {
        let values = [parameters, running].concat();
        let region = self.plan.regions.average.unwrap_or(Region { start: 0, len: 0 });
        check_len("average", &values, region.len)?;
        self.device.write(region, &bits(&values))
    }

    /// The optimizer's memory: velocities or first moments, and second moments, of each parameter.
    ///
    /// # Errors
    /// Where the device refuses.
    pub fn moments(&mut self) -> Result<[Vec<f32>; 2]> {
        let regions = [self.plan.regions.first, self.plan.regions.second];
        Ok([self.floats(regions[0])?, self.floats(regions[1])?])
    }

    /// Replaces the optimizer's memory.
    ///
    /// # Errors
    /// [`Error::Length`] where there is more or less; otherwise where the device refuses.
    pub fn set_moments(&mut self, moments: [&[f32]; 2]) -> Result<()> {
        for (values, region) in moments.into_iter().zip([self.plan.regions.first, self.plan.regions.second]) {
            check_len("moments", values, region.len)?;
            self.device.write(region, &bits(values))?;
        }
        Ok(())
    }

    /// The gradients of the last step, before their limit.
    ///
    /// # Errors
    /// Where the device refuses.
    pub fn gradients(&mut self) -> Result<Vec<f32>> {
        self.floats(self.plan.regions.grads)
    }

    /// The images of the last batch as the network saw them, `[b, c, h, w]`, and behind them what larger batches left.
    ///
    /// # Errors
    /// Where the device refuses.
    pub fn images(&mut self) -> Result<Vec<f32>> {
        self.floats(self.plan.regions.images)
    }

    /// What a block's convolution gave in the last pass, behind its ReLU, `[b, c, h, w]`; in training with a sign where
    /// dropout dropped it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there is no such block; otherwise where the device refuses.
    pub fn block_values(&mut self, block: usize) -> Result<Vec<f32>> {
        let region = self.plan.regions.blocks.get(block).map(|at| at.values);
        self.floats(region.ok_or_else(|| Error::unsupported("block", "one that there is", block))?)
    }

    /// A training step on images `[b, c, h, w]`, with the class of each image where the network has a one-hot input.
    ///
    /// # Errors
    /// [`Error::Length`] and [`Error::Class`] for inputs that do not fit; otherwise where the device refuses. A value that is
    /// not finite is no error here: see [`Metrics::is_finite`].
    pub fn train(
        &mut self,
        step: &Step,
        images: &[f32],
        one_hot: Option<&[u32]>,
        targets: Targets<'_>,
    ) -> Result<()> {
        let rows = self.write_images(images)?;
        self.write_inputs(step, rows, one_hot, Some(targets))?;
        self.device.run(self.plan.training())
    }

    /// Writes the images that stay on the device, 28x28 bytes each, from the first on.
    ///
    /// # Errors
    /// [`Error::Length`] for more or fewer than the plan has; otherwise where the device refuses.
    pub fn set_resident_images(&mut self, bytes: &[u8]) -> Result<()> {
        let region = self.plan.regions.augment.as_ref().map_or(Region { start: 0, len: 0 }, |at| at.bytes);
        check_len("images", bytes, region.len * 4)?;
        let words: Vec<u32> = bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        self.device.write(region, &words)
    }

    /// A training step on images that stay on the device, by their numbers, each with its change.
    ///
    /// # Errors
    /// As [`Engine::train`], and [`Error::Class`] for an image that there is not.
    pub fn train_resident(
        &mut self,
        step: &Step,
        images: (&[u32], &[crate::augment::Change]),
        one_hot: Option<&[u32]>,
        targets: Targets<'_>,
    ) -> Result<()> {
        let (indices, changes) = images;
        let (Some(at), Some(launch)) = (self.plan.regions.augment.clone(), self.plan.augmentation()) else {
            return Err(Error::unsupported("images", "a plan with images that stay on the device", "none"));
        };
        check_len("changes", changes, indices.len())?;
        check_classes("indices", indices, at.bytes.len / IMAGE_WORDS)?;
        self.check_rows(indices.len())?;
        self.device.write(at.indices, indices)?;
        let numbers: Vec<f32> = changes.iter().flat_map(|change| change.numbers()).collect();
        self.device.write(at.changes, &bits(&numbers))?;
        self.write_inputs(step, indices.len(), one_hot, Some(targets))?;
        self.device.run(&[launch])?;
        self.device.run(self.plan.training())
    }

    /// The metrics of a step that is still in the ring: one of the last [`ring`](crate::Settings::ring) ones.
    ///
    /// # Errors
    /// Where the device refuses.
    pub fn metrics(&mut self, number: u64) -> Result<Metrics> {
        let heads = self.plan.spec.heads.len();
        let length = 2 * (METRICS + 2 * heads);
        let region = self.plan.regions.ring.part(self.slot(number) * length, length);
        let words = self.device.read(region)?;
        let numbers = words.as_chunks::<2>().0.iter();
        let numbers: Vec<f64> =
            numbers.map(|[low, high]| f64::from_bits(u64::from(*high) << 32 | u64::from(*low))).collect();
        let of_heads = numbers[METRICS..].as_chunks::<2>().0.iter();
        Ok(Metrics {
            number: numbers[0] as u64,
            rows: numbers[1] as usize,
            all_correct: numbers[2] as usize,
            gradient_norm: numbers[3],
            heads: of_heads.map(|[loss, correct]| (*loss, *correct as usize)).collect(),
        })
    }

    /// The logits of each head with running statistics, `[b, classes]`.
    ///
    /// # Errors
    /// [`Error::Length`] and [`Error::Class`] for inputs that do not fit; otherwise where the device refuses.
    pub fn predict(&mut self, images: &[f32], one_hot: Option<&[u32]>) -> Result<Vec<Vec<f32>>> {
        let rows = self.write_images(images)?;
        self.write_inputs(&Step::default(), rows, one_hot, None)?;
        self.device.run(self.plan.prediction())?;
        let (logits, pitch) = (self.floats(self.plan.regions.logits)?, self.plan.regions.pitch);
        let mut first = 0;
        let heads = self.plan.spec.heads.iter().map(|&classes| {
            let columns = first..first + classes;
            first += classes;
            (0..rows)
                .flat_map(|row| columns.clone().map(move |class| class * pitch + row))
                .collect::<Vec<_>>()
        });
        Ok(heads.map(|places| places.into_iter().map(|place| logits[place]).collect()).collect())
    }

    fn write_images(&mut self, images: &[f32]) -> Result<usize> {
        let size: usize = self.plan.spec.blocks[0].input.iter().product();
        let rows = images.len() / size;
        check_len("images", images, rows * size)?;
        self.check_rows(rows)?;
        self.device.write(self.plan.regions.images, &bits(images))?;
        Ok(rows)
    }

    fn check_rows(&self, rows: usize) -> Result<()> {
        if (1..=self.plan.settings.batch).contains(&rows) {
            return Ok(());
        }
        Err(Error::Length {
            argument: "images of the batch",
            expected: self.plan.settings.batch,
            found: rows,
        })
    }

    fn write_inputs(
        &mut self,
        step: &Step,
        rows: usize,
        one_hot: Option<&[u32]>,
        targets: Option<Targets<'_>>,
    ) -> Result<()> {
        let (spec, regions) = (&self.plan.spec, &self.plan.regions);
        let classes = spec.hidden.iter().map(|layer| layer.classes).max().unwrap_or(0);
        let given = one_hot.unwrap_or_default();
        check_len("one_hot", given, if classes > 0 { rows } else { 0 })?;
        check_classes("one_hot", given, classes)?;
        self.device.write(regions.one_hot, given)?;
        if let Some(Targets { labels, soft }) = targets {
            check_len("labels", labels, spec.heads.len())?;
            for (head, (labels, &classes)) in labels.iter().zip(&spec.heads).enumerate() {
                check_len("labels", labels, rows)?;
                check_classes("labels", labels, classes)?;
                self.device.write(regions.labels.part(head * regions.pitch, regions.pitch), labels)?;
            }
            check_len(
                "soft targets",
                soft.unwrap_or_default(),
                regions.soft.map_or(0, |_| spec.heads.len()),
            )?;
            if let (Some(region), Some(soft)) = (regions.soft, soft) {
                let words = by_class(soft, &spec.heads, rows, regions.pitch)?;
                self.device.write(region, &words)?;
            }
        }
        self.device.write(regions.step, &step.words(rows, self.slot(step.number)))
    }

    fn slot(&self, number: u64) -> usize {
        (number % self.plan.settings.ring as u64) as usize
    }

    fn split(&mut self, region: Region) -> Result<[Vec<f32>; 2]> {
        let mut parameters = self.floats(region)?;
        let running = parameters.split_off(self.plan.spec.parameters);
        Ok([parameters, running])
    }

    fn floats(&mut self, region: Region) -> Result<Vec<f32>> {
        Ok(self.device.read(region)?.into_iter().map(f32::from_bits).collect())
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Each head's `[b, classes]` as rows of one class each, `[classes, pitch]`.
fn by_class(soft: &[&[f32]], heads: &[usize], rows: usize, pitch: usize) -> Result<Vec<u32>> {
    let mut words = Vec::new();
    for (probabilities, &classes) in soft.iter().zip(heads) {
        check_len("soft targets", probabilities, rows * classes)?;
        for class in 0..classes {
            words.extend((0..pitch).map(|row| match row < rows {
                true => probabilities[row * classes + class].to_bits(),
                false => 0,
            }));
        }
    }
    Ok(words)
}

fn check_classes(argument: &'static str, given: &[u32], classes: usize) -> Result<()> {
    match given.iter().find(|&&class| class as usize >= classes) {
        Some(&found) => Err(Error::Class { argument, classes, found }),
        None => Ok(()),
    }
}
