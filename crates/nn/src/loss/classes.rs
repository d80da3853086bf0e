//! Labels as candle's users hold them.

use candle_core::{DType, Result, Tensor};

/// The class of each row.
pub(super) struct Labels(pub(super) Vec<u32>);

impl Labels {
    /// Labels, `[rows]` of u8, u32 or i64, all below `classes`.
    pub(super) fn read(labels: &Tensor, rows: usize, classes: usize) -> Result<Self> {
        if labels.dims() != [rows] {
            candle_core::bail!("labels of shape {:?} are none of {rows} rows", labels.dims());
        }
        let found: Vec<i64> = match labels.dtype() {
            DType::U8 | DType::U32 | DType::I64 => labels.to_dtype(DType::I64)?.to_vec1()?,
            other => candle_core::bail!("labels are of u8, u32 or i64, not of {other:?}"),
        };
        let class = |(row, label): (usize, i64)| match usize::try_from(label) {
            Ok(class) if class < classes => Ok(class as u32),
            _ => candle_core::bail!("label {label} of row {row} is none of {classes} classes"),
        };
        found.into_iter().enumerate().map(class).collect::<Result<_>>().map(Self)
    }

    /// The value of each row of `values`, `[rows, classes]`, at its class, `[rows, 1]`.
    pub(super) fn pick(&self, values: &Tensor) -> Result<Tensor> {
        let labels = Tensor::from_slice(&self.0, (self.0.len(), 1), values.device())?;
        values.contiguous()?.gather(&labels, 1)
    }
}
