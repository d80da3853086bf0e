//! A convolution with a 2x2 max pool behind it as one pass over each image.

use rayon::prelude::*;

use super::layout::{BlockedLayout, ChannelBlock};
use super::plan::{Conv2d, PackedWeight};
use crate::aligned::Aligned;
use crate::arch::{Kernel, Lanes};
use crate::buffer_pool::PooledBuffer;
use crate::reduce::{CHUNK, PartialSums};
use crate::shape::check_len;
use crate::{Error, Result};

/// The outputs of a [`Conv2d`] that [`Conv2d::forward_max_pool`] pooled, for the way back. The memory goes back to the
/// convolution when it is dropped.
#[derive(Debug)]
pub struct PooledPass {
    values: PooledBuffer<Aligned>,
    batch: usize,
}

/// Where the gradients of a convolution with its pool are written, each where it is wanted.
#[derive(Debug, Default)]
pub struct PooledGradients<'a> {
    /// That of the input, `[b, in, h, w]`.
    pub input: Option<&'a mut [f32]>,
    /// That of the weight, `[out, in, k, k]`, with that of the bias, `[out]`, where there is one.
    pub weight: Option<(&'a mut [f32], Option<&'a mut [f32]>)>,
}

impl Conv2d {
    /// Values of a pooled output, `[out_channels, height' / 2, width' / 2]`; an odd last row or column is left out.
    pub fn pooled_len(&self) -> usize {
        let [height, width] = self.shape().output_size();
        self.shape().out_channels * (height / 2) * (width / 2)
    }

    /// [`forward`](Self::forward) with a [max pool](crate::pool::max_pool2d) behind it: `output` is
    /// `[b, out, h' / 2, w' / 2]`. The map between them stays in the cache.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice does not fit the shape, [`Error::Dimension`] where the pool has no window.
    pub fn forward_max_pool(
        &self,
        input: &[f32],
        weight: &PackedWeight,
        bias: Option<&[f32]>,
        output: &mut [f32],
    ) -> Result<PooledPass> {
        let (batch, biases) = self.check_forward(input, weight, bias)?;
        if self.pooled_len() == 0 {
            let expected = "at least 2, for the pool's windows".into();
            let [height, width] = self.shape().output_size();
            return Err(Error::Dimension { argument: "output", found: height.min(width), expected });
        }
        check_len("output", output, batch * self.pooled_len())?;
        let (from, to, pooled) = (self.shape().input(), self.shape().output(), self.pooled());
        let mut values = self.pooled_values.take(Aligned::default);
        values.fit(batch * to.len());
        let images =
            input.par_chunks_exact(self.shape().input_len()).zip(values.par_chunks_exact_mut(to.len()));
        images.zip(output.par_chunks_exact_mut(self.pooled_len())).for_each(|((image, values), output)| {
            let mut scratch =
                self.pooled_scratch.take(|| [from, pooled].map(|layout| Aligned::zeros(layout.len())));
            let [x, maxima] = &mut *scratch;
            from.read_nchw(self.isa(), image, x);
            self.convolve(x, weight, &biases, values);
            for channel_block in to.channels.blocks() {
                let pool = PoolBlock { channel_block, from: to, values, to: pooled, output: maxima };
                self.isa().run(channel_block.width(), pool);
            }
            pooled.write_nchw(self.isa(), maxima, output);
        });
        Ok(PooledPass { values, batch })
    }

