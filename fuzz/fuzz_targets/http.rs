//! Requests to a server.
#![no_main]

use adder_fuzz::targets::http;

libfuzzer_sys::fuzz_target!(init: http::TARGET.begin(), |data: &[u8]| {
    http::run(data);
});
