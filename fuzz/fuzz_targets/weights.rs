//! Weights files of any kind, as they are.
#![no_main]

use adder_fuzz::targets::weights;

libfuzzer_sys::fuzz_target!(init: weights::TARGET.begin(), |data: &[u8]| {
    weights::run(data);
});
