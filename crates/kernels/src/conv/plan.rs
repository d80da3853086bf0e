//! A convolution of whole batches, planned for one shape of image.

use rayon::prelude::*;

use super::algorithm::{Algorithm, AnyConvolution, AnyWeightGradient};
use super::input_gradient::InputGradient;
use super::layout::BlockedLayout;
use super::shape::ConvShape;
use crate::aligned::Aligned;
use crate::buffer_pool::{BufferPool, PooledBuffer};
use crate::reduce::{CHUNK, PartialSums};
use crate::shape::{check_len, volume};
use crate::{Error, Isa, Result};

/// A two-dimensional convolution, planned for one shape of image and an instruction set, with the memory that it works in.
///
/// Batches of any size go through it, from any number of threads at once. Scratch memory is kept from call to call.
///
/// ```
/// use adder_kernels::Isa;
/// use adder_kernels::conv::{Conv2d, ConvShape};
///
/// let shape =
///     ConvShape { in_channels: 1, out_channels: 1, height: 3, width: 3, kernel: 3, stride: 2, padding: 1 };
/// let conv = Conv2d::new(shape, Isa::best())?;
/// let weight = conv.pack(&[1.0; 9])?;
/// let mut output = [0.0; 4];
/// conv.forward(&[1.0; 9], &weight, Some(&[0.5]), &mut output)?;
/// assert_eq!(output, [4.5; 4]);
/// # Ok::<(), adder_kernels::Error>(())
/// ```
#[derive(Debug)]
pub struct Conv2d {
    isa: Isa,
    algorithm: Algorithm,
    shape: ConvShape,
    forward: AnyConvolution,
    pub(super) input_gradient: InputGradient,
    pub(super) weight_gradient: AnyWeightGradient,
    /// Each pool of layouts' memory is for one pair of them: what is fresh is zero, and a border stays so.
    scratch: BufferPool<[Aligned; 2]>,
    input_gradient_scratch: BufferPool<[Aligned; 2]>,
    weight_gradient_scratch: BufferPool<[Aligned; 2]>,
    /// Working memory of any of the three passes.
    working: BufferPool<Aligned>,
    packed: BufferPool<Aligned>,
    pub(super) sums: BufferPool<PartialSums<f32>>,
    pub(super) bias_sums: BufferPool<PartialSums<f64>>,
    pub(super) pooled_values: BufferPool<Aligned>,
    pub(super) pooled_scratch: BufferPool<[Aligned; 2]>,
    pub(super) pooled_inputs: BufferPool<[Aligned; 2]>,
    pub(super) pooled_outputs: BufferPool<[Aligned; 2]>,
}

/// A weight in the order in which a [`Conv2d`] reads it. Its memory goes back to the convolution when it is dropped.
#[derive(Debug)]
pub struct PackedWeight(PooledBuffer<Aligned>);

impl Conv2d {
    /// Plans the convolution of images of a shape, by the direct sum.
    ///
    /// # Errors
    /// Those of [`ConvShape::check`].
    pub fn new(shape: ConvShape, isa: Isa) -> Result<Self> {
        Self::with_algorithm(shape, isa, Algorithm::Direct)
    }

    /// The same by another algorithm.
    ///
    /// # Errors
    /// Those of [`ConvShape::check`].
    pub fn with_algorithm(shape: ConvShape, isa: Isa, algorithm: Algorithm) -> Result<Self> {
        shape.check()?;
        let kernel = [shape.kernel, shape.stride];
        let input_gradient = InputGradient::new(isa, algorithm, &shape);
        let grad_output = input_gradient.from(&shape);
        Ok(Self {
            isa,
            algorithm,
            shape,
            forward: AnyConvolution::new(isa, algorithm, kernel, shape.input(), shape.output()),
            input_gradient,
            // Both gradients read that of the output in one layout, so that they can share it.
            weight_gradient: AnyWeightGradient::new(isa, algorithm, kernel, shape.input(), grad_output),
            scratch: BufferPool::default(),
            input_gradient_scratch: BufferPool::default(),
            weight_gradient_scratch: BufferPool::default(),
            working: BufferPool::default(),
            packed: BufferPool::default(),
            sums: BufferPool::default(),
            bias_sums: BufferPool::default(),
            pooled_values: BufferPool::default(),
            pooled_scratch: BufferPool::default(),
            pooled_inputs: BufferPool::default(),
            pooled_outputs: BufferPool::default(),
        })
    }

