//! WebAssembly's 128-bit vectors, in a program that is compiled with them: `-C target-feature=+simd128`.
//!
//! A module that uses them is refused by an engine that does not have them, so this is no choice at run time. They have no
//! fused multiply-add: [`fma`](Lanes::fma) rounds twice here, and results differ from those of the other instruction sets
//! in the last bits. Relaxed SIMD has one that rounds once or twice, as the engine likes; not every browser has it, and
//! the same bits in all of them are worth more here than its speed.

use std::arch::wasm32::*;

use super::pair::Pair;
use super::{Kernel, Lanes, Width};

/// Proof that the program was compiled for 128-bit vectors: where it was not, this type does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Simd128;

impl Simd128 {
    pub(crate) fn run<K: Kernel>(self, width: Width, kernel: K) -> K::Output {
        match width {
            Width::Eight => kernel.run(Pair(Quad)),
            Width::Sixteen => kernel.run(Pair(Pair(Quad))),
        }
    }
}

/// Four lanes in one vector.
#[derive(Clone, Copy)]
pub(crate) struct Quad;

/// One-line operations over intrinsics, which are safe: the whole program may use them.
macro_rules! operations {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ident = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: $kind),*) -> Self::$result {
            $body
        }
    )*};
}

impl Lanes for Quad {
    const LANES: usize = 4;
    // Engines compile to SSE or NEON: 16 registers at least, and a product needs one of its own before it is added.
    const ACCUMULATORS: usize = 12;
    type F = v128;
    type U = v128;
    type M = v128;

    operations! {
        splat(value: f32) -> F = f32x4_splat(value);
        add(a: v128, b: v128) -> F = f32x4_add(a, b);
        sub(a: v128, b: v128) -> F = f32x4_sub(a, b);
        mul(a: v128, b: v128) -> F = f32x4_mul(a, b);
        fma(a: v128, b: v128, c: v128) -> F = f32x4_add(f32x4_mul(a, b), c);
        // The pseudo-maximum is `second if first < second else first`.
        max(a: v128, b: v128) -> F = f32x4_pmax(b, a);
        abs(a: v128) -> F = f32x4_abs(a);
        set_sign(m: v128, a: v128) -> F = v128_or(a, v128_and(m, u32x4_splat(1 << 31)));
        gt(a: v128, b: v128) -> M = f32x4_gt(a, b);
        gt_or_nan(a: v128, b: v128) -> M = v128_or(f32x4_gt(a, b), f32x4_ne(a, a));
        sign(a: v128) -> M = i32x4_shr(a, 31);
        select(m: v128, a: v128, b: v128) -> F = v128_bitselect(a, b, m);
        zero_unless(m: v128, a: v128) -> F = v128_and(a, m);
        zero_if(m: v128, a: v128) -> F = v128_andnot(a, m);
        splat_u32(value: u32) -> U = u32x4_splat(value);
        iota() -> U = u32x4(0, 1, 2, 3);
        add_u32(a: v128, b: v128) -> U = i32x4_add(a, b);
        mul_u32(a: v128, b: v128) -> U = i32x4_mul(a, b);
        xor_u32(a: v128, b: v128) -> U = v128_xor(a, b);
        shr_u32(a: v128, bits: u32) -> U = u32x4_shr(a, bits);
        lt_u32(a: v128, b: v128) -> M = u32x4_lt(a, b);
    }

    #[inline(always)]
    unsafe fn load_ptr(self, values: *const f32) -> v128 {
        // SAFETY: the caller vouches for four values; a vector may lie at any address.
        unsafe { v128_load(values.cast()) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, a: v128, values: *mut f32) {
        // SAFETY: the caller vouches for four values; a vector may lie at any address.
        unsafe { v128_store(values.cast(), a) }
    }
}
