//! Configurations: a TOML file and assignments.
#![no_main]

use adder_fuzz::targets::config;

libfuzzer_sys::fuzz_target!(init: config::TARGET.begin(), |data: &[u8]| {
    config::run(data);
});
