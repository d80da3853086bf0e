//! IDX files, packed or not, as a folder of four.
#![no_main]

use adder_fuzz::targets::idx;

libfuzzer_sys::fuzz_target!(init: idx::TARGET.begin(), |data: &[u8]| {
    idx::run(data);
});
