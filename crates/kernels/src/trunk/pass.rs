//! A forward pass over a batch, and what the backward pass needs of it.

use std::sync::Arc;

use super::plan::Plan;
use super::workspace::Workspace;
use crate::Result;
use crate::shape::check_len;
use crate::shelf::Lent;

/// A forward pass of a [`Trunk`](super::Trunk). Its buffers go back to the trunk when it is dropped.
#[derive(Debug)]
pub struct Pass {
    pub(super) plan: Arc<Plan>,
    pub(super) workspace: Lent<Workspace>,
}

/// What a block's norm found in a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockStatistics<'a> {
    /// The mean of each channel; zeros for an empty batch.
    pub mean: &'a [f32],
    /// The biased variance of each channel, that is divided by `count`; zeros for an empty batch.
    pub variance: &'a [f32],
    /// How many values of each channel there were: images times pixels.
    pub count: usize,
}

impl Pass {
    /// The trunk's output: `[b, c]` or `[b, c, h, w]`, as its specification says.
    pub fn output(&self) -> &[f32] {
        &self.workspace.output
    }

    /// What the norm of each block found, in the order of the blocks.
    pub fn statistics(&self) -> impl ExactSizeIterator<Item = BlockStatistics<'_>> {
        self.workspace.blocks.iter().map(|state| {
            let statistics = &state.statistics;
            BlockStatistics {
                mean: &statistics.mean[..statistics.variance.len()],
                variance: &statistics.variance,
                count: statistics.count,
            }
        })
    }

    /// The backward pass, of a loss whose gradient at the output is `grad_output`.
    ///
    /// Written over: `grad_params`, laid out as the parameters are, and `grad_images`, `[b, c, h, w]`, where it is given.
    /// Both include what reaches them through the batch's statistics.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) where a slice has another size.
    pub fn backward(
        &mut self,
        grad_output: &[f32],
        grad_params: &mut [f32],
        grad_images: Option<&mut [f32]>,
    ) -> Result<()> {
        check_len("grad_output", grad_output, self.workspace.output.len())?;
        check_len("grad_params", grad_params, self.plan.spec.parameters())?;
        if let Some(grad_images) = &grad_images {
            check_len("grad_images", grad_images, self.workspace.images.len())?;
        }
        self.workspace.prepare_backward(&self.plan);
        self.plan.backward(&mut self.workspace, grad_output, grad_params, grad_images);
        Ok(())
    }
}
