//! Run directories: every file of one.
#![no_main]

use adder_fuzz::targets::run;

libfuzzer_sys::fuzz_target!(init: run::TARGET.begin(), |data: &[u8]| {
    run::run(data);
});
