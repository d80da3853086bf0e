//! Updates in place, element by element, on the CPU: candle's own operations would allocate for each of them.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor, Var, bail};

use crate::cpu::{has_kernels, values};

/// `update(a, b)` for every element of `a` and `b`: contiguous f32 of one shape on the CPU.
pub(crate) fn update2(a: &Var, b: &Tensor, update: impl Fn(&mut f32, f32)) -> Result<()> {
    a.inplace_op2(&apart(b, a)?, &Update(update))
}

/// `update(a, b, c)` for every element of `a`, `b` and `c`: contiguous f32 of one shape on the CPU.
pub(crate) fn update3(a: &Var, b: &Tensor, c: &Tensor, update: impl Fn(&mut f32, f32, f32)) -> Result<()> {
    a.inplace_op3(&apart(b, a)?, &apart(c, a)?, &Update(update))
}

/// Moves `value` by `share` of the way to `target`, both contiguous and of one shape: `value += share * (target - value)`.
pub(crate) fn lerp(value: &Var, target: &Tensor, share: f64) -> Result<()> {
    if has_kernels(value) {
        let share = share as f32;
        return update2(value, target, |value, target| *value += share * (target - *value));
    }
    value.set(&(value.as_tensor() + ((target - value.as_tensor())? * share)?)?)
}

/// `tensor`, or a copy of it where it is `var` itself: an operation in place would wait for its own lock.
fn apart(tensor: &Tensor, var: &Var) -> Result<Tensor> {
    let storage = |tensor: &Tensor| std::ptr::from_ref(&*tensor.storage_and_layout().0);
    if storage(tensor) == storage(var) { tensor.copy() } else { Ok(tensor.clone()) }
}

struct Update<F>(F);

impl<F: Fn(&mut f32, f32)> InplaceOp2 for Update<F> {
    fn name(&self) -> &'static str {
        "update in place"
    }

    fn cpu_fwd(
        &self,
        a: &mut CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<()> {
        let b = values(b, b_layout)?;
        for (a, &b) in values_mut(a, a_layout)?.iter_mut().zip(b) {
            (self.0)(a, b);
        }
        Ok(())
    }
}

impl<F: Fn(&mut f32, f32, f32)> InplaceOp3 for Update<F> {
    fn name(&self) -> &'static str {
        "update in place"
    }

    fn cpu_fwd(
        &self,
        a: &mut CpuStorage,
        a_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
        c: &CpuStorage,
        c_layout: &Layout,
    ) -> Result<()> {
        let (b, c) = (values(b, b_layout)?, values(c, c_layout)?);
        for ((a, &b), &c) in values_mut(a, a_layout)?.iter_mut().zip(b).zip(c) {
            (self.0)(a, b, c);
        }
        Ok(())
    }
}

fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("an update takes contiguous f32 tensors"),
    }
}