    /// The gradients of [`forward_max_pool`](Self::forward_max_pool), whose pass this was, in one pass over each image.
    ///
    /// `input` is that of the forward pass, `weight` is `[out, in, k, k]`, `grad_output` is `[b, out, h' / 2, w' / 2]`.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice does not fit the shape.
    pub fn backward_max_pool(
        &self,
        pass: &PooledPass,
        input: &[f32],
        weight: &[f32],
        grad_output: &[f32],
        grads: PooledGradients<'_>,
    ) -> Result<()> {
        let (shape, batch) = (*self.shape(), pass.batch);
        check_len("input", input, batch * shape.input_len())?;
        check_len("weight", weight, shape.weight_len())?;
        check_len("grad_output", grad_output, batch * self.pooled_len())?;
        let PooledGradients { input: mut grad_input, weight: mut grad_weight } = grads;
        if let Some(grad_input) = &grad_input {
            check_len("grad_input", grad_input, input.len())?;
        }
        if let Some((grad_weight, grad_bias)) = &grad_weight {
            check_len("grad_weight", grad_weight, shape.weight_len())?;
            grad_bias.iter().try_for_each(|grad| check_len("grad_bias", grad, shape.out_channels))?;
        }
        let packed = grad_input.is_some().then(|| self.pack_backward(weight));
        let wants_weight = grad_weight.is_some();
        let mut sums = self.sums.take(PartialSums::default);
        let mut bias_sums = self.bias_sums.take(PartialSums::default);
        let rows = sums.start(batch, self.weight_gradient.len());
        let rows = rows.zip(bias_sums.start(batch, shape.out_channels));
        let chunks = batch.div_ceil(CHUNK);
        let grad_inputs: Vec<Option<&mut [f32]>> = match grad_input.take() {
            Some(grad_input) => grad_input.chunks_mut(CHUNK * shape.input_len()).map(Some).collect(),
            None => (0..chunks).map(|_| None).collect(),
        };
        rows.zip(grad_inputs).enumerate().for_each(|(chunk, ((sums, bias_sums), mut grad_input))| {
            let mut task = BackwardTask::new(self);
            let images = (chunk * CHUNK..batch.min((chunk + 1) * CHUNK)).enumerate();
            for (place, image) in images {
                let grads = &grad_output[image * self.pooled_len()..][..self.pooled_len()];
                task.unpool(pass, image, grads);
                if wants_weight {
                    task.add_weight_gradient(&input[image * shape.input_len()..][..shape.input_len()], sums);
                    let planes = grads.chunks_exact(grads.len() / shape.out_channels);
                    bias_sums
                        .iter_mut()
                        .zip(planes)
                        .for_each(|(sum, plane)| *sum += crate::reduce::sum(plane));
                }
                if let (Some(grad_input), Some(packed)) = (&mut grad_input, &packed) {
                    task.write_input_gradient(
                        packed,
                        &mut grad_input[place * shape.input_len()..][..shape.input_len()],
                    );
                }
            }
        });
        if let Some((grad_weight, grad_bias)) = grad_weight.take() {
            self.unpack_weight_gradient(&sums, grad_weight);
            for (channel, grad) in grad_bias.into_iter().flatten().enumerate() {
                *grad = bias_sums.rows().map(|row| row[channel]).sum::<f64>() as f32;
            }
        }
        Ok(())
    }

    /// The pooled output of one image.
    fn pooled(&self) -> BlockedLayout {
        let output = self.shape().output();
        BlockedLayout { height: output.height / 2, width: output.width / 2, ..output }
    }
}

/// The memory of a task on the way back: an image and its gradient at the input, its gradients in front of the pool and
/// behind it.
struct BackwardTask<'a> {
    conv: &'a Conv2d,
    inputs: PooledBuffer<[Aligned; 2]>,
    outputs: PooledBuffer<[Aligned; 2]>,
}

impl<'a> BackwardTask<'a> {
    fn new(conv: &'a Conv2d) -> Self {
        let zeros = |layout: BlockedLayout| Aligned::zeros(layout.len());
        let inputs = [conv.shape().input(), conv.input_gradient.to(conv.shape())];
        let outputs = [conv.input_gradient.from(conv.shape()), conv.pooled()];
        Self {
            conv,
            inputs: conv.pooled_inputs.take(|| inputs.map(zeros)),
            outputs: conv.pooled_outputs.take(|| outputs.map(zeros)),
        }
    }

    /// Hands each window's gradient to the value of the forward pass that won it. What lies in no window stays zero.
    fn unpool(&mut self, pass: &PooledPass, image: usize, grads: &[f32]) {
        let (conv, values) = (self.conv, self.conv.shape().output());
        let [gradient, pooled] = &mut *self.outputs;
        conv.pooled().read_nchw(conv.isa(), grads, pooled);
        let saved = &pass.values[image * values.len()..][..values.len()];
        for channel_block in values.channels.blocks() {
            let unpool = UnpoolBlock {
                channel_block,
                layouts: [values, conv.pooled(), conv.input_gradient.from(conv.shape())],
                values: saved,
                grads: pooled,
                output: gradient,
            };
            conv.isa().run(channel_block.width(), unpool);
        }
    }