    /// The shape that it was planned for.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// The instruction set that it was planned for.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The algorithm that was asked for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Packs `weight`, `[out, in, k, k]`, for [`forward`](Self::forward), once for any number of calls.
    ///
    /// # Errors
    /// [`Error::Length`] where it has another size.
    pub fn pack(&self, weight: &[f32]) -> Result<PackedWeight> {
        check_len("weight", weight, self.shape.weight_len())?;
        let mut packed = self.packed.take(Aligned::default);
        packed.fit(self.forward.weights_len());
        self.forward.pack(weight, &mut packed);
        Ok(PackedWeight(packed))
    }

    /// Convolves `input`, `[b, in, h, w]`, into `output`, `[b, out, h', w']`, and adds `bias`, `[out]`.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice does not fit the shape, or the weight was packed for another one.
    pub fn forward(
        &self,
        input: &[f32],
        weight: &PackedWeight,
        bias: Option<&[f32]>,
        output: &mut [f32],
    ) -> Result<()> {
        let (batch, biases) = self.check_forward(input, weight, bias)?;
        check_len("output", output, batch * self.shape.output_len())?;
        let (from, to) = (self.shape.input(), self.shape.output());
        let images = input.par_chunks_exact(self.shape.input_len());
        let outputs = output.par_chunks_exact_mut(self.shape.output_len());
        let each_image_alone = batch < rayon::current_num_threads();
        images.zip(outputs).for_each(|(image, output)| {
            let mut scratch = self.take_scratch(&self.scratch, [from, to]);
            let [x, y] = &mut *scratch;
            from.read_nchw(self.isa, image, x);
            match &self.forward {
                AnyConvolution::Direct(direct) if each_image_alone => {
                    direct.run_in_parallel(x, &weight.0, &biases, y);
                }
                _ => self.convolve(x, weight, &biases, y),
            }
            to.write_nchw(self.isa, y, output);
        });
        Ok(())
    }

    /// The gradient with respect to the input, written over `grad_input`, `[b, in, h, w]`.
    ///
    /// `weight` is `[out, in, k, k]`, `grad_output` is `[b, out, h', w']`.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice does not fit the shape.
    pub fn input_gradient(&self, weight: &[f32], grad_output: &[f32], grad_input: &mut [f32]) -> Result<()> {
        let (shape, gradient) = (&self.shape, &self.input_gradient);
        check_len("weight", weight, shape.weight_len())?;
        let batch = self.batch("grad_output", grad_output.len(), shape.output_len())?;
        check_len("grad_input", grad_input, batch * shape.input_len())?;
        let packed = self.pack_backward(weight);
        let (from, to) = (gradient.from(shape), gradient.to(shape));
        let images = grad_output.par_chunks_exact(shape.output_len());
        images.zip(grad_input.par_chunks_exact_mut(shape.input_len())).for_each(|(image, grad_input)| {
            let mut scratch = self.take_scratch(&self.input_gradient_scratch, [from, to]);
            let [dy, dx] = &mut *scratch;
            from.read_nchw(self.isa, image, dy);
            gradient.run(dy, &packed, &mut self.working(gradient.scratch_len()), dx);
            to.write_nchw(self.isa, dx, grad_input);
        });
        Ok(())
    }

