//! What tensors lie in: archives, the format before them, plain pickles; whole, cut off and damaged.

use adder_export::FileProblem;

use crate::common::{bits, decode, f32_bytes, file, flat, model, plain, refused, state_dict, strides, taken};
use crate::writer::{Packing, Pickle, Strided, archive, legacy, zip};

#[test]
fn an_archive_of_any_name_is_read() {
    let flat = flat(&state_dict());
    let mut pickle = Pickle::new(2);
    flat.write(&mut pickle, "");
    for length in 1..=64 {
        let storages = [("0".to_owned(), flat.storage.clone())];
        let file = zip(&archive(&"m".repeat(length), &pickle.done(), &storages), Packing::default());
        assert_eq!(taken(&file, None), widths(), "a name of {length} letters");
    }
    // Zipped again with its folder in another one.
    let storages = [("0".to_owned(), flat.storage.clone())];
    taken(&zip(&archive("a/b/model", &pickle.done(), &storages), Packing::default()), None);
}

/// What is said of the small network: the notebook's widths are others.
fn widths() -> String {
    "the widths are those of the tensors: channels [1, 2, 1, 2, 1, 2], embedding 2, hidden 3; pools and padding are taken to be the notebook's"
        .into()
}

#[test]
fn archives_are_held_to_their_checksums() {
    let flat = flat(&state_dict());
    let mut pickle = Pickle::new(2);
    flat.write(&mut pickle, "");
    let mut whole = flat.file(&pickle);
    let at = whole.windows(flat.storage.len()).position(|bytes| bytes == flat.storage).unwrap();
    whole[at + 5] ^= 1;
    let problem = refused(&whole, None, &["damaged", "model/data/0", "checksum"]);
    assert!(matches!(problem, FileProblem::Checksum { .. }));
    // As torch.serialization.set_crc32_options(False) writes it.
    let packing = Packing { without_checksums: true, ..Packing::default() };
    assert!(taken(&flat.packed(&pickle, packing), None).starts_with("the file has no checksums"));
}

#[test]
fn packed_archives_are_unpacked_within_limits() {
    let flat = flat(&state_dict());
    let mut pickle = Pickle::new(2);
    flat.write(&mut pickle, "");
    let packing = Packing { deflate: true, ..Packing::default() };
    taken(&flat.packed(&pickle, packing), None);
    let more = Packing { announced_more: 1, ..packing };
    refused(&flat.packed(&pickle, more), None, &["model/data.pkl", "bytes in place of"]);
    let beyond = Packing { announced_more: 1 << 30, ..packing };
    refused(&flat.packed(&pickle, beyond), None, &["unpacks to", "where at most"]);
    let encrypted = Packing { flags: 1, ..Packing::default() };
    refused(&flat.packed(&pickle, encrypted), None, &["is encrypted"]);
    let storages = [("0".to_owned(), flat.storage.clone())];
    let mut entries = archive("model", &pickle.done(), &storages);
    entries.push(entries[2].clone());
    refused(&zip(&entries, Packing::default()), None, &["`model/data/0` is in it twice"]);
    entries.drain(2..);
    refused(&zip(&entries, Packing::default()), None, &["`model/data/0` is not in it"]);
}

#[test]
fn archives_of_others_are_named() {
    let entry = |name: &str| (name.to_owned(), b"content".to_vec());
    for (names, words) in [
        (&["w.npy"][..], "NumPy's arrays in a zip archive (.npz)"),
        (&["config.json", "model.weights.h5"], "a Keras file"),
        (&["m/archive_format", "m/models/model.json"], "torch.export"),
        (&["best.pth", "readme.txt"], "unpack it first"),
        (&["a.txt"], "a zip archive with `a.txt`"),
        (&[], "nothing in it"),
    ] {
        let entries: Vec<_> = names.iter().map(|name| entry(name)).collect();
        refused(&zip(&entries, Packing::default()), None, &[words]);
    }
}

