//! Plain Rust for every CPU: the reference for the other instruction sets, and the fallback where there is none of them.

use std::array::from_fn;

use super::{Kernel, Lanes, Width};

/// The instruction set that every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar;

impl Scalar {
    pub(crate) fn run<K: Kernel>(self, width: Width, kernel: K) -> K::Output {
        match width {
            Width::Eight => kernel.run(Array::<8>),
            Width::Sixteen => kernel.run(Array::<16>),
        }
    }
}

/// Lanes in an array, one operation for each.
#[derive(Clone, Copy)]
pub(crate) struct Array<const N: usize>;

impl<const N: usize> Lanes for Array<N> {
    const LANES: usize = N;
    const ACCUMULATORS: usize = 6;
    type F = [f32; N];
    type U = [u32; N];
    type M = [bool; N];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        [value; N]
    }
    #[inline(always)]
    unsafe fn load_ptr(self, values: *const f32) -> Self::F {
        // SAFETY: the caller vouches for `LANES` values; an array of `f32` is aligned as one `f32`.
        unsafe { values.cast::<[f32; N]>().read() }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, a: Self::F, values: *mut f32) {
        // SAFETY: the caller vouches for `LANES` values; an array of `f32` is aligned as one `f32`.
        unsafe { values.cast::<[f32; N]>().write(a) }
    }

    #[inline(always)]
    fn add(self, a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn sub(self, a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    fn mul(self, a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F {
        from_fn(|i| a[i].mul_add(b[i], c[i]))
    }
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn abs(self, a: Self::F) -> Self::F {
        from_fn(|i| a[i].abs())
    }
    #[inline(always)]
    fn set_sign(self, m: Self::M, a: Self::F) -> Self::F {
        from_fn(|i| f32::from_bits(a[i].to_bits() | u32::from(m[i]) << 31))
    }

    #[inline(always)]
    fn gt(self, a: Self::F, b: Self::F) -> Self::M {
        from_fn(|i| a[i] > b[i])
    }
    #[inline(always)]
    fn gt_or_nan(self, a: Self::F, b: Self::F) -> Self::M {
        from_fn(|i| a[i] > b[i] || a[i].is_nan())
    }
    #[inline(always)]
    fn sign(self, a: Self::F) -> Self::M {
        from_fn(|i| a[i].is_sign_negative())
    }
    #[inline(always)]
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F {
        from_fn(|i| if m[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn zero_unless(self, m: Self::M, a: Self::F) -> Self::F {
        from_fn(|i| if m[i] { a[i] } else { 0.0 })
    }
    #[inline(always)]
    fn zero_if(self, m: Self::M, a: Self::F) -> Self::F {
        from_fn(|i| if m[i] { 0.0 } else { a[i] })
    }

    #[inline(always)]
    fn splat_u32(self, value: u32) -> Self::U {
        [value; N]
    }
    #[inline(always)]
    fn iota(self) -> Self::U {
        from_fn(|i| i as u32)
    }
    #[inline(always)]
    fn add_u32(self, a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn mul_u32(self, a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i].wrapping_mul(b[i]))
    }
    #[inline(always)]
    fn xor_u32(self, a: Self::U, b: Self::U) -> Self::U {
        from_fn(|i| a[i] ^ b[i])
    }
    #[inline(always)]
    fn shr_u32(self, a: Self::U, bits: u32) -> Self::U {
        from_fn(|i| a[i] >> bits)
    }
    #[inline(always)]
    fn lt_u32(self, a: Self::U, b: Self::U) -> Self::M {
        from_fn(|i| a[i] < b[i])
    }
}