    /// The gradients with respect to the weight, written over `grad_weight`, `[out, in, k, k]`, and to the bias, written over
    /// `grad_bias`, `[out]`, where it is given.
    ///
    /// `input` is `[b, in, h, w]`, `grad_output` is `[b, out, h', w']`.
    ///
    /// # Errors
    /// [`Error::Length`] where a slice does not fit the shape.
    pub fn weight_gradient(
        &self,
        input: &[f32],
        grad_output: &[f32],
        grad_weight: &mut [f32],
        grad_bias: Option<&mut [f32]>,
    ) -> Result<()> {
        let (shape, gradient) = (&self.shape, &self.weight_gradient);
        let batch = self.batch("input", input.len(), shape.input_len())?;
        check_len("grad_output", grad_output, batch * shape.output_len())?;
        check_len("grad_weight", grad_weight, shape.weight_len())?;
        if let Some(grad_bias) = &grad_bias {
            check_len("grad_bias", grad_bias, shape.out_channels)?;
        }
        let layouts = [shape.input(), self.input_gradient.from(shape)];
        let mut sums = self.sums.take(PartialSums::default);
        let mut bias_sums = self.bias_sums.take(PartialSums::default);
        let wants_bias = grad_bias.is_some();
        let chunks = input.par_chunks(CHUNK * shape.input_len());
        let chunks = chunks.zip(grad_output.par_chunks(CHUNK * shape.output_len()));
        let rows = sums.start(batch, gradient.len());
        let rows = rows.zip(bias_sums.start(batch, shape.out_channels));
        chunks.zip(rows).for_each(|((input, grad_output), (sums, bias_sums))| {
            let mut scratch = self.take_scratch(&self.weight_gradient_scratch, layouts);
            let [x, dy] = &mut *scratch;
            let mut working = self.working(gradient.scratch_len());
            let images = input.chunks_exact(shape.input_len());
            for (input, grad_output) in images.zip(grad_output.chunks_exact(shape.output_len())) {
                layouts[0].read_nchw(self.isa, input, x);
                layouts[1].read_nchw(self.isa, grad_output, dy);
                gradient.add(x, dy, &mut working, sums);
                if wants_bias {
                    let planes = grad_output.chunks_exact(shape.output_len() / shape.out_channels);
                    bias_sums
                        .iter_mut()
                        .zip(planes)
                        .for_each(|(sum, plane)| *sum += crate::reduce::sum(plane));
                }
            }
        });
        for (channel, grad) in grad_bias.into_iter().flatten().enumerate() {
            *grad = bias_sums.rows().map(|row| row[channel]).sum::<f64>() as f32;
        }
        self.unpack_weight_gradient(&sums, grad_weight);
        Ok(())
    }

    /// Refuses slices of another size; returns the number of images, and the bias of each stored channel.
    pub(super) fn check_forward(
        &self,
        input: &[f32],
        weight: &PackedWeight,
        bias: Option<&[f32]>,
    ) -> Result<(usize, Vec<f32>)> {
        let batch = self.batch("input", input.len(), self.shape.input_len())?;
        check_len("weight", &weight.0, self.forward.weights_len())?;
        let mut biases = vec![0.0; self.shape.output().channels.stored];
        if let Some(bias) = bias {
            check_len("bias", bias, self.shape.out_channels)?;
            biases[..bias.len()].copy_from_slice(bias);
        }
        Ok((batch, biases))
    }

    /// Convolves one image in the layouts of the kernels.
    pub(super) fn convolve(&self, x: &[f32], weight: &PackedWeight, biases: &[f32], y: &mut [f32]) {
        let working = &mut self.working(self.forward.scratch_len());
        self.forward.run_with_bias(x, &weight.0, biases, working, y);
    }

    /// The weight, `[out, in, k, k]`, as the input gradient reads it.
    pub(super) fn pack_backward(&self, weight: &[f32]) -> PooledBuffer<Aligned> {
        let mut packed = self.packed.take(Aligned::default);
        packed.fit(self.input_gradient.packed_len());
        self.input_gradient.pack(weight, &mut packed);
        packed
    }

    /// Adds up the chunks' gradients of the weight, and writes them over `grad_weight`, `[out, in, k, k]`.
    pub(super) fn unpack_weight_gradient(&self, sums: &PartialSums<f32>, grad_weight: &mut [f32]) {
        let mut total = self.packed.take(Aligned::default);
        total.fit(self.weight_gradient.len());
        sums.add_up(&mut total);
        self.weight_gradient.unpack(&total, grad_weight);
    }

    /// The number of images that `len` values are.
    fn batch(&self, argument: &'static str, len: usize, of_image: usize) -> Result<usize> {
        let batch = len / of_image;
        if batch * of_image != len {
            return Err(Error::Length { argument, expected: (batch + 1) * of_image, found: len });
        }
        volume(argument, &[batch, self.shape.input_len().max(self.shape.output_len())])?;
        Ok(batch)
    }

    /// Working memory of so many values.
    pub(super) fn working(&self, len: usize) -> PooledBuffer<Aligned> {
        let mut working = self.working.take(Aligned::default);
        working.fit(len);
        working
    }

    /// Memory for an image in each of two layouts.
    fn take_scratch(
        &self,
        pool: &BufferPool<[Aligned; 2]>,
        layouts: [BlockedLayout; 2],
    ) -> PooledBuffer<[Aligned; 2]> {
        pool.take(|| layouts.map(|layout| Aligned::zeros(layout.len())))
    }
}
