//! What changes from step to step: the words that kernels read from the memory.

/// The numbers of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// The number of the step, which its metrics bear.
    pub number: u64,
    /// The key of its dropout masks.
    pub dropout_key: u64,
    /// The part of a label's probability that is spread over all classes.
    pub label_smoothing: f32,
    /// The part of the target that soft targets are.
    pub soft_weight: f32,
    /// The gradient's norm is cut to this; 0 for no limit.
    pub norm_limit: f32,
    /// The part of the way that the average goes to the weights.
    pub average_share: f32,
    /// The numbers of the update.
    pub update: UpdateNumbers,
}

/// The numbers of an optimizer's update, as the kernels take them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UpdateNumbers {
    /// Those of SGD or AdamW.
    pub rule: [f32; 8],
    /// Those of Muon.
    pub muon: [f32; 4],
}

impl Step {
    /// Words of the struct `Step` in `common.cuh`.
    pub(crate) const WORDS: usize = 22;

    /// The struct, for a batch of so many images and a place in the ring.
    pub(crate) fn words(&self, images: usize, slot: usize) -> Vec<u32> {
        let halves = |word: u64| [word as u32, (word >> 32) as u32];
        let mut words = vec![images as u32, slot as u32];
        words.extend(halves(self.dropout_key));
        words.extend(halves(self.number));
        let numbers = [self.label_smoothing, self.soft_weight, self.norm_limit, self.average_share];
        let floats = numbers.into_iter().chain(self.update.rule).chain(self.update.muon);
        words.extend(floats.map(f32::to_bits));
        words
    }
}
