//! A whole sequence of convolution blocks as one operation: forward and backward, for training.
//!
//! ```text
//! images [b, c, h, w] -> block -> ... -> block -> global average -> features [b, c]
//! block: convolution 3x3 without bias -> ReLU -> batch norm -> dropout -> 2x2 max pool
//! ```
//!
//! # How it works
//! A norm needs sums over the whole batch, so the blocks run one after the other; within a block, each image runs through
//! alone and stays in the cache. A task takes a chunk of eight images and one scratch map with zeros around it:
//!
//! - *forward*: the norm, dropout and pool of the block before are computed from its saved values into the scratch, then
//!   the convolution with its ReLU, then dropout's marks and the sums of the norm while the result is hot;
//! - *backward*: the gradient comes back through pool, dropout, norm and ReLU into one scratch, the block's input is
//!   computed again into another; weight gradient, input gradient, and while that is hot the sums for the norm of the
//!   block before.
//!
//! One tensor is saved for each block: relu(conv), with the sign bit telling what dropout dropped. The input of the next
//! block, the mask of the ReLU and the winners of the pool all come out of it again. That is cheaper than to write and to
//! read them, since memory and not arithmetic is scarce between the convolutions.
//!
//! # Same bits
//! Sums over a batch are formed in chunks of eight images and added in their order, whatever the number of threads; within
//! an image every sum has one order on every instruction set.

mod backward;
pub(crate) mod elementwise;
mod forward;
mod norm;
mod plan;
mod spec;

use std::sync::Arc;

pub use spec::{BlockLayout, BlockSpec, KERNEL, Output, TrunkSpec};

use crate::buffer_pool::{BufferPool, PooledBuffer};
use crate::dropout::DropoutKey;
use crate::shape::{check_len, volume};
use crate::{Error, Isa, Result};
use plan::{TrunkPlan, Workspace};

/// A sequence of blocks ready to train. Its buffers are used again in every step.
#[derive(Debug)]
pub struct Trunk {
    plan: Arc<TrunkPlan>,
    workspaces: BufferPool<Workspace>,
}

impl Trunk {
    /// Plans a trunk for an instruction set.
    ///
    /// # Errors
    /// [`Error::Block`] for a block that cannot be, with what is wrong with it; [`Error::Dimension`] where there is none.
    pub fn new(spec: TrunkSpec, isa: Isa) -> Result<Self> {
        Ok(Self { plan: Arc::new(TrunkPlan::new(spec, isa)?), workspaces: BufferPool::default() })
    }

    /// The specification that the trunk was planned from.
    pub fn spec(&self) -> &TrunkSpec {
        &self.plan.spec
    }

    /// The forward pass in training: norms use the batch's own statistics, and with a key elements are dropped.
    ///
    /// `images` is `[batch, in_channels, height, width]`, `params` is laid out as [`TrunkSpec::layout`] says.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice has another size, [`Error::TooLarge`] where the batch has more values than can be
    /// counted, or more images than dropout can number (2^32).
    pub fn forward(
        &self,
        images: &[f32],
        batch: usize,
        params: &[f32],
        dropout: Option<DropoutKey>,
    ) -> Result<TrunkPass> {
        let plan = &self.plan;
        let largest = plan.largest(|block| block.grad_values.len().max(block.input.len()));
        volume("batch", &[batch, largest])?;
        if u32::try_from(batch).is_err() {
            return Err(Error::TooLarge { argument: "batch", shape: vec![batch] });
        }
        check_len("images", images, batch * plan.spec.image_len())?;
        check_len("params", params, plan.spec.parameters())?;
        let mut workspace = self.workspaces.take(Workspace::default);
        workspace.prepare(plan, images);
        plan.forward(&mut workspace, params, dropout);
        Ok(TrunkPass { plan: Arc::clone(plan), workspace })
    }
}

/// A forward pass of a [`Trunk`] with what its backward pass needs. Its buffers go back to the trunk when it is dropped.
#[derive(Debug)]
pub struct TrunkPass {
    plan: Arc<TrunkPlan>,
    workspace: PooledBuffer<Workspace>,
}

/// The statistics with which a block's norm normalized a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockStatistics<'a> {
    /// The mean of each channel; zeros for an empty batch.
    pub mean: &'a [f32],
    /// The biased variance of each channel, that is divided by `count`; zeros for an empty batch.
    pub variance: &'a [f32],
    /// Values of each channel: images times pixels.
    pub count: usize,
}

impl TrunkPass {
    /// The trunk's output: `[b, c]` or `[b, c, h, w]`, as its specification says.
    pub fn output(&self) -> &[f32] {
        &self.workspace.output
    }

    /// The statistics of each block's norm, in the order of the blocks.
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
    /// The gradients include what reaches them through the batch's statistics.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice has another size.
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

#[cfg(test)]
mod tests;
