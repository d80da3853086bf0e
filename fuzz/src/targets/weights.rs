//! Weights files of any kind, as they are.

use std::path::Path;

use adder_export::{torch, weights_file};
use candle_core::Device;

use crate::envelope::zip;
use crate::networks;
use crate::pickle::StateDict;
use crate::target::{Seed, Target};

/// The target.
pub const TARGET: Target = Target {
    run,
    seeds,
    words: &[
        b"F32",
        b"F16",
        b"BF16",
        b"F64",
        b"I64",
        b"__metadata__",
        b"data_offsets",
        b"PK\x05\x06",
        b"ustar",
        b"\x89PNG",
    ],
};

/// A network that can be read can be written and read again, and is the same.
pub fn run(data: &[u8]) -> bool {
    let path = Path::new("weights");
    let Ok(loaded) = weights_file::decode(data, path, None, &Device::Cpu) else { return false };
    let written = loaded.model.to_safetensors(&loaded.facts).expect("a network that was read can be written");
    let again = weights_file::decode(&written, path, None, &Device::Cpu).expect("our own file can be read");
    assert_eq!(again.model.config(), loaded.model.config());
    true
}

fn seeds() -> Vec<Seed> {
    let (network, facts) = (networks::network(), [("seed".to_owned(), "1".to_owned())].into());
    let own = network.to_safetensors(&facts).expect("numbers on the CPU");
    let layered = networks::layered().to_safetensors(&facts).expect("numbers on the CPU");
    let of_torch = torch::to_safetensors(&network, &facts).expect("numbers on the CPU");
    let StateDict { program, storages } = StateDict::new(&network, 2);
    let names: Vec<String> = storages.iter().map(|(key, _)| format!("archive/data/{key}")).collect();
    let entries = names.iter().zip(&storages).map(|(name, (_, bytes))| (name.as_str(), &bytes[..]));
    let archive = zip([("archive/data.pkl", &program[..])].into_iter().chain(entries));
    vec![
        ("own", own),
        ("layered", layered),
        ("torch", of_torch),
        ("refused_archive", archive),
        ("refused_pickle", program),
        ("refused_html", b"<!doctype html><html></html>".to_vec()),
        ("refused_header", b"\x02\0\0\0\0\0\0\0{}".to_vec()),
    ]
}
