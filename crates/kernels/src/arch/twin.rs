//! Two blocks of channels at a time.

use super::Lanes;

/// The lanes of `L` twice, for two channel blocks that lie apart: each value that is broadcast serves both.
///
/// A tile of one block loads an input for every multiply-add, and keeps the load ports as busy as the FMA units; with two blocks
/// it loads one for every second. `LANES` stays that of one block, which is the distance between pixels in either. What is
/// loaded lies `loads` values from the first block's in the second, what is stored `stores` values.
#[derive(Clone, Copy)]
pub(crate) struct Twin<L> {
    pub(super) lanes: L,
    pub(super) distances: Distances,
}

/// Values from one channel block to the next, in what a kernel loads and in what it stores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distances {
    pub(crate) loads: usize,
    pub(crate) stores: usize,
}

/// Applies an operation of `L` to both blocks.
macro_rules! both {
    ($($name:ident($($argument:ident: $kind:ident),*) -> $result:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: Self::$kind),*) -> Self::$result {
            [self.lanes.$name($($argument[0]),*), self.lanes.$name($($argument[1]),*)]
        }
    )*};
}

impl<L: Lanes> Lanes for Twin<L> {
    const LANES: usize = L::LANES;
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
        gt_or_nan(a: F, b: F) -> M;
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
        [self.lanes.splat(value); 2]
    }
    #[inline(always)]
    unsafe fn load_ptr(self, values: *const f32) -> Self::F {
        // SAFETY: the caller vouches for the values of both blocks.
        unsafe { [self.lanes.load_ptr(values), self.lanes.load_ptr(values.add(self.distances.loads))] }
    }
    #[inline(always)]
    unsafe fn store_ptr(self, a: Self::F, values: *mut f32) {
        // SAFETY: the caller vouches for the values of both blocks.
        unsafe {
            self.lanes.store_ptr(a[0], values);
            self.lanes.store_ptr(a[1], values.add(self.distances.stores));
        }
    }
    #[inline(always)]
    unsafe fn accumulate(self, a: Self::F, values: *mut f32) {
        // SAFETY: the caller vouches for the values of both blocks.
        unsafe {
            self.lanes.accumulate(a[0], values);
            self.lanes.accumulate(a[1], values.add(self.distances.stores));
        }
    }
    #[inline(always)]
    fn load_channels(self, values: &[f32]) -> Self::F {
        [self.lanes.load(values), self.lanes.load(&values[L::LANES..])]
    }
    #[inline(always)]
    fn splat_u32(self, value: u32) -> Self::U {
        [self.lanes.splat_u32(value); 2]
    }
    #[inline(always)]
    fn iota(self) -> Self::U {
        [self.lanes.iota(); 2]
    }
    #[inline(always)]
    fn shr_u32(self, a: Self::U, bits: u32) -> Self::U {
        [self.lanes.shr_u32(a[0], bits), self.lanes.shr_u32(a[1], bits)]
    }
}
