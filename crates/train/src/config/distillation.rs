//! The section `[distillation]`.

use adder_model::ModelConfig;
use serde::{Deserialize, Serialize};

use crate::range::{Invalid, check};

/// The section `[distillation]`: other networks that are trained first, on the same images, and what is learned from them
/// (Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, at a temperature of 1).
///
/// Every teacher sees each batch as its student does, augmented, and the mean of their probabilities takes the place of the
/// labels. A teacher is trained as the configuration says of its student, from a seed of its own and without teachers; what
/// its network and its epochs are instead may be said here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DistillationConfig {
    /// Number of teachers; with 0 the labels alone are learned from.
    pub teachers: u64,
    /// Part of each target, 0 to 1, that comes from the teachers; the rest is the label's.
    pub weight: f32,
    /// Largest share, 0 to 0.5, of another image of the batch in each image that the student sees and the teachers answer for;
    /// the share is drawn anew for each image in each epoch. With 0 no images are mixed. A mixture has no label, so this takes
    /// a [`weight`](Self::weight) of 1. (After Beyer et al., "Knowledge distillation: A good teacher is patient and consistent",
    /// 2022, where mixtures are the inputs on which a student matches its teacher's function.)
    pub mixup: f32,
    /// Whether the teachers' probabilities are marginalized over the addends to one distribution over an image's digit, for both
    /// heads and every addend: the mean of the digit's beside each of the ten addends, and of the sum's less that addend. With
    /// false each head learns from the teachers' own of the same pair.
    #[serde(alias = "consistent")]
    pub marginalize: bool,
    /// Epochs of each teacher; 0 for as many as the student's.
    pub teacher_epochs: u64,
    /// Output channels of the teachers' convolution blocks, as many as the student has blocks; none for the student's own.
    pub teacher_channels: Vec<usize>,
    /// Width of the teachers' embedding; 0 for the student's own.
    pub teacher_embedding: usize,
    /// Width of the teachers' hidden layer; 0 for the student's own.
    pub teacher_hidden: usize,
}

impl Default for DistillationConfig {
    fn default() -> Self {
        Self {
            teachers: 0,
            weight: 1.0,
            mixup: 0.0,
            marginalize: false,
            teacher_epochs: 0,
            teacher_channels: Vec::new(),
            teacher_embedding: 0,
            teacher_hidden: 0,
        }
    }
}

impl DistillationConfig {
    /// Checks every range, beside the student's `model`.
    pub(super) fn validate(&self, model: &ModelConfig) -> Result<(), Invalid> {
        check("distillation.teachers", self.teachers, ..=100, "0 to 100 networks")?;
        check("distillation.weight", self.weight, 0.0..=1.0, "a number from 0 to 1")?;
        check("distillation.mixup", self.mixup, 0.0..=0.5, "a number from 0 to 0.5")?;
        if self.mixup > 0.0 && self.weight < 1.0 {
            return Err(Invalid {
                key: "distillation.mixup".into(),
                expected: "0 where distillation.weight is below 1, because a mixture has no label".into(),
                found: self.mixup.to_string(),
            });
        }
        let epochs = self.teacher_epochs;
        check("distillation.teacher_epochs", epochs, ..=1_000_000, "0 to 1,000,000 epochs")?;
        let (teachers, blocks) = (self.teacher_channels.len(), model.channels.len());
        let own = [teachers, self.teacher_embedding, self.teacher_hidden];
        if !model.layers.is_empty() && own != [0; 3] {
            return Err(Invalid {
                key: "distillation".into(),
                expected:
                    "no teacher_channels, teacher_embedding or teacher_hidden where model.layers is given"
                        .into(),
                found: format!("{own:?}"),
            });
        }
        if teachers != 0 && teachers != blocks {
            return Err(Invalid {
                key: "distillation.teacher_channels".into(),
                expected: format!("{blocks} blocks, as in model.channels, or none"),
                found: teachers.to_string(),
            });
        }
        Ok(())
    }
}
