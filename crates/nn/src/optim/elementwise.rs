//! Updates in place, element by element, on the CPU: candle's own operations would allocate for each of them.
//!
//! What an update needs of an element is read and written once, by the threads of the current rayon pool. Elements do not see
//! each other, so threads change no bit.

use std::cell::Cell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor, Var, bail};

use crate::cpu::{has_kernels, read};

/// Elements up to which one thread is faster than two, which must find each other first.
const LEAST: usize = 1 << 15;

/// Updates variables by a gradient: `update` gets as many elements of each as it takes at a time. All of them are contiguous
/// f32 of one shape on the CPU.
pub(crate) fn update1(
    a: &Var,
    gradient: &Tensor,
    update: impl Fn([&mut [f32]; 1], &[f32]) + Sync,
) -> Result<()> {
    let gradient = apart(gradient, a)?;
    change(a, |a| read(&gradient, |gradient| share([a], gradient, &update)))
}

/// As [`update1`], of two variables.
pub(crate) fn update2(
    [a, b]: [&Var; 2],
    gradient: &Tensor,
    update: impl Fn([&mut [f32]; 2], &[f32]) + Sync,
) -> Result<()> {
    let gradient = apart(gradient, a)?;
    change(a, |a| change(b, |b| read(&gradient, |gradient| share([a, b], gradient, &update))))
}

/// As [`update1`], of three variables.
pub(crate) fn update3(
    [a, b, c]: [&Var; 3],
    gradient: &Tensor,
    update: impl Fn([&mut [f32]; 3], &[f32]) + Sync,
) -> Result<()> {
    let gradient = apart(gradient, a)?;
    let read = |values: [&mut [f32]; 3]| read(&gradient, |gradient| share(values, gradient, &update));
    change(a, |a| change(b, |b| change(c, |c| read([a, b, c]))))
}

/// Moves `value` by `share` of the way to `target`, both contiguous and of one shape: `value += share * (target - value)`.
pub(crate) fn lerp(value: &Var, target: &Tensor, share: f64) -> Result<()> {
    if has_kernels(value) {
        let share = share as f32;
        return update1(value, target, |[values], targets| {
            for (value, &target) in values.iter_mut().zip(targets) {
                *value += share * (target - *value);
            }
        });
    }
    value.set(&(value.as_tensor() + ((target - value.as_tensor())? * share)?)?)
}

/// `tensor`, or a copy of it where it is `var` itself: an operation in place would wait for its own lock.
fn apart(tensor: &Tensor, var: &Var) -> Result<Tensor> {
    let storage = |tensor: &Tensor| std::ptr::from_ref(&*tensor.storage_and_layout().0);
    if storage(tensor) == storage(var) { tensor.copy() } else { Ok(tensor.clone()) }
}

/// Gives all elements to `update`, in parts to several threads where there are many.
fn share<const N: usize>(
    values: [&mut [f32]; N],
    gradient: &[f32],
    update: &(impl Fn([&mut [f32]; N], &[f32]) + Sync),
) -> Result<()> {
    if gradient.len() <= LEAST {
        update(values, gradient);
        return Ok(());
    }
    let middle = gradient.len() / 2;
    let [mut low, mut high] = [(); 2].map(|()| [(); N].map(|()| <&mut [f32]>::default()));
    for ((values, low), high) in values.into_iter().zip(&mut low).zip(&mut high) {
        (*low, *high) = values.split_at_mut(middle);
    }
    let (low_gradient, high_gradient) = gradient.split_at(middle);
    let (low, high) = rayon::join(|| share(low, low_gradient, update), || share(high, high_gradient, update));
    low.and(high)
}

/// Gives the values of `var`, contiguous f32 on the CPU, to `run`.
fn change(var: &Var, run: impl FnOnce(&mut [f32]) -> Result<()>) -> Result<()> {
    var.inplace_op1(&Change(Cell::new(Some(run))))
}

/// What happens to the values once.
struct Change<F>(Cell<Option<F>>);

impl<F: FnOnce(&mut [f32]) -> Result<()>> InplaceOp1 for Change<F> {
    fn name(&self) -> &'static str {
        "update in place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        match (storage, layout.contiguous_offsets(), self.0.take()) {
            (CpuStorage::F32(values), Some((start, end)), Some(run)) => run(&mut values[start..end]),
            _ => bail!("an update takes contiguous f32 variables"),
        }
    }
}
