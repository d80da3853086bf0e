//! Two registers side by side, for widths that an instruction set has no single register for.

use super::Lanes;

/// Twice the lanes of `L`.
#[derive(Clone, Copy)]
pub(crate) struct Pair<L>(pub(super) L);

/// Applies an operation of `L` to both halves of its arguments.
macro_rules! both {
    ($($name:ident($($argument:ident: $kind:ident),*) -> $result:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: Self::$kind),*) -> Self::$result {
            [self.0.$name($($argument[0]),*), self.0.$name($($argument[1]),*)]
        }
    )*};
}

impl<L: Lanes> Lanes for Pair<L> {
    const LANES: usize = 2 * L::LANES;
    const ACCUMULATORS: usize = L::ACCUMULATORS / 2;
    type F = [L::F; 2];
    type U = [L::U; 2];
    type M = [L::M; 2];

    both! {
        add(a: F, b: F) -> F;
        sub(a: F, b: F) -> F;
        mul(a: F, b: F) -> F;
        fma(a: F, b: F, c: F) -> F;
        max(a: F, b: F) -> F;
        abs(a: F) -> F;
        set_sign(m: M, a: F) -> F;
        gt(a: F, b: F) -> M;
        sign(a: F) -> M;
        select(m: M, a: F, b: F) -> F;
        zero_unless(m: M, a: F) -> F;
        zero_if(m: M, a: F) -> F;
        add_u32(a: U, b: U) -> U;
        mul_u32(a: U, b: U) -> U;
        xor_u32(a: U, b: U) -> U;
        lt_u32(a: U, b: U) -> M;
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::F {
        [self.0.splat(value); 2]
    }
    #[inline(always)]
    unsafe fn load_ptr(self, values: *const f32) -> Self::F {
        // SAFETY: the caller vouches for both halves.
        unsafe { [self.0.load_ptr(values), self.0.load_ptr(values.add(L::LANES))] }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, a: Self::F, values: *mut f32) {
        // SAFETY: the caller vouches for both halves.
        unsafe {
            self.0.store_ptr(a[0], values);
            self.0.store_ptr(a[1], values.add(L::LANES));
        }
    }
    #[inline(always)]
    fn splat_u32(self, value: u32) -> Self::U {
        [self.0.splat_u32(value); 2]
    }
    #[inline(always)]
    fn iota(self) -> Self::U {
        let first = self.0.iota();
        [first, self.0.add_u32(first, self.0.splat_u32(L::LANES as u32))]
    }
    #[inline(always)]
    fn shr_u32(self, a: Self::U, bits: u32) -> Self::U {
        [self.0.shr_u32(a[0], bits), self.0.shr_u32(a[1], bits)]
    }
    #[inline(always)]
    unsafe fn interleave(self, from: *const f32, channel: usize, to: *mut f32, pixel: usize) {
        // SAFETY: the caller vouches for both halves.
        unsafe {
            self.0.interleave(from, channel, to, pixel);
            self.0.interleave(from.add(L::LANES * channel), channel, to.add(L::LANES), pixel);
        }
    }
    #[inline(always)]
    unsafe fn deinterleave(self, from: *const f32, pixel: usize, to: *mut f32, channel: usize) {
        // SAFETY: the caller vouches for both halves.
        unsafe {
            self.0.deinterleave(from, pixel, to, channel);
            self.0.deinterleave(from.add(L::LANES), pixel, to.add(L::LANES * channel), channel);
        }
    }
}
