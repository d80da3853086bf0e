//! One source for every instruction set: kernels are generic over [`Lanes`], a handful of `f32` values that move together.
//!
//! # Writing a kernel
//! A kernel is a struct that holds its arguments and implements [`Kernel`]. Its `run` is generic over the lanes and must be
//! `#[inline(always)]`, as must everything it calls in its loops: [`Isa::run`](crate::Isa::run) inlines it into a function
//! compiled for the chosen instruction set, and what is not inlined there is compiled without it, at a tenth of the speed.
//!
//! ```text
//! struct Scale<'a> { values: &'a mut [f32], factor: f32 }
//!
//! impl Kernel for Scale<'_> {
//!     type Output = ();
//!
//!     #[inline(always)]
//!     fn run<L: Lanes>(self, lanes: L) {
//!         let factor = lanes.splat(self.factor);
//!         for chunk in self.values.chunks_exact_mut(L::LANES) {
//!             lanes.store(lanes.mul(lanes.load(chunk), factor), chunk);
//!         }
//!     }
//! }
//!
//! isa.run(Width::Eight, Scale { values, factor });
//! ```
//!
//! # Same bits
//! Every operation here is exact or rounded once (`fma` is one rounding everywhere), and none works across lanes. A kernel
//! whose lanes are independent outputs therefore gives the same bits on every instruction set, as long as the order of
//! operations within a lane does not depend on it. WebAssembly is the exception: its `fma` rounds twice, see `simd128`.
//!
//! # Traps
//! Lanes of arrays, as in [`scalar`], are never compiled for AVX-512: there the compiler vectorizes across pixels into
//! gathers, 25 times slower than these intrinsics.
//!
//! A closure given to `array::map` and its like is not inlined where it is called more than once, and then every intrinsic
//! in it is a call: loops spell out what they do. `nm -C` on a release build finds no symbol of `core_arch` but `_xgetbv`.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_feature = "simd128"))]
mod pair;
mod prefetch;
#[cfg(not(target_feature = "simd128"))]
mod scalar;
#[cfg(target_feature = "simd128")]
mod simd128;
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "AVX-512 alone has registers for two channel blocks")
)]
mod twin;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use prefetch::Prefetch;
#[cfg(not(target_feature = "simd128"))]
pub(crate) use scalar::Scalar;
#[cfg(target_feature = "simd128")]
pub(crate) use simd128::Simd128;
pub(crate) use twin::Distances;

/// The number of lanes that a kernel runs with. Both exist on every instruction set, as one register or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// One AVX register, two of NEON or WebAssembly, or `[f32; 8]`.
    Eight,
    /// One AVX-512 register, two AVX registers, four of NEON or WebAssembly, or `[f32; 16]`.
    Sixteen,
}

impl Width {
    /// The number of lanes.
    pub(crate) const fn lanes(self) -> usize {
        match self {
            Width::Eight => 8,
            Width::Sixteen => 16,
        }
    }
}

/// A computation that any instruction set can run. See the [module's description](self).
pub(crate) trait Kernel {
    /// The result.
    type Output;

    /// Runs it. Implementations are `#[inline(always)]`.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// A fixed number of `f32` lanes of one instruction set.
///
/// A value of a type that implements this exists only where the CPU has the instruction set: holding it is the proof that
/// its operations may be used.
pub(crate) trait Lanes: Copy {
    /// The number of lanes.
    const LANES: usize;
    /// The number of values of type `F` that a kernel can keep in registers beside the operands of an `fma`.
    const ACCUMULATORS: usize;
    /// Lanes of `f32`.
    type F: Copy;
    /// Lanes of `u32`.
    type U: Copy;
    /// Lanes of yes or no.
    type M: Copy;

    /// The same value in every lane.
    fn splat(self, value: f32) -> Self::F;
    /// Reads `LANES` values.
    ///
    /// # Safety
    /// `values` must be valid for reads of `LANES` values of `f32`.
    unsafe fn load_ptr(self, values: *const f32) -> Self::F;
    /// Writes `LANES` values.
    ///
    /// # Safety
    /// `values` must be valid for writes of `LANES` values of `f32`.
    unsafe fn store_ptr(self, a: Self::F, values: *mut f32);

    /// Adds to `LANES` values in memory.
    ///
    /// # Safety
    /// `values` must be valid for reads and writes of `LANES` values of `f32`.
    #[inline(always)]
    unsafe fn accumulate(self, a: Self::F, values: *mut f32) {
        // SAFETY: as the caller vouches for.
        unsafe { self.store_ptr(self.add(self.load_ptr(values), a), values) }
    }

    /// Reads a value for each channel that the lanes stand for, side by side.
    #[inline(always)]
    fn load_channels(self, values: &[f32]) -> Self::F {
        self.load(values)
    }

    /// `a + b`.
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`.
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`.
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once; on WebAssembly's vectors twice.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `a` where `a > b`, else `b`: a NaN in either gives `b`.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a` without its sign.
    fn abs(self, a: Self::F) -> Self::F;
    /// `a` with its sign bit set where `m` is true; others stay as they are.
    fn set_sign(self, m: Self::M, a: Self::F) -> Self::F;