    fn add_weight_gradient(&mut self, image: &[f32], sums: &mut [f32]) {
        let x = &mut self.inputs[0];
        self.conv.shape().input().read_nchw(self.conv.isa(), image, x);
        let gradient = &self.conv.weight_gradient;
        gradient.add(x, &self.outputs[0], &mut self.conv.working(gradient.scratch_len()), sums);
    }

    fn write_input_gradient(&mut self, packed: &[f32], image: &mut [f32]) {
        let (conv, grad_input) = (self.conv, &mut self.inputs[1]);
        let working = &mut conv.working(conv.input_gradient.scratch_len());
        conv.input_gradient.run(&self.outputs[0], packed, working, grad_input);
        conv.input_gradient.to(conv.shape()).write_nchw(conv.isa(), grad_input, image);
    }
}

/// Pools one channel block of one image. As in [`crate::pool`], the first maximum wins, and the last NaN.
struct PoolBlock<'a> {
    channel_block: ChannelBlock,
    from: BlockedLayout,
    values: &'a [f32],
    to: BlockedLayout,
    output: &'a mut [f32],
}

impl Kernel for PoolBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channel_block, from, values, to, output } = self;
        for y in 0..to.height {
            let [top, bottom] = [2 * y, 2 * y + 1].map(|y| &values[from.row_range(channel_block, y)]);
            let output = &mut output[to.row_range(channel_block, y)];
            let windows = top.chunks_exact(2 * L::LANES).zip(bottom.chunks_exact(2 * L::LANES));
            for (output, (top, bottom)) in output.chunks_exact_mut(L::LANES).zip(windows) {
                let (a, b) = (lanes.load(top), lanes.load(&top[L::LANES..]));
                let (c, d) = (lanes.load(bottom), lanes.load(&bottom[L::LANES..]));
                let best = lanes.select(lanes.gt_or_nan(b, a), b, a);
                let best = lanes.select(lanes.gt_or_nan(c, best), c, best);
                lanes.store(lanes.select(lanes.gt_or_nan(d, best), d, best), output);
            }
        }
    }
}

/// Hands the gradients of one channel block's windows to their winners.
struct UnpoolBlock<'a> {
    channel_block: ChannelBlock,
    /// Those of the values, of the windows' gradients and of the gradient that is written.
    layouts: [BlockedLayout; 3],
    values: &'a [f32],
    grads: &'a [f32],
    output: &'a mut [f32],
}

impl Kernel for UnpoolBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channel_block, layouts: [of_values, of_grads, of_output], values, grads, output } = self;
        for y in 0..of_grads.height {
            let [top, bottom] = [2 * y, 2 * y + 1].map(|y| &values[of_values.row_range(channel_block, y)]);
            let grads = &grads[of_grads.row_range(channel_block, y)];
            let [top_row, bottom_row] =
                [2 * y, 2 * y + 1].map(|y| of_output.row_range(channel_block, y).start);
            for (x, grad) in grads.chunks_exact(L::LANES).enumerate() {
                let at = 2 * x * L::LANES;
                let (a, b) = (lanes.load(&top[at..]), lanes.load(&top[at + L::LANES..]));
                let (c, d) = (lanes.load(&bottom[at..]), lanes.load(&bottom[at + L::LANES..]));
                let grad = lanes.load(grad);
                let b_wins = lanes.gt_or_nan(b, a);
                let best = lanes.select(b_wins, b, a);
                let c_wins = lanes.gt_or_nan(c, best);
                let d_wins = lanes.gt_or_nan(d, lanes.select(c_wins, c, best));
                let others = lanes.zero_if(d_wins, grad);
                let first_two = lanes.zero_if(c_wins, others);
                lanes.store(lanes.zero_if(b_wins, first_two), &mut output[top_row + at..]);
                lanes.store(lanes.zero_unless(b_wins, first_two), &mut output[top_row + at + L::LANES..]);
                lanes.store(lanes.zero_unless(c_wins, others), &mut output[bottom_row + at..]);
                lanes.store(lanes.zero_unless(d_wins, grad), &mut output[bottom_row + at + L::LANES..]);
            }
        }
    }
}