#[test]
fn the_format_before_archives_is_read() {
    let flat = flat(&state_dict());
    let mut pickle = Pickle::new(2);
    flat.write(&mut pickle, "module.");
    let storages = [("0".to_owned(), flat.storage.clone())];
    let file = legacy(&pickle.done(), &storages, 4);
    assert!(taken(&file, None).starts_with("removed the prefix `module.`"));
    refused(&file[..file.len() - 1], None, &["storage `0` is cut off"]);
    let unknown = legacy(&pickle.done(), &[("7".to_owned(), flat.storage.clone())], 4);
    refused(&unknown, None, &["storage `7`", "type"]);
}

#[test]
fn a_plain_pickle_of_arrays_or_of_tensors_is_read() {
    for fortran in [false, true] {
        let mut pickle = Pickle::new(3);
        pickle.raw(b"}(");
        for (name, (shape, values)) in state_dict() {
            let values = if fortran { transposed(&shape, &values) } else { values };
            pickle.text(&name).array("f4", "<", &shape, fortran, &f32_bytes(&values));
        }
        taken(&pickle.raw(b"u").done(), None);
    }
    let of_tensors = |cut: usize| {
        let mut pickle = Pickle::new(3);
        with_storages_inside(pickle.raw(b"}("), cut);
        pickle.raw(b"u").done()
    };
    taken(&of_tensors(0), None);
    refused(&of_tensors(1), None, &["conv1.0.weight", "save it with that"]);
}

/// The state_dict's pairs as `pickle.dump` writes them: the storage of each tensor is a file in the file, here without its last `cut`
/// bytes.
fn with_storages_inside(pickle: &mut Pickle, cut: usize) {
    for (name, tensor) in flat(&state_dict()).tensors {
        let (shape, values) = &state_dict()[&name];
        let tensor = Strided { key: "7".into(), count: values.len(), ..tensor };
        let inner =
            legacy(&Pickle::new(2).storage(&tensor).done(), &[("7".to_owned(), f32_bytes(values))], 4);
        pickle.text(&name).global("torch._utils", "_rebuild_tensor_v2").raw(b"(");
        pickle.global("torch.storage", "_load_from_bytes").bytes(&inner[..inner.len() - cut]).raw(b"\x85R");
        pickle.raw(b"K\x00").sizes(shape).sizes(&strides(shape)).raw(b"\x89}tR");
    }
}

#[test]
fn a_file_within_the_file_is_read_in_so_many_places_and_no_more() {
    let repeated = |times: usize| {
        let mut pickle = Pickle::new(3);
        let storage = Pickle::new(2).storage(&flat(&state_dict()).tensors[0].1).done();
        let inner = legacy(&storage, &[("0".to_owned(), flat(&state_dict()).storage)], 4);
        pickle.raw(b"}(").text("again").raw(b"](").global("torch._utils", "_rebuild_tensor_v2").raw(b"(");
        pickle
            .global("torch.storage", "_load_from_bytes")
            .bytes(&inner)
            .raw(b"\x85RK\x00K\x01\x85K\x01\x85\x89}tR");
        pickle.raw(b"q\x01").raw(&b"h\x01".repeat(times - 1)).raw(b"e").text("model").raw(b"}(");
        with_storages_inside(&mut pickle, 0);
        pickle.raw(b"uu").done()
    };
    let tensors = state_dict().len();
    taken(&repeated((1 << 16) - tensors), None);
    refused(&repeated((1 << 16) - tensors + 1), None, &["save it with that"]);
}

#[test]
fn so_many_tensors_are_looked_at_and_no_more() {
    let before = |times: usize| {
        file(|pickle, flat| {
            pickle.raw(b"}(").text("again").raw(b"](").tensor(&flat.tensors[0].1, None).raw(b"q\x01");
            pickle.raw(&b"h\x01".repeat(times - 1)).raw(b"e").text("model");
            flat.write(pickle, "");
            pickle.raw(b"u");
        })
    };
    let tensors = state_dict().len();
    taken(&before((1 << 18) - tensors), None);
    refused(&before((1 << 18) - tensors + 1), None, &["is missing", "41 of the network's 42"]);
}

