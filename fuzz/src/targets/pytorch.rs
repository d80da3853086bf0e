//! PyTorch's files around a pickle: the archive has its checksums.

use std::path::Path;

use adder_export::weights_file;
use candle_core::Device;

use crate::envelope::zip;
use crate::networks;
use crate::pickle::StateDict;
use crate::sections::{form, join, split};
use crate::target::{Seed, Target};

/// The target.
pub const TARGET: Target = Target {
    run,
    seeds,
    words: &[
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch._utils\n_rebuild_parameter\n",
        b"ctorch\nHalfStorage\n",
        b"ctorch\nBFloat16Storage\n",
        b"ctorch\nDoubleStorage\n",
        b"ctorch.storage\nUntypedStorage\n",
        b"ctorch\nfloat32\n",
        b"ccollections\nOrderedDict\n)R",
        b"cnumpy.core.multiarray\n_reconstruct\n",
        b"cnumpy\ndtype\n",
        b"state_dict",
        b"module.",
        b"\x80\x04\x95",
        b"}q\0(",
        b"]q\0(",
        b"X\x04\0\0\0",
        b"\x8c\x05",
        b"tQ",
        b"tR",
        b"tb",
        b"\x94",
    ],
};

/// The first byte chooses between the bytes of a file, an archive of a pickle (the first part) with storages (the others), and the
/// same with the byte order or with the key `state_dict`.
pub fn run(data: &[u8]) -> bool {
    let (form, data) = form(data);
    let key = (form == 3).then_some("state_dict");
    let file = if form == 0 { data.to_vec() } else { archive(&split(data), form == 2) };
    let Ok(loaded) = weights_file::decode(&file, Path::new("weights.pth"), key, &Device::Cpu) else {
        return false;
    };
    let network = loaded.model.config().network().expect("the network was made");
    assert!(!network.parameters().is_empty());
    true
}

fn archive(parts: &[&[u8]], with_byte_order: bool) -> Vec<u8> {
    let names: Vec<String> = (0..parts.len()).map(|index| format!("net/data/{index}")).collect();
    let storages = names.iter().zip(parts.get(1..).unwrap_or_default());
    let storages = storages.map(|(name, bytes)| (name.as_str(), *bytes));
    let order = with_byte_order.then_some(("net/byteorder", &b"little"[..]));
    let program = ("net/data.pkl", parts.first().copied().unwrap_or_default());
    zip([program].into_iter().chain(order).chain(storages).chain([("net/version", &b"3\n"[..])]))
}

fn seeds() -> Vec<Seed> {
    let network = networks::network();
    let with = |form: u8, dictionary: &StateDict| {
        let storages = dictionary.storages.iter().map(|(_, bytes)| &bytes[..]);
        let parts: Vec<&[u8]> = [&dictionary.program[..]].into_iter().chain(storages).collect();
        [&[form], &join(&parts)[..]].concat()
    };
    let [one, all] = [1, usize::MAX].map(|count| StateDict::new(&network, count));
    let raw = |file: &[u8]| [&[0], file].concat();
    let wrapped =
        [b"\x80\x02}(X\x0a\0\0\0state_dict", &one.program[2..one.program.len() - 1], b"u."].concat();
    let wrapped = StateDict { program: wrapped, storages: one.storages.clone() };
    vec![
        ("refused_one", with(1, &one)),
        ("all", with(2, &all)),
        ("refused_wrapped", with(3, &wrapped)),
        ("refused_legacy_one", raw(&one.legacy())),
        ("legacy", raw(&all.legacy())),
        ("refused_pickle", raw(&one.program)),
        ("refused_protocol_4", raw(b"\x80\x04\x95\x1d\0\0\0\0\0\0\0}\x94\x8c\x05epoch\x94K\x03s.")),
        ("refused_protocol_0", raw(b"\x80\x01(dS'a'\nI1\nsS'b'\nF1.5\ns.")),
    ]
}
