//! What each block makes of an image: for looking inside.

use candle_core::Tensor;

use super::{IMAGE_SIDE, IdentityAdder, Mode, shape_error};
use crate::Result;

impl IdentityAdder {
    /// The output of every block, its pool included, for images, f32 `[b, 1, 28, 28]`: f32 `[b, c, side, side]` each, in the
    /// order of the blocks. Norms use their running statistics, dropout is off.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) where the images have another shape.
    pub fn block_outputs(&self, images: &Tensor) -> Result<Vec<Tensor>> {
        let Ok((_, 1, IMAGE_SIDE, IMAGE_SIDE)) = images.dims4() else {
            return Err(shape_error("images", "[b, 1, 28, 28]", images));
        };
        let mut outputs: Vec<Tensor> = Vec::with_capacity(self.blocks.len());
        for (index, block) in self.blocks.iter().enumerate() {
            let output = block.forward(outputs.last().unwrap_or(images), Mode::Evaluate, index)?;
            outputs.push(output);
        }
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::{Error, ModelConfig};

    #[test]
    fn the_outputs_lead_to_the_embedding() {
        let model = IdentityAdder::new(&ModelConfig::default(), 3, &Device::Cpu).unwrap();
        let images = Tensor::arange(0f32, 2.0 * 784.0, &Device::Cpu).unwrap();
        let images = (images / 784.0).unwrap().reshape((2, 1, 28, 28)).unwrap();
        let outputs = model.block_outputs(&images).unwrap();
        let shapes: Vec<_> = outputs.iter().map(|output| output.dims()[1..].to_vec()).collect();
        assert_eq!(shapes, [[8, 28, 28], [8, 14, 14], [16, 14, 14], [16, 7, 7], [16, 7, 7], [16, 5, 5]]);
        let features = outputs[5].mean((2, 3)).unwrap();
        let embedding = model.embedding.forward(&features, Mode::Evaluate).unwrap();
        let expected = model.embed(&images, Mode::Evaluate).unwrap();
        let difference = (embedding - expected).unwrap().abs().unwrap().max_all().unwrap();
        assert!(difference.to_scalar::<f32>().unwrap() < 1e-6);
        let wrong = Tensor::zeros((1, 28, 28), DType::F32, &Device::Cpu).unwrap();
        assert!(matches!(model.block_outputs(&wrong), Err(Error::Argument { what: "images", .. })));
    }
}
