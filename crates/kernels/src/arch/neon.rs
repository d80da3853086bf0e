//! NEON (Advanced SIMD): every 64-bit Arm CPU that runs a general-purpose system.

use std::arch::aarch64::*;

use super::pair::Pair;
use super::{Kernel, Lanes, Width};

/// Proof that this CPU has NEON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Neon(());

impl Neon {
    /// The proof, where there is one.
    pub(crate) fn new() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    pub(crate) fn run<K: Kernel>(self, width: Width, kernel: K) -> K::Output {
        // SAFETY: `self` proves the feature of both functions.
        unsafe {
            match width {
                Width::Eight => run_8(self, kernel),
                Width::Sixteen => run_16(self, kernel),
            }
        }
    }
}

#[target_feature(enable = "neon")]
fn run_8<K: Kernel>(proof: Neon, kernel: K) -> K::Output {
    kernel.run(Pair(Quad(proof)))
}

#[target_feature(enable = "neon")]
fn run_16<K: Kernel>(proof: Neon, kernel: K) -> K::Output {
    kernel.run(Pair(Pair(Quad(proof))))
}

/// Four lanes in one register.
#[derive(Clone, Copy)]
pub(crate) struct Quad(Neon);

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

impl Lanes for Quad {
    const LANES: usize = 4;
    // 32 registers, of which four hold weights and four broadcasts in flight.
    const ACCUMULATORS: usize = 24;
    type F = float32x4_t;
    type U = uint32x4_t;
    type M = uint32x4_t;

    operations! {
        splat(value: f32) -> F = vdupq_n_f32(value);
        add(a: float32x4_t, b: float32x4_t) -> F = vaddq_f32(a, b);
        sub(a: float32x4_t, b: float32x4_t) -> F = vsubq_f32(a, b);
        mul(a: float32x4_t, b: float32x4_t) -> F = vmulq_f32(a, b);
        fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> F = vfmaq_f32(c, a, b);
        max(a: float32x4_t, b: float32x4_t) -> F = vbslq_f32(vcgtq_f32(a, b), a, b);
        abs(a: float32x4_t) -> F = vabsq_f32(a);
        set_sign(m: uint32x4_t, a: float32x4_t) -> F = {
            let sign = vandq_u32(m, vdupq_n_u32(1 << 31));
            vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(a), sign))
        };
        gt(a: float32x4_t, b: float32x4_t) -> M = vcgtq_f32(a, b);
        gt_or_nan(a: float32x4_t, b: float32x4_t) -> M =
            vorrq_u32(vcgtq_f32(a, b), vmvnq_u32(vceqq_f32(a, a)));
        sign(a: float32x4_t) -> M = vcltzq_s32(vreinterpretq_s32_f32(a));
        select(m: uint32x4_t, a: float32x4_t, b: float32x4_t) -> F = vbslq_f32(m, a, b);
        zero_unless(m: uint32x4_t, a: float32x4_t) -> F =
            vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), m));
        zero_if(m: uint32x4_t, a: float32x4_t) -> F =
            vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(a), m));
        splat_u32(value: u32) -> U = vdupq_n_u32(value);
        iota() -> U = vld1q_u32([0, 1, 2, 3].as_ptr());
        add_u32(a: uint32x4_t, b: uint32x4_t) -> U = vaddq_u32(a, b);
        mul_u32(a: uint32x4_t, b: uint32x4_t) -> U = vmulq_u32(a, b);
        xor_u32(a: uint32x4_t, b: uint32x4_t) -> U = veorq_u32(a, b);
        shr_u32(a: uint32x4_t, bits: u32) -> U = vshlq_u32(a, vdupq_n_s32(-(bits as i32)));
        lt_u32(a: uint32x4_t, b: uint32x4_t) -> M = vcltq_u32(a, b);
    }

    #[inline(always)]
    unsafe fn load_ptr(self, values: *const f32) -> float32x4_t {
        // SAFETY: the caller vouches for four values, `self` for the instruction.
        unsafe { vld1q_f32(values) }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, a: float32x4_t, values: *mut f32) {
        // SAFETY: the caller vouches for four values, `self` for the instruction.
        unsafe { vst1q_f32(values, a) }
    }
}
