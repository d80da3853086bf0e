//! PyTorch's files in every command that takes weights: the same answers as the network that is in them, or words.

use std::path::Path;

use serde_json::Value;

use crate::common::{Workplace, bytes, json};

#[path = "../../../export/tests/torch/writer.rs"]
mod writer;

use writer::{Packing, Pickle, Strided, archive, legacy, zip};

/// Shape and bytes of a tensor, by its name.
pub(crate) type Tensors = Vec<(String, Vec<usize>, Vec<u8>)>;

/// The built-in network under the notebook's names.
pub(crate) fn state_dict(place: &Workplace) -> Tensors {
    let out = "torch.safetensors";
    place.done(&["export", "pretrained", "--format", "torch-safetensors", "--out", out]);
    let file = bytes(&place.path(out));
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header = json(std::str::from_utf8(&file[8..8 + length]).unwrap());
    let numbers = |list: &Value| -> Vec<usize> {
        list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
    };
    let floats = header.as_object().unwrap().iter().filter(|(_, info)| info["dtype"] == "F32");
    let tensors = floats.map(|(name, info)| {
        let offsets = numbers(&info["data_offsets"]);
        (name.clone(), numbers(&info["shape"]), file[8 + length..][offsets[0]..offsets[1]].to_vec())
    });
    tensors.collect()
}

/// What `write` makes around the state_dict, as a pickle and its storages.
fn pickled(
    tensors: &Tensors,
    write: impl Fn(&mut Pickle, &dyn Fn(&mut Pickle, &str)),
) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    let mut pickle = Pickle::new(2);
    let dict = |pickle: &mut Pickle, prefix: &str| {
        pickle.raw(b"}(");
        for (number, (name, shape, values)) in tensors.iter().enumerate() {
            let stride = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
            let (key, count) = (number.to_string(), values.len() / 4);
            let tensor =
                Strided { key, class: "FloatStorage", count, offset: 0, shape: shape.clone(), stride };
            pickle.text(&format!("{prefix}{name}")).tensor(&tensor, None);
        }
        pickle.raw(b"u");
    };
    write(&mut pickle, &dict);
    let storages = tensors.iter().enumerate().map(|(number, tensor)| (number.to_string(), tensor.2.clone()));
    (pickle.done(), storages.collect())
}

/// A checkpoint as training loops save it.
fn checkpoint(tensors: &Tensors) -> Vec<u8> {
    let (pickle, storages) = pickled(tensors, |pickle, dict| {
        pickle.raw(b"}(").text("epoch").raw(b"K\x05").text("model_state_dict");
        dict(pickle, "module.");
        pickle.raw(b"u");
    });
    zip(&archive("checkpoint", &pickle, &storages), Packing::default())
}

