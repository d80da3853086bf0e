//! Events, and event files of TensorBoard.
#![no_main]

use adder_fuzz::targets::events;

libfuzzer_sys::fuzz_target!(init: events::TARGET.begin(), |data: &[u8]| {
    events::run(data);
});