    /// Whether `a > b`; false for NaN.
    fn gt(self, a: Self::F, b: Self::F) -> Self::M;
    /// Whether `a > b` or `a` is NaN.
    fn gt_or_nan(self, a: Self::F, b: Self::F) -> Self::M;
    /// Whether the sign bit is set, that of -0.0 included.
    fn sign(self, a: Self::F) -> Self::M;
    /// `a` where `m` is true, else `b`.
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F;
    /// `a` where `m` is true, else 0.
    fn zero_unless(self, m: Self::M, a: Self::F) -> Self::F;
    /// `a` where `m` is false, else 0.
    fn zero_if(self, m: Self::M, a: Self::F) -> Self::F;

    /// The same word in every lane.
    fn splat_u32(self, value: u32) -> Self::U;
    /// 0, 1, 2 and so on.
    fn iota(self) -> Self::U;
    /// `a + b`, wrapping.
    fn add_u32(self, a: Self::U, b: Self::U) -> Self::U;
    /// `a * b`, wrapping.
    fn mul_u32(self, a: Self::U, b: Self::U) -> Self::U;
    /// `a ^ b`.
    fn xor_u32(self, a: Self::U, b: Self::U) -> Self::U;
    /// `a >> bits`, filled with zeros; `bits` is less than 32.
    fn shr_u32(self, a: Self::U, bits: u32) -> Self::U;
    /// Whether `a < b`, both unsigned.
    fn lt_u32(self, a: Self::U, b: Self::U) -> Self::M;

    /// Reads twice `LANES` values: those at even and those at odd places.
    ///
    /// # Safety
    /// `values` must be valid for reads of so many values of `f32`.
    #[inline(always)]
    unsafe fn load_pairs(self, values: *const f32) -> [Self::F; 2] {
        let (mut even, mut odd) = ([0.0; 16], [0.0; 16]);
        for (pair, (even, odd)) in even.iter_mut().zip(&mut odd).take(Self::LANES).enumerate() {
            // SAFETY: as the caller vouches for.
            unsafe { (*even, *odd) = (*values.add(2 * pair), *values.add(2 * pair + 1)) };
        }
        [self.load(&even), self.load(&odd)]
    }

    /// Writes twice `LANES` values, of two lanes each in turn: the opposite of [`load_pairs`](Self::load_pairs).
    ///
    /// # Safety
    /// `values` must be valid for writes of so many values of `f32`.
    #[inline(always)]
    unsafe fn store_pairs(self, [even, odd]: [Self::F; 2], values: *mut f32) {
        let mut pairs = [[0.0; 16]; 2];
        self.store(even, &mut pairs[0]);
        self.store(odd, &mut pairs[1]);
        for (pair, (even, odd)) in pairs[0].iter().zip(&pairs[1]).take(Self::LANES).enumerate() {
            // SAFETY: as the caller vouches for.
            unsafe { (*values.add(2 * pair), *values.add(2 * pair + 1)) = (*even, *odd) };
        }
    }

    /// Writes the channels of four pixels side by side: `to[p * pixel + c] = from[c * channel + p]` for each pixel `p` and
    /// each of `LANES` channels `c`.
    ///
    /// # Safety
    /// All those places must be valid, of `from` for reads and of `to` for writes.
    #[inline(always)]
    unsafe fn interleave(self, from: *const f32, channel: usize, to: *mut f32, pixel: usize) {
        for c in 0..Self::LANES {
            for p in 0..4 {
                // SAFETY: as the caller vouches for.
                unsafe { *to.add(p * pixel + c) = *from.add(c * channel + p) };
            }
        }
    }

    /// The opposite of [`interleave`](Self::interleave): `to[c * channel + p] = from[p * pixel + c]`.
    ///
    /// # Safety
    /// All those places must be valid, of `from` for reads and of `to` for writes.
    #[inline(always)]
    unsafe fn deinterleave(self, from: *const f32, pixel: usize, to: *mut f32, channel: usize) {
        for c in 0..Self::LANES {
            for p in 0..4 {
                // SAFETY: as the caller vouches for.
                unsafe { *to.add(c * channel + p) = *from.add(p * pixel + c) };
            }
        }
    }

    /// Reads the first `LANES` values of a slice, which must have them.
    #[inline(always)]
    fn load(self, values: &[f32]) -> Self::F {
        assert!(values.len() >= Self::LANES);
        // SAFETY: the slice holds `LANES` values.
        unsafe { self.load_ptr(values.as_ptr()) }
    }

    /// Writes the first `LANES` values of a slice, which must have them.
    #[inline(always)]
    fn store(self, a: Self::F, values: &mut [f32]) {
        assert!(values.len() >= Self::LANES);
        // SAFETY: the slice holds `LANES` values.
        unsafe { self.store_ptr(a, values.as_mut_ptr()) }
    }
}

#[cfg(test)]
mod tests;
