//! AVX2 and FMA: x86-64 CPUs since 2013.

use std::arch::x86_64::*;

use super::pair::Pair;
use super::{Kernel, Lanes, Width};

/// Proof that this CPU has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof, where there is one.
    pub(crate) fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    pub(crate) fn run<K: Kernel>(self, width: Width, kernel: K) -> K::Output {
        // SAFETY: `self` proves the features of both functions.
        unsafe {
            match width {
                Width::Eight => run_8(self, kernel),
                Width::Sixteen => run_16(self, kernel),
            }
        }
    }

    /// The same operations in code compiled for a CPU with more registers.
    pub(super) fn with_registers<const REGISTERS: usize>(self) -> Ymm<REGISTERS> {
        Ymm(self)
    }
}

#[target_feature(enable = "avx2,fma")]
fn run_8<K: Kernel>(proof: Avx2, kernel: K) -> K::Output {
    kernel.run(proof.with_registers::<16>())
}

#[target_feature(enable = "avx2,fma")]
fn run_16<K: Kernel>(proof: Avx2, kernel: K) -> K::Output {
    kernel.run(Pair(proof.with_registers::<16>()))
}

/// Eight lanes in one of `REGISTERS` 256-bit registers.
#[derive(Clone, Copy)]
pub(crate) struct Ymm<const REGISTERS: usize>(Avx2);

/// One-line operations over intrinsics.
macro_rules! operations {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $result:ident = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: $kind),*) -> Self::$result {
            // SAFETY: `self` proves that the CPU has the instructions.
            unsafe { $body }
        }
    )*};
}

impl<const REGISTERS: usize> Lanes for Ymm<REGISTERS> {
    const LANES: usize = 8;
    // One register for the weights, three for broadcasts in flight. With 14 of 16 the compiler spills.
    const ACCUMULATORS: usize = REGISTERS - 4;
    type F = __m256;
    type U = __m256i;
    type M = __m256;

    operations! {
        splat(value: f32) -> F = _mm256_set1_ps(value);
        add(a: __m256, b: __m256) -> F = _mm256_add_ps(a, b);
        sub(a: __m256, b: __m256) -> F = _mm256_sub_ps(a, b);
        mul(a: __m256, b: __m256) -> F = _mm256_mul_ps(a, b);
        fma(a: __m256, b: __m256, c: __m256) -> F = _mm256_fmadd_ps(a, b, c);
        max(a: __m256, b: __m256) -> F = _mm256_max_ps(a, b);
        abs(a: __m256) -> F = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
        set_sign(m: __m256, a: __m256) -> F = _mm256_or_ps(a, _mm256_and_ps(m, _mm256_set1_ps(-0.0)));
        gt(a: __m256, b: __m256) -> M = _mm256_cmp_ps::<_CMP_GT_OQ>(a, b);
        sign(a: __m256) -> M = _mm256_castsi256_ps(_mm256_srai_epi32::<31>(_mm256_castps_si256(a)));
        select(m: __m256, a: __m256, b: __m256) -> F = _mm256_blendv_ps(b, a, m);
        zero_unless(m: __m256, a: __m256) -> F = _mm256_and_ps(m, a);
        zero_if(m: __m256, a: __m256) -> F = _mm256_andnot_ps(m, a);
        splat_u32(value: u32) -> U = _mm256_set1_epi32(value as i32);
        iota() -> U = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        add_u32(a: __m256i, b: __m256i) -> U = _mm256_add_epi32(a, b);
        mul_u32(a: __m256i, b: __m256i) -> U = _mm256_mullo_epi32(a, b);
        xor_u32(a: __m256i, b: __m256i) -> U = _mm256_xor_si256(a, b);
        shr_u32(a: __m256i, bits: u32) -> U = _mm256_srl_epi32(a, _mm_cvtsi32_si128(bits as i32));
        // AVX2 compares signed words only; flipping the top bits turns the unsigned order into the signed one.
        lt_u32(a: __m256i, b: __m256i) -> M = {
            let top = _mm256_set1_epi32(i32::MIN);
            _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_xor_si256(b, top), _mm256_xor_si256(a, top)))
        };
    }

    #[inline(always)]
    unsafe fn load_ptr(self, values: *const f32) -> __m256 {
        // SAFETY: the caller vouches for eight values, `self` for the instruction.
        unsafe { _mm256_loadu_ps(values) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, a: __m256, values: *mut f32) {
        // SAFETY: the caller vouches for eight values, `self` for the instruction.
        unsafe { _mm256_storeu_ps(values, a) }
    }
    #[inline(always)]
    unsafe fn interleave(self, from: *const f32, channel: usize, to: *mut f32, pixel: usize) {
        // SAFETY: the caller vouches for the places, `self` for the instructions.
        unsafe {
            let mut rows = [_mm256_setzero_ps(); 4];
            for (c, row) in rows.iter_mut().enumerate() {
                let (low, high) = (from.add(c * channel), from.add((c + 4) * channel));
                *row = _mm256_set_m128(_mm_loadu_ps(high), _mm_loadu_ps(low));
            }
            for (p, values) in transposed(rows).into_iter().enumerate() {
                _mm256_storeu_ps(to.add(p * pixel), values);
            }
        }
    }
    #[inline(always)]
    unsafe fn deinterleave(self, from: *const f32, pixel: usize, to: *mut f32, channel: usize) {
        // SAFETY: the caller vouches for the places, `self` for the instructions.
        unsafe {
            let mut pixels = [_mm256_setzero_ps(); 4];
            for (p, values) in pixels.iter_mut().enumerate() {
                *values = _mm256_loadu_ps(from.add(p * pixel));
            }
            for (c, row) in transposed(pixels).into_iter().enumerate() {
                _mm_storeu_ps(to.add(c * channel), _mm256_castps256_ps128(row));
                _mm_storeu_ps(to.add((c + 4) * channel), _mm256_extractf128_ps::<1>(row));
            }
        }
    }
}

/// The transposes of the matrices of four by four that each half of the registers holds.
///
/// # Safety
/// The CPU must have AVX.
#[inline(always)]
unsafe fn transposed([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let low = _mm256_castps_pd(_mm256_unpacklo_ps(a, b));
        let high = _mm256_castps_pd(_mm256_unpackhi_ps(a, b));
        let other_low = _mm256_castps_pd(_mm256_unpacklo_ps(c, d));
        let other_high = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
        [
            _mm256_castpd_ps(_mm256_unpacklo_pd(low, other_low)),
            _mm256_castpd_ps(_mm256_unpackhi_pd(low, other_low)),
            _mm256_castpd_ps(_mm256_unpacklo_pd(high, other_high)),
            _mm256_castpd_ps(_mm256_unpackhi_pd(high, other_high)),
        ]
    }
}
