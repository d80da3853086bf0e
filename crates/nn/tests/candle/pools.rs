//! Gradients of pooling and upsampling.

use adder_nn::{AvgPool2d, MaxPool2d, Module};
use candle_core::{Result, Var};

use crate::check::{counting, fault, gradient, ours, ramp, right, tensor, variable};

#[test]
fn max_pool2d_gradient() -> Result<()> {
    let x = counting(&[1, 1, 2, 2])?;
    let alone = [0., 0., 0., 1.];
    fault(&gradient(&x.max_pool2d(2)?, &x)?, &[0., 0., 0., 0.25], &alone);
    right(&gradient(&x.reshape((1, 4))?.max(1)?, &x)?, &alone);
    ours(&x, |x| MaxPool2d::new(2).forward(x), &[4.], &alone)
}

#[test]
fn max_pool2d_gradient_of_ties() -> Result<()> {
    let x = variable(&[3.; 4], &[1, 1, 2, 2])?;
    let first = [1., 0., 0., 0.];
    fault(&gradient(&x.max_pool2d(2)?, &x)?, &[1.; 4], &first);
    let windows = x.reshape((1, 4))?;
    right(&gradient(&windows.gather(&windows.argmax_keepdim(1)?, 1)?, &x)?, &first);
    ours(&x, |x| MaxPool2d::new(2).forward(x), &[3.], &first)
}

#[test]
fn max_pool2d_gradient_of_odd_sizes() -> Result<()> {
    // From the number of values down to 1: the maximum of each window is its first value.
    for (size, window) in [(5, 2), (7, 2), (28, 3)] {
        let (count, used) = (size / window, size / window * window);
        let x = Var::from_tensor(&((size * size + 1) as f64 - ramp(&[1, 1, size, size])?)?)?;
        let (mut at_the_maxima, mut elsewhere) = (vec![0.; size * size], vec![0.; size * size]);
        let places = (0..count * count).map(|i| i / count * window * size + i % count * window);
        let places = places.collect::<Vec<_>>();
        for &place in &places {
            at_the_maxima[place] = 1.;
        }
        elsewhere[0] = 1. / (window * window) as f64;
        fault(&gradient(&x.max_pool2d(window)?, &x)?, &elsewhere, &at_the_maxima);
        let whole = x.narrow(2, 0, used)?.narrow(3, 0, used)?;
        let whole = whole.reshape((1, 1, count, window, count, window))?;
        let windows = whole.transpose(3, 4)?.reshape((count * count, window * window))?;
        right(&gradient(&windows.max(1)?, &x)?, &at_the_maxima);
        let maxima = places.iter().map(|&place| (size * size - place) as f64).collect::<Vec<_>>();
        ours(&x, |x| MaxPool2d::new(window).forward(x), &maxima, &at_the_maxima)?;
    }
    Ok(())
}

#[test]
fn avg_pool2d_gradient_of_odd_sizes() -> Result<()> {
    for (size, window, wrong, windows) in [(5, 2, 6.25, 4.), (7, 2, 12.25, 9.), (28, 3, 87.1111111, 81.)] {
        let x = counting(&[1, 1, size, size])?;
        let sum = gradient(&x.avg_pool2d(window)?, &x)?.sum_all()?;
        fault(&sum, &[wrong], &[windows]);
        let (count, used) = (size / window, size / window * window);
        let whole = x.narrow(2, 0, used)?.narrow(3, 0, used)?;
        let mean = whole.reshape((1, 1, count, window, count, window))?.mean((3, 5))?;
        right(&gradient(&mean, &x)?.sum_all()?, &[windows]);
        right(&mean.sub(&x.avg_pool2d(window)?)?.abs()?.max_all()?.round_to(3)?, &[0.]);
        // The mean of a window of counted numbers is its middle, and each value of a window has an equal share in it.
        let middle = |i: usize| {
            let (row, column) = (i / count * window, i % count * window);
            (row * size + column + 1) as f64 + ((size + 1) * (window - 1)) as f64 / 2.
        };
        let is_used = |place: usize| place / size < used && place % size < used;
        let share = |place| if is_used(place) { 1. / (window * window) as f64 } else { 0. };
        let means = (0..count * count).map(middle).collect::<Vec<_>>();
        let shares = (0..size * size).map(share).collect::<Vec<_>>();
        ours(&x, |x| AvgPool2d::new(window).forward(x), &means, &shares)?;
    }
    Ok(())
}

#[test]
fn upsample_nearest1d_gradient() -> Result<()> {
    // Each value is used three times elsewhere and stands in two places of the output.
    let x = counting(&[1, 1, 2])?;
    let elsewhere = x.affine(3., 0.)?.sum_all()?;
    fault(&gradient(&(x.upsample_nearest1d(4)?.sum_all()? + &elsewhere)?, &x)?, &[2., 2.], &[5., 5.]);
    let up = x.unsqueeze(3)?.broadcast_as((1, 1, 2, 2))?.reshape((1, 1, 4))?;
    right(&up.sub(&x.upsample_nearest1d(4)?)?, &[0.; 4]);
    right(&gradient(&(up.sum_all()? + &elsewhere)?, &x)?, &[5., 5.]);
    Ok(())
}

#[test]
fn upsample_nearest2d_gradient() -> Result<()> {
    let x = counting(&[1, 1, 1, 2])?;
    let elsewhere = x.affine(3., 0.)?.sum_all()?;
    fault(&gradient(&(x.upsample_nearest2d(2, 4)?.sum_all()? + &elsewhere)?, &x)?, &[4., 4.], &[7., 7.]);
    let up = x.reshape((1, 1, 1, 1, 2, 1))?.broadcast_as((1, 1, 1, 2, 2, 2))?.reshape((1, 1, 2, 4))?;
    right(&up.sub(&x.upsample_nearest2d(2, 4)?)?, &[0.; 8]);
    right(&gradient(&(up.sum_all()? + &elsewhere)?, &x)?, &[7., 7.]);
    Ok(())
}

#[test]
fn upsample_bilinear2d_of_a_view() -> Result<()> {
    // To its own size, the storage comes back as it lies, whatever the view.
    let x = ramp(&[1, 1, 2, 2])?.transpose(2, 3)?;
    fault(&x.upsample_bilinear2d(2, 2, false)?, &[1., 2., 3., 4.], &[1., 3., 2., 4.]);
    right(&x.contiguous()?.upsample_bilinear2d(2, 2, false)?, &[1., 3., 2., 4.]);
    let second = tensor(&[1., 2., 3., 4., 5., 6., 7., 8.], &[2, 1, 2, 2])?.narrow(0, 1, 1)?;
    fault(&second.upsample_bilinear2d(2, 2, false)?, &[1., 2., 3., 4.], &[5., 6., 7., 8.]);
    right(&second.force_contiguous()?.upsample_bilinear2d(2, 2, false)?, &[5., 6., 7., 8.]);
    Ok(())
}
