//! Plans for the sizes of images that a layer has met, with its weight as they read it.

use std::sync::{Arc, Mutex, PoisonError};

use adder_kernels::Isa;
use adder_kernels::conv::{self, Algorithm, ConvShape, PackedWeight, PooledGradients, PooledPass};
use candle_core::{Error, Result, Shape, Tensor};
use candle_nn::Conv2dConfig;

use crate::weighted::{Gradients, Weighted};

/// Sizes that are planned for at a time. A network meets one, or a few where images are cropped or a test set has another.
const KEPT: usize = 4;

/// The plans of a layer, the last used first.
#[derive(Debug, Default)]
pub(super) struct Plans(Mutex<Vec<Arc<Plan>>>);

/// A convolution of images of one size, and its weight.
#[derive(Debug)]
pub(super) struct Plan {
    conv: conv::Conv2d,
    packed: Mutex<Option<Packed>>,
}

/// A weight, as it is and packed.
#[derive(Debug)]
struct Packed {
    values: Vec<f32>,
    weight: Arc<PackedWeight>,
}

impl Plans {
    /// The plan for `x` and a weight that fit each other.
    pub(super) fn find(
        &self,
        (isa, algorithm): (Isa, Algorithm),
        x: &Tensor,
        weight: &Tensor,
        config: &Conv2dConfig,
    ) -> Result<Arc<Plan>> {
        let (_, in_channels, height, width) = x.dims4()?;
        let (out_channels, _, kernel, _) = weight.dims4()?;
        let (stride, padding) = (config.stride, config.padding);
        let shape = ConvShape { in_channels, out_channels, height, width, kernel, stride, padding };
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = plans.iter().position(|plan| {
            (plan.conv.shape(), plan.conv.isa(), plan.conv.algorithm()) == (&shape, isa, algorithm)
        });
        let plan = match known {
            Some(index) => plans.remove(index),
            None => {
                let conv = conv::Conv2d::with_algorithm(shape, isa, algorithm).map_err(Error::wrap)?;
                Arc::new(Plan { conv, packed: Mutex::default() })
            }
        };
        plans.insert(0, Arc::clone(&plan));
        plans.truncate(KEPT);
        Ok(plan)
    }
}

impl Plan {
    /// The weight, packed: as it was for the last pass, where the values are still the same.
    fn pack(&self, weight: &[f32]) -> Result<Arc<PackedWeight>> {
        let mut packed = self.packed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packed) = packed.as_ref().filter(|packed| same_bits(&packed.values, weight)) {
            return Ok(Arc::clone(&packed.weight));
        }
        let mut values = packed.take().map(|packed| packed.values).unwrap_or_default();
        values.clear();
        values.extend_from_slice(weight);
        let weight = Arc::new(self.conv.pack(weight).map_err(Error::wrap)?);
        *packed = Some(Packed { values, weight: Arc::clone(&weight) });
        Ok(weight)
    }
}

impl Weighted for Plan {
    const NAME: &'static str = "adder-conv2d";

    type Kept = ();

    fn forward(
        &self,
        x: &[f32],
        shape: &Shape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<(Vec<f32>, Shape, ())> {
        let conv = self.conv.shape();
        let ([height, width], batch) = (conv.output_size(), shape.dims4()?.0);
        let mut output = vec![0.0; batch * conv.output_len()];
        self.conv.forward(x, &*self.pack(weight)?, bias, &mut output).map_err(Error::wrap)?;
        Ok((output, Shape::from((batch, conv.out_channels, height, width)), ()))
    }

    fn gradients(
        &self,
        (): &(),
        x: &[f32],
        weight: &[f32],
        grad: &[f32],
        grads: Gradients<'_>,
    ) -> Result<()> {
        if let Some(grad_x) = grads.x {
            self.conv.input_gradient(weight, grad, grad_x).map_err(Error::wrap)?;
        }
        if let Some((grad_weight, grad_bias)) = grads.weight {
            self.conv.weight_gradient(x, grad, grad_weight, grad_bias).map_err(Error::wrap)?;
        }
        Ok(())
    }
}

/// A plan with a 2x2 max pool behind its convolution.
pub(super) struct Pooled(pub(super) Arc<Plan>);

impl Weighted for Pooled {
    const NAME: &'static str = "adder-conv2d-max-pool";

    type Kept = PooledPass;

    fn forward(
        &self,
        x: &[f32],
        shape: &Shape,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<(Vec<f32>, Shape, PooledPass)> {
        let (conv, batch) = (&self.0.conv, shape.dims4()?.0);
        let [height, width] = conv.shape().output_size().map(|size| size / 2);
        let mut output = vec![0.0; batch * conv.pooled_len()];
        let pass =
            conv.forward_max_pool(x, &*self.0.pack(weight)?, bias, &mut output).map_err(Error::wrap)?;
        Ok((output, Shape::from((batch, conv.shape().out_channels, height, width)), pass))
    }

    fn gradients(
        &self,
        pass: &PooledPass,
        x: &[f32],
        weight: &[f32],
        grad: &[f32],
        Gradients { x: input, weight: of_weight }: Gradients<'_>,
    ) -> Result<()> {
        let grads = PooledGradients { input, weight: of_weight };
        self.0.conv.backward_max_pool(pass, x, weight, grad, grads).map_err(Error::wrap)
    }
}

/// Whether two slices hold the same bits. Whole chunks are compared at a time, which is as fast as memory.
fn same_bits(a: &[f32], b: &[f32]) -> bool {
    let same =
        |a: &[f32], b: &[f32]| a.iter().zip(b).fold(true, |same, (a, b)| same & (a.to_bits() == b.to_bits()));
    a.len() == b.len() && a.chunks(256).zip(b.chunks(256)).all(|(a, b)| same(a, b))
}
