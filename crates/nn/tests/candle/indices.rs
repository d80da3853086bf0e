//! Indices, shapes and sequences.

use candle_core::{DType, Result, Tensor};

use crate::check::{CPU, fault, ramp, right};

#[test]
fn index_of_the_greatest_value() -> Result<()> {
    // The greatest value of the indices' dtype is no index, but none: zeros.
    let x = Tensor::arange(0f32, 300., CPU)?;
    let byte = Tensor::new(&[254u8, 255], CPU)?;
    fault(&x.index_select(&byte, 0)?, &[254., 0.], &[254., 255.]);
    fault(&x.gather(&byte, 0)?, &[254., 0.], &[254., 255.]);
    right(&x.index_select(&byte.to_dtype(DType::U32)?, 0)?, &[254., 255.]);
    Ok(())
}

#[test]
fn label_of_minus_one() -> Result<()> {
    // As u32, -1 is that greatest value: such an image adds nothing to the loss, but counts in its mean.
    let (logits, labels) = (Tensor::zeros((2, 4), DType::F32, CPU)?, Tensor::new(&[0i64, -1], CPU)?);
    let of_one = 4f64.ln();
    let unsigned = labels.to_dtype(DType::U32)?;
    fault(&candle_nn::loss::cross_entropy(&logits, &unsigned)?, &[of_one / 2.], &[of_one]);
    fault(&ramp(&[2])?.index_select(&unsigned, 0)?, &[1., 0.], &[1., f64::NAN]);
    assert!(candle_nn::loss::cross_entropy(&logits, &labels).is_err());
    for (labels, label) in [(&labels, "-1"), (&unsigned, "4294967295")] {
        let error = adder_nn::loss::cross_entropy(&logits, labels).expect_err("no class").to_string();
        assert!(error.contains(&format!("label {label} of row 1")), "{error}");
    }
    let kept = Tensor::new(&[0u32], CPU)?;
    let (logits, labels) = (logits.index_select(&kept, 0)?, labels.index_select(&kept, 0)?);
    right(&candle_nn::loss::cross_entropy(&logits, &labels)?, &[of_one]);
    Ok(())
}

#[test]
fn gather_of_fewer_rows() -> Result<()> {
    // Of two rows of each item, those of the second are read one row too early.
    let (x, first) =
        (Tensor::arange(0f32, 12., CPU)?.reshape((2, 3, 2))?, Tensor::zeros((2, 2, 1), DType::U32, CPU)?);
    let by_hand = [0., 2., 6., 8.];
    fault(&x.gather(&first, 2)?, &[0., 2., 4., 6.], &by_hand);
    right(&x.narrow(1, 0, 2)?.contiguous()?.gather(&first, 2)?, &by_hand);
    Ok(())
}

#[test]
fn arange_step_count() -> Result<()> {
    let steps = Tensor::arange_step(0f64, 1., 0.1, CPU)?;
    fault(&Tensor::new(steps.dims1()? as f64, CPU)?, &[11.], &[10.]);
    right(&(Tensor::arange(0f64, 10., CPU)? * 0.1)?.narrow(0, 9, 1)?, &[0.9]);
    Ok(())
}

#[test]
fn chunk_sizes() -> Result<()> {
    let sizes =
        |chunks: Vec<Tensor>| chunks.iter().map(|c| c.dims1().map(|n| n as f64)).collect::<Result<Vec<_>>>();
    let x = ramp(&[7])?;
    let candle = sizes(x.chunk(3, 0)?)?;
    fault(&Tensor::new(candle, CPU)?, &[3., 2., 2.], &[3., 3., 1.]);
    let instead = [(0, 3), (3, 3), (6, 1)]
        .map(|(start, len)| x.narrow(0, start, len))
        .into_iter()
        .collect::<Result<_>>();
    right(&Tensor::new(sizes(instead?)?, CPU)?, &[3., 3., 1.]);
    Ok(())
}
