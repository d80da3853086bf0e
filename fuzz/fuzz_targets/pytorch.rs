//! PyTorch's files, around a pickle.
#![no_main]

use adder_fuzz::targets::pytorch;

libfuzzer_sys::fuzz_target!(init: pytorch::TARGET.begin(), |data: &[u8]| {
    pytorch::run(data);
});
