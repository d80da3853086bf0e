//! AVX-512: sixteen lanes in one register, and 32 registers for the eight lanes of AVX2 as well.

use std::arch::x86_64::*;

use super::avx2::Avx2;
use super::twin::Twin;
use super::{Distances, Kernel, Lanes, Width};

/// Proof that this CPU has AVX-512 F, VL, DQ and BW, which all server CPUs since 2017 and Zen 4 share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512(Avx2);

impl Avx512 {
    /// The proof, where there is one.
    pub(crate) fn new() -> Option<Self> {
        let detected = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        detected.then(|| Avx2::new().map(Self)).flatten()
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

    /// Runs a kernel on two channel blocks of sixteen lanes at a time.
    pub(crate) fn run_twin<K: Kernel>(self, distances: Distances, kernel: K) -> K::Output {
        // SAFETY: `self` proves the features of the function.
        unsafe { run_twin(self, distances, kernel) }
    }
}

#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
fn run_twin<K: Kernel>(proof: Avx512, distances: Distances, kernel: K) -> K::Output {
    kernel.run(Twin { lanes: Zmm(proof), distances })
}

#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
fn run_8<K: Kernel>(proof: Avx512, kernel: K) -> K::Output {
    kernel.run(proof.0.with_registers::<32>())
}

#[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw")]
fn run_16<K: Kernel>(proof: Avx512, kernel: K) -> K::Output {
    kernel.run(Zmm(proof))
}

/// Sixteen lanes in one register.
#[derive(Clone, Copy)]
pub(crate) struct Zmm(Avx512);

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

impl Lanes for Zmm {
    const LANES: usize = 16;
    const ACCUMULATORS: usize = 28;
    type F = __m512;
    type U = __m512i;
    type M = __mmask16;

    operations! {
        splat(value: f32) -> F = _mm512_set1_ps(value);
        add(a: __m512, b: __m512) -> F = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> F = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> F = _mm512_mul_ps(a, b);
        fma(a: __m512, b: __m512, c: __m512) -> F = _mm512_fmadd_ps(a, b, c);
        max(a: __m512, b: __m512) -> F = _mm512_max_ps(a, b);
        abs(a: __m512) -> F = _mm512_abs_ps(a);
        set_sign(m: __mmask16, a: __m512) -> F = _mm512_mask_or_ps(a, m, a, _mm512_set1_ps(-0.0));
        gt(a: __m512, b: __m512) -> M = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b);
        gt_or_nan(a: __m512, b: __m512) -> M =
            _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
        sign(a: __m512) -> M = _mm512_movepi32_mask(_mm512_castps_si512(a));
        select(m: __mmask16, a: __m512, b: __m512) -> F = _mm512_mask_blend_ps(m, b, a);
        zero_unless(m: __mmask16, a: __m512) -> F = _mm512_maskz_mov_ps(m, a);
        zero_if(m: __mmask16, a: __m512) -> F = _mm512_maskz_mov_ps(!m, a);
        splat_u32(value: u32) -> U = _mm512_set1_epi32(value as i32);
        iota() -> U = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        add_u32(a: __m512i, b: __m512i) -> U = _mm512_add_epi32(a, b);
        mul_u32(a: __m512i, b: __m512i) -> U = _mm512_mullo_epi32(a, b);
        xor_u32(a: __m512i, b: __m512i) -> U = _mm512_xor_si512(a, b);
        shr_u32(a: __m512i, bits: u32) -> U = _mm512_srl_epi32(a, _mm_cvtsi32_si128(bits as i32));
        lt_u32(a: __m512i, b: __m512i) -> M = _mm512_cmplt_epu32_mask(a, b);
    }

    #[inline(always)]
    unsafe fn load_ptr(self, values: *const f32) -> __m512 {
        // SAFETY: the caller vouches for sixteen values, `self` for the instruction.
        unsafe { _mm512_loadu_ps(values) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, a: __m512, values: *mut f32) {
        // SAFETY: the caller vouches for sixteen values, `self` for the instruction.
        unsafe { _mm512_storeu_ps(values, a) }
    }
    #[inline(always)]
    unsafe fn load_pairs(self, values: *const f32) -> [__m512; 2] {
        // SAFETY: the caller vouches for thirty-two values, `self` for the instructions.
        unsafe {
            let (low, high) = (_mm512_loadu_ps(values), _mm512_loadu_ps(values.add(16)));
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
            [_mm512_permutex2var_ps(low, even, high), _mm512_permutex2var_ps(low, odd, high)]
        }
    }
    #[inline(always)]
    unsafe fn store_pairs(self, [even, odd]: [__m512; 2], values: *mut f32) {
        // SAFETY: the caller vouches for thirty-two values, `self` for the instructions.
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            _mm512_storeu_ps(values, _mm512_permutex2var_ps(even, low, odd));
            _mm512_storeu_ps(values.add(16), _mm512_permutex2var_ps(even, high, odd));
        }
    }
    #[inline(always)]
    unsafe fn interleave(self, from: *const f32, channel: usize, to: *mut f32, pixel: usize) {
        // SAFETY: the caller vouches for the places, `self` for the instructions.
        unsafe {
            let mut rows = [_mm512_setzero_ps(); 4];
            for (c, row) in rows.iter_mut().enumerate() {
                let first = from.add(c * channel);
                let quarter = _mm512_castps128_ps512(_mm_loadu_ps(first));
                let half = _mm512_insertf32x4::<1>(quarter, _mm_loadu_ps(first.add(4 * channel)));
                let three = _mm512_insertf32x4::<2>(half, _mm_loadu_ps(first.add(8 * channel)));
                *row = _mm512_insertf32x4::<3>(three, _mm_loadu_ps(first.add(12 * channel)));
            }
            for (p, values) in transposed(rows).into_iter().enumerate() {
                _mm512_storeu_ps(to.add(p * pixel), values);
            }
        }
    }
    #[inline(always)]
    unsafe fn deinterleave(self, from: *const f32, pixel: usize, to: *mut f32, channel: usize) {
        // SAFETY: the caller vouches for the places, `self` for the instructions.
        unsafe {
            let mut pixels = [_mm512_setzero_ps(); 4];
            for (p, values) in pixels.iter_mut().enumerate() {
                *values = _mm512_loadu_ps(from.add(p * pixel));
            }
            for (c, row) in transposed(pixels).into_iter().enumerate() {
                _mm_storeu_ps(to.add(c * channel), _mm512_castps512_ps128(row));
                _mm_storeu_ps(to.add((c + 4) * channel), _mm512_extractf32x4_ps::<1>(row));
                _mm_storeu_ps(to.add((c + 8) * channel), _mm512_extractf32x4_ps::<2>(row));
                _mm_storeu_ps(to.add((c + 12) * channel), _mm512_extractf32x4_ps::<3>(row));
            }
        }
    }
}

/// The transposes of the matrices of four by four that each quarter of the registers holds.
///
/// # Safety
/// The CPU must have AVX-512 F.
#[inline(always)]
unsafe fn transposed([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let low = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
        let high = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
        let other_low = _mm512_castps_pd(_mm512_unpacklo_ps(c, d));
        let other_high = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
        [
            _mm512_castpd_ps(_mm512_unpacklo_pd(low, other_low)),
            _mm512_castpd_ps(_mm512_unpackhi_pd(low, other_low)),
            _mm512_castpd_ps(_mm512_unpacklo_pd(high, other_high)),
            _mm512_castpd_ps(_mm512_unpackhi_pd(high, other_high)),
        ]
    }
}
