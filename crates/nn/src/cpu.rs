//! The way from candle's tensors to the slices that kernels take, and which tensors go that way.

use std::sync::OnceLock;

use adder_kernels::{Isa, IsaError};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, DType, Error, Layout, Result, Storage, Tensor};

/// Whether the kernels take `x`: f32 on the CPU. Everything else runs on candle's operations.
pub(crate) fn has_kernels(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

/// The instruction set that layers run on which were not told of one: that of `ADDER_ISA`, or the best there is.
pub(crate) fn default_isa() -> Result<Isa> {
    static ISA: OnceLock<std::result::Result<Isa, IsaError>> = OnceLock::new();
    ISA.get_or_init(Isa::from_environment).clone().map_err(Error::wrap)
}

/// What a layer computes with where its tensors are f32 on the CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The kernels on the default instruction set.
    #[default]
    Default,
    /// The kernels on this instruction set.
    Kernels(Isa),
    /// candle's operations, as for all other tensors.
    Candle,
}

impl Engine {
    /// Whether an operation on `x` that is the same on every instruction set has a kernel.
    pub(crate) fn has_kernels(self, x: &Tensor) -> bool {
        self != Self::Candle && has_kernels(x)
    }

    /// The instruction set for an operation on `tensors`, or nothing where candle computes it.
    pub(crate) fn isa<'a>(self, tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<Option<Isa>> {
        if !tensors.into_iter().all(has_kernels) {
            return Ok(None);
        }
        match self {
            Self::Default => default_isa().map(Some),
            Self::Kernels(isa) => Ok(Some(isa)),
            Self::Candle => Ok(None),
        }
    }
}

/// The values of a contiguous f32 tensor in an operation of candle.
pub(crate) fn values<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("expected a contiguous tensor, found strides {:?}", layout.stride());
    };
    match storage {
        CpuStorage::F32(values) => Ok(&values[start..end]),
        other => candle_core::bail!("expected {:?}, found {:?}", DType::F32, other.dtype()),
    }
}

/// Gives the values of an f32 tensor on the CPU to `read`: without a copy where it is contiguous.
pub(crate) fn read<R>(x: &Tensor, read: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => read(values(storage, layout)?),
        _ => candle_core::bail!("expected a tensor on the CPU, found one on {:?}", x.device().location()),
    }
}