/// Values in Fortran's order.
fn transposed(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let strides = strides(shape);
    let mut turned = Vec::new();
    let mut index = vec![0; shape.len()];
    for _ in values {
        turned.push(values[index.iter().zip(&strides).map(|(at, stride)| at * stride).sum::<usize>()]);
        for axis in 0..shape.len() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    turned
}

#[test]
fn big_endian_archives_are_read() {
    let flat = flat(&state_dict());
    let mut pickle = Pickle::new(2);
    flat.write(&mut pickle, "");
    let swapped: Vec<u8> =
        flat.storage.as_chunks::<4>().0.iter().flat_map(|&[a, b, c, d]| [d, c, b, a]).collect();
    let mut entries = archive("model", &pickle.done(), &[("0".to_owned(), swapped)]);
    entries[1].1 = b"big".to_vec();
    taken(&zip(&entries, Packing::default()), None);
}

/// What is changed in a byte, in turn.
const BITS: [u8; 5] = [0x01, 0x80, 0xff, 0x10, 0x04];

#[test]
fn no_file_that_is_cut_off_or_changed_in_a_byte_panics_or_is_taken_for_another() {
    let whole = plain();
    assert!(whole.len() < 16 << 10, "{} bytes", whole.len());
    for length in 0..whole.len() {
        refused(&whole[..length], None, &[]);
    }
    let (mut taken_all_the_same, mut changed) = (0, whole.clone());
    let expected = bits(&model());
    for at in 0..whole.len() {
        changed[at] ^= BITS[at % BITS.len()];
        if let Ok(loaded) = decode(&changed, None) {
            // A byte that nothing depends on: padding, a date, the version.
            assert!(bits(&loaded.model) == expected, "byte {at}");
            taken_all_the_same += 1;
        }
        changed[at] = whole[at];
    }
    // The pickle alone, of which every byte counts, is most of the file.
    assert!(taken_all_the_same < whole.len() / 4, "{taken_all_the_same} of {}", whole.len());
}

#[test]
fn no_legacy_file_that_is_cut_off_or_changed_in_a_byte_panics() {
    let flat = flat(&state_dict());
    let mut pickle = Pickle::new(2);
    flat.write(&mut pickle, "");
    let whole = legacy(&pickle.done(), &[("0".to_owned(), flat.storage)], 4);
    for length in 0..whole.len() {
        assert!(decode(&whole[..length], None).is_err(), "{length} bytes");
    }
    let mut changed = whole.clone();
    for at in 0..whole.len() {
        changed[at] ^= BITS[at % BITS.len()];
        drop(decode(&changed, None)); // No checksum: another number may be one too.
        changed[at] = whole[at];
    }
}

#[test]
fn a_view_that_stands_for_more_than_the_file_holds_is_refused() {
    // One element repeated in every place of a wide network: a few kilobytes that ask for megabytes.
    let wide = |channels: usize, hidden: usize| {
        file(|pickle, flat| {
            pickle.global("collections", "OrderedDict").raw(b")R(");
            for (name, tensor) in &flat.tensors {
                let last = tensor.shape.len() - 1;
                let shape =
                    tensor.shape.iter().enumerate().map(|(axis, &size)| match (name.as_str(), axis) {
                        ("out_num.0.weight" | "out_sum.0.weight", 1) => hidden,
                        ("fc2.0.weight", 1) => 10 + channels,
                        _ if name.starts_with("fc2.") && axis == 0 => hidden,
                        ("conv1.0.weight", 1) => 1,
                        (_, axis) if axis < 2 && !name.starts_with("out_") => channels,
                        _ => size,
                    });
                let shape: Vec<usize> = shape.collect();
                let stride = vec![0; last + 1];
                pickle.text(name).tensor(&Strided { shape, stride, offset: 0, ..tensor.clone() }, None);
            }
            pickle.raw(b"u");
        })
    };
    assert!(decode(&wide(8, 64), None).is_ok());
    refused(&wide(400, 64), None, &["values, which the file's", "cannot hold"]);
}
