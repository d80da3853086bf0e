//! Pictures, decoded and looked at.
#![no_main]

use adder_fuzz::targets::picture;

libfuzzer_sys::fuzz_target!(init: picture::TARGET.begin(), |data: &[u8]| {
    picture::run(data);
});
