//! Convolutions and products of views.

use candle_core::{Module, Result, Tensor};

use crate::check::{CPU, counting, fault, gradient, ours, ramp, right, tensor, variable, weighted_gradient};

/// A convolution without padding: the windows are gathered, then multiplied.
fn conv1d_of_windows(x: &Tensor, kernel: &Tensor, stride: usize) -> Result<Tensor> {
    let (batch, channels, length) = x.dims3()?;
    let (outputs, _, width) = kernel.dims3()?;
    let windows = (length - width) / stride + 1;
    let places = (0..windows).flat_map(|window| (0..width).map(move |i| (window * stride + i) as u32));
    let x =
        x.index_select(&Tensor::from_iter(places, CPU)?, 2)?.reshape((batch, channels, windows, width))?;
    let x = x.transpose(1, 2)?.reshape((batch * windows, channels * width))?;
    let y = x.matmul(&kernel.reshape((outputs, channels * width))?.t()?)?;
    y.reshape((batch, windows, outputs))?.transpose(1, 2)
}

#[test]
fn conv1d_kernel_gradient() -> Result<()> {
    // Of the kernel's value k of output o: the sum over images b and places l of weight[b, o, l] * x[b, l + k].
    let (x, kernel) = (ramp(&[2, 1, 3])?, counting(&[2, 1, 2])?);
    let by_hand = [55., 69., 79., 101.];
    let y = x.conv1d(&kernel, 0, 1, 1, 1)?;
    fault(&weighted_gradient(&y, &kernel)?, &[37., 47., 85., 111.], &by_hand);
    let instead = conv1d_of_windows(&x, &kernel, 1)?;
    right(&instead.sub(&y)?, &[0.; 8]);
    right(&weighted_gradient(&instead, &kernel)?, &by_hand);
    Ok(())
}

#[test]
fn conv1d_of_a_strided_kernel() -> Result<()> {
    let x = tensor(&[1., 10.], &[1, 2, 1])?;
    let kernel = ramp(&[2, 2, 1])?.transpose(0, 1)?;
    fault(&x.conv1d(&kernel, 0, 1, 1, 1)?, &[21., 43.], &[31., 42.]);
    right(&x.conv1d(&kernel.contiguous()?, 0, 1, 1, 1)?, &[31., 42.]);
    Ok(())
}

#[test]
fn conv_transpose1d_without_padding() -> Result<()> {
    // Of each place: the first channel's value and ten times the second's.
    let (x, kernel) = (ramp(&[2, 2, 2])?, tensor(&[1., 10.], &[2, 1, 1])?);
    let by_hand = [31., 42., 75., 86.];
    fault(&x.conv_transpose1d(&kernel, 0, 0, 1, 1, 1)?, &[31., 42., 53., 64.], &by_hand);
    let instead = x.unsqueeze(2)?.conv_transpose2d(&kernel.unsqueeze(2)?, 0, 0, 1, 1)?.squeeze(2)?;
    right(&instead, &by_hand);
    Ok(())
}

#[test]
fn linear_of_a_transposed_view() -> Result<()> {
    let linear = candle_nn::Linear::new(tensor(&[1., 10.], &[1, 2])?, None);
    let by_hand = [31., 42., 75., 86.];
    for shape in [&[2, 2, 2][..], &[1, 2, 2, 2]] {
        let x = ramp(shape)?.t()?;
        fault(&linear.forward(&x)?, &[31., 42., 53., 64.], &by_hand);
        right(&linear.forward(&x.contiguous()?)?, &by_hand);
        let layer =
            |x: &Tensor| adder_nn::Linear::new(linear.weight().to_dtype(x.dtype())?, None).forward(&x.t()?);
        ours(&counting(shape)?, layer, &by_hand, &[1., 1., 10., 10., 1., 1., 10., 10.])?;
    }
    Ok(())
}

#[test]
fn matmul_of_a_transposed_view_and_a_broadcast() -> Result<()> {
    let (x, column) = (ramp(&[2, 2, 2])?.t()?, tensor(&[1., 10.], &[1, 2, 1])?.broadcast_as((2, 2, 1))?);
    let by_hand = [31., 42., 75., 86.];
    fault(&x.matmul(&column)?, &[31., 42., 53., 64.], &by_hand);
    right(&x.contiguous()?.matmul(&column)?, &by_hand);
    right(&x.matmul(&column.contiguous()?)?, &by_hand);
    Ok(())
}

#[test]
fn matmul_of_other_batches() -> Result<()> {
    // Batches of 2x3 and 3x2 products are taken for six of each; nothing broadcasts, PyTorch refuses.
    let (a, b) = (ramp(&[2, 3, 1, 1])?, ramp(&[3, 2, 1, 1])?);
    let product = a.matmul(&b)?;
    assert_eq!(product.dims(), [2, 3, 1, 1], "candle has mended this: take the row out of docs/candle.md");
    right(&product, &[1., 4., 9., 16., 25., 36.]);
    assert!(a.broadcast_matmul(&b).is_err());
    Ok(())
}

#[test]
fn unfold_gradient() -> Result<()> {
    // Value k of window i in column c is row 2i + k of that column.
    let x = counting(&[4, 2])?;
    let by_hand = [1., 3., 2., 4., 5., 7., 6., 8.];
    let y = x.unfold(0, 2, 2)?;
    fault(&weighted_gradient(&y, &x)?, &[1., 2., 3., 4., 5., 6., 7., 8.], &by_hand);
    let instead = x.t()?.contiguous()?.unfold(1, 2, 2)?.transpose(0, 1)?;
    right(&instead.sub(&y)?, &[0.; 8]);
    right(&weighted_gradient(&instead, &x)?, &by_hand);
    Ok(())
}

#[test]
fn scatter_gradient() -> Result<()> {
    // The value of `start` that is written over has no part in the result.
    let (start, source) = (variable(&[1., 2., 3.], &[3])?, tensor(&[5.], &[1])?);
    let place = Tensor::new(&[1u32], CPU)?;
    fault(&gradient(&start.scatter(&place, &source, 0)?, &start)?, &[1., 1., 1.], &[1., 0., 1.]);
    let kept = start.ones_like()?.scatter(&place, &source.zeros_like()?, 0)?;
    let instead = (start.mul(&kept)? + start.zeros_like()?.scatter(&place, &source, 0)?)?;
    right(&instead, &[1., 5., 3.]);
    right(&gradient(&instead, &start)?, &[1., 0., 1.]);
    Ok(())
}

#[test]
fn scatter_add_gradient() -> Result<()> {
    let (start, source) = (variable(&[1., 2., 3.], &[3])?, counting(&[3])?);
    let places = Tensor::new(&[1u32, 1, 0], CPU)?;
    fault(&gradient(&start.scatter_add(&places, &source, 0)?, &start)?, &[0., 0., 1.], &[1., 1., 1.]);
    let instead = start.index_add(&places, &source, 0)?;
    right(&instead, &[4., 5., 3.]);
    right(&gradient(&instead, &start)?, &[1., 1., 1.]);
    right(&weighted_gradient(&instead, &source)?, &[2., 2., 1.]);
    Ok(())
}
