//! NumPy arrays, in archives or alone.
#![no_main]

use adder_fuzz::targets::arrays;

libfuzzer_sys::fuzz_target!(init: arrays::TARGET.begin(), |data: &[u8]| {
    arrays::run(data);
});