#[test]
fn every_command_takes_a_checkpoint_and_says_what_it_took() {
    let place = Workplace::new();
    place.write("checkpoint.pth", checkpoint(&state_dict(&place)));
    let note = "note: took `model_state_dict`; removed the prefix `module.`";
    let said = |args: &[&str]| {
        let output = place.adder(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let errors = String::from_utf8(output.stderr).unwrap();
        (String::from_utf8(output.stdout).unwrap(), errors)
    };
    let same = |args: &dyn Fn(&str) -> Vec<String>| {
        let [of_file, of_program] = ["checkpoint.pth", "pretrained"].map(|weights| {
            let args = args(weights);
            said(&args.iter().map(String::as_str).collect::<Vec<_>>())
        });
        assert_eq!(of_file.0, of_program.0);
        assert!(of_file.1.lines().any(|line| line == note), "{}", of_file.1);
        assert!(!of_program.1.contains("note"), "{}", of_program.1);
    };
    let words = |text: String| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    same(&|weights| words(format!("eval {weights} --limit 300 --json")));
    let mut stroke = image::GrayImage::from_pixel(28, 28, image::Luma([0]));
    (5..23).for_each(|y| stroke.put_pixel(14, y, image::Luma([255])));
    stroke.save(place.path("one.png")).unwrap();
    same(&|weights| words(format!("predict one.png --raw --add 3 --json --weights {weights}")));
    let [of_file, of_program] = ["checkpoint.pth", "pretrained"].map(|weights| {
        place.done(&["export", weights, "--format", "torch-safetensors", "--out", "again.safetensors"]);
        place.done(&["import", "again.safetensors", "--out", "again.safetensors"]);
        place.done(&["eval", "again.safetensors", "--limit", "300", "--json"])
    });
    assert_eq!(of_file, of_program);
    let (table, errors) = said(&["summary", "checkpoint.pth"]);
    assert!(table.contains("13,136") && errors.contains(note), "{table}{errors}");
    for args in [
        &["eval", "checkpoint.pth", "--limit", "20", "--quiet"][..],
        &["import", "checkpoint.pth", "--out", "o.safetensors", "-q"],
    ] {
        assert_eq!(said(args).1, "", "{args:?}");
    }
    // What was imported is a weights file like any other: no note is left to be said.
    let (_, errors) = said(&["eval", "o.safetensors", "--limit", "20"]);
    assert!(!errors.contains("note"), "{errors}");
}

#[test]
fn a_files_ending_says_nothing() {
    let place = Workplace::new();
    let tensors = state_dict(&place);
    let (pickle, storages) = pickled(&tensors, |pickle, dict| dict(pickle, ""));
    place.write("a.safetensors", zip(&archive("a", &pickle, &storages), Packing::default()));
    place.write("b.bin", legacy(&pickle, &storages, 4));
    std::fs::copy(place.path("torch.safetensors"), place.path("c.PTH")).unwrap();
    for (number, file) in ["a.safetensors", "b.bin", "c.PTH"].into_iter().enumerate() {
        place.done(&["import", file, "--out", &format!("{number}.safetensors")]);
    }
    // The export knows how its network is built and trained; the others hold the notebook's.
    assert_eq!(bytes(&place.path("0.safetensors")), bytes(&place.path("1.safetensors")));
    place.done(&["import", "2.safetensors", "--out", "again.safetensors"]);
    assert_eq!(bytes(&place.path("2.safetensors")), bytes(&place.path("again.safetensors")));
}

#[track_caller]
fn refused(place: &Workplace, args: &[&str], code: i32, words: &[&str]) {
    let output = place.adder(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{args:?} should say `{word}`: {said}");
    }
    assert!(!said.contains("panicked") && output.stdout.is_empty(), "{args:?}: {said}");
    assert!(!Path::new(&place.path("out.safetensors")).exists(), "{args:?} left a file");
}

#[test]
fn of_several_networks_a_key_chooses() {
    let place = Workplace::new();
    let mut tensors = state_dict(&place);
    let (_, _, bias) = tensors.iter_mut().find(|(name, ..)| name == "conv1.2.bias").unwrap();
    let other = bias.clone();
    let (pickle, mut storages) = pickled(&tensors, |pickle, dict| {
        pickle.raw(b"}(").text("state_dict");
        dict(pickle, "net.");
        pickle.text("ema").raw(b"}(");
        for (number, (name, shape, values)) in tensors.iter().enumerate() {
            let stride = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
            let key = if name == "conv1.2.bias" { "other".into() } else { number.to_string() };
            let (shape, count) = (shape.clone(), values.len() / 4);
            pickle
                .text(name)
                .tensor(&Strided { key, class: "FloatStorage", count, offset: 0, shape, stride }, None);
        }
        pickle.raw(b"uu");
    });
    storages.push(("other".into(), other.iter().rev().copied().map(|byte| byte & 0x3f).collect()));
    place.write("two.pth", zip(&archive("two", &pickle, &storages), Packing::default()));
    let import = |more: &[&'static str]| [&["import", "two.pth", "--out", "out.safetensors"], more].concat();
    refused(&place, &import(&[]), 1, &["two.pth: 2 networks", "--key state_dict.net or --key ema"]);
    refused(&place, &["eval", "two.pth"], 1, &["`adder import`", "--key ema"]);
    refused(
        &place,
        &import(&["--key", "optimizer"]),
        2,
        &["--key optimizer", "--key state_dict.net or --key ema"],
    );
    for (key, out) in
        [("state_dict", "a.safetensors"), ("state_dict.net", "b.safetensors"), ("ema", "c.safetensors")]
    {
        place.done(&["import", "two.pth", "--out", out, "--key", key]);
    }
    let [a, b, c] = ["a", "b", "c"].map(|name| bytes(&place.path(&format!("{name}.safetensors"))));
    assert!(a == b && a != c);
    refused(
        &place,
        &["import", "a.safetensors", "--out", "out.safetensors", "--key", "x"],
        2,
        &["--key x", "expected none"],
    );
}

#[test]
fn what_is_none_is_named_in_every_command() {
    let place = Workplace::new();
    let tensors = state_dict(&place);
    let whole = checkpoint(&tensors);
    let mut damaged = whole.clone();
    let weight = &tensors.iter().find(|(name, ..)| name == "fc2.0.weight").unwrap().2;
    let at = whole.windows(weight.len()).position(|bytes| bytes == weight.as_slice()).unwrap();
    damaged[at] ^= 1;
    let mut negative = tensors.clone();
    let (_, _, variance) = negative.iter_mut().find(|(name, ..)| name == "fc1.1.running_var").unwrap();
    variance[4..8].copy_from_slice(&(-1f32).to_le_bytes());
    let files: [(Vec<u8>, &[&str]); 7] = [
        (Vec::new(), &["an empty file"]),
        (b"<html><body>Not found</body></html>".to_vec(), &["an HTML page"]),
        (b"\x89HDF\r\n\x1a\n".to_vec(), &["HDF5", "torch.save(model.state_dict()"]),
        (whole[..whole.len() / 2].to_vec(), &["cut off"]),
        (damaged, &["checksum"]),
        (checkpoint(&negative), &["`fc1.1.running_var`: element 1 is -1, expected a variance of 0 or more"]),
        (
            checkpoint(&tensors[1..].to_vec()),
            &["tensor `conv1.0.weight` is missing", "41 of the network's 42"],
        ),
    ];
    for (number, (content, words)) in files.into_iter().enumerate() {
        let name = format!("file{number}.pth");
        place.write(&name, content);
        let words = [words, &[name.as_str()]].concat();
        refused(&place, &["import", &name, "--out", "out.safetensors"], 1, &words);
        refused(&place, &["eval", &name], 1, &words);
        refused(&place, &["export", &name, "--format", "onnx", "--out", "out.safetensors"], 1, &words);
        refused(&place, &["serve", &name, "--addr", "127.0.0.1:0"], 1, &words);
    }
    // Our own are held to the same.
    let mut own =
        bytes(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../model/assets/pretrained.safetensors")));
    let variance = &tensors.iter().find(|(name, ..)| name == "fc1.1.running_var").unwrap().2;
    let at = own.windows(variance.len()).position(|bytes| bytes == variance.as_slice()).unwrap();
    own[at + 3] |= 0x80;
    place.write("own.safetensors", own);
    refused(&place, &["eval", "own.safetensors"], 1, &["`embedding.norm.running_var`: element 0 is -"]);
}
