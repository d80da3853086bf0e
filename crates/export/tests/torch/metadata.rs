//! Safetensors files: ours for PyTorch, those of before, and those of others.

use std::path::Path;

use adder_export::{FileProblem, torch, weights_file};
use adder_model::tensor_file::Metadata;
use candle_core::Device;
use safetensors::SafeTensors;

use crate::common::{bits, decode, model, refused, safetensors, state_dict, taken};

#[test]
fn through_pytorchs_names_and_back_nothing_changes() {
    let model = model();
    let facts = Metadata::from([("epochs".into(), "15".into())]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("torch.safetensors");
    std::fs::write(&path, torch::to_safetensors(&model, &facts).unwrap()).unwrap();
    let back = weights_file::load(&path, None, &Device::Cpu).unwrap();
    assert!(back.facts == facts && back.notes.is_empty(), "{back:?}");
    let own = model.to_safetensors(&facts).unwrap();
    assert_eq!(back.model.to_safetensors(&back.facts).unwrap(), own);
    // A weights file of our own goes the same way, and has no notes.
    let again = decode(&own, None).unwrap();
    assert!(bits(&again.model) == bits(&model) && again.notes.is_empty());
    let problem = refused(&own, Some("model"), &["--key model", "expected none"]);
    assert!(matches!(problem, FileProblem::NoKey(_)));
}

#[test]
fn an_export_says_what_others_ask_for_and_the_rest_under_names_of_our_own() {
    let facts = Metadata::from([("epochs".into(), "15".into())]);
    let bytes = torch::to_safetensors(&model(), &facts).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    assert_eq!(metadata["format"], "pt");
    assert_eq!(metadata["identity-adder.epochs"], "15");
    assert!(metadata["identity-adder.model"].contains("\"channels\":[1,2,1,2,1,2]"));
    assert_eq!(metadata.len(), 3);
}

#[test]
fn equal_networks_are_equal_files() {
    let facts: Metadata = (0..20).map(|fact| (format!("fact{fact}"), fact.to_string())).collect();
    let bytes = || torch::to_safetensors(&model(), &facts).unwrap();
    assert!(bytes() == bytes());
}

#[test]
fn exports_of_before_are_read() {
    let json = serde_json::to_string(model().config()).unwrap();
    let mut state = state_dict();
    state.insert("conv1.2.num_batches_tracked".into(), (vec![], vec![0.0]));
    let marks =
        [("model", json.as_str()), ("epochs", "15"), ("format", "identity-adder"), ("format_version", "1")];
    for marks in [&marks[..2], &marks] {
        let loaded = decode(&safetensors(&state, marks), None).unwrap();
        assert_eq!(loaded.facts, Metadata::from([("epochs".into(), "15".into())]));
        assert!(bits(&loaded.model) == bits(&model()) && loaded.notes.is_empty());
    }
}

#[test]
fn metadata_of_others_may_be_any_text() {
    for metadata in [
        &[][..],
        &[("format", "pt"), ("model", "resnet"), ("note", "\u{fc}n\u{ef}code")],
        &[("format_version", "9"), ("model", "{\"channels\": 3}")],
        &[("format", "")],
    ] {
        let said = taken(&safetensors(&state_dict(), metadata), None);
        assert!(said.starts_with("the widths are those of the tensors"), "{said}");
        assert!(decode(&safetensors(&state_dict(), metadata), None).unwrap().facts.is_empty());
    }
    // Without metadata, and with null in their place.
    let bytes = safetensors(&state_dict(), &[]);
    let (head, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(head.try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&rest[..length]).unwrap();
    for place in ["", "\"__metadata__\":null,"] {
        let changed = header.replacen("\"__metadata__\":{},", place, 1);
        assert_ne!(changed, header);
        taken(
            &[&(changed.len() as u64).to_le_bytes()[..], changed.as_bytes(), &rest[length..]].concat(),
            None,
        );
    }
    // Ours that can't be is not taken for another's.
    let file = safetensors(&state_dict(), &[("identity-adder.model", "{")]);
    refused(&file, None, &["metadata `model`"]);
}

#[test]
fn names_of_ours_and_prefixes_are_found_there_too() {
    let model = model();
    let own = model.to_safetensors(&Metadata::new()).unwrap();
    let file = SafeTensors::deserialize(&own).unwrap();
    // Loaded and saved by another program, which drops our marks.
    let bytes = ::safetensors::serialize(file.iter(), None).unwrap();
    taken(&bytes, None);
    let prefixed =
        state_dict().into_iter().map(|(name, tensor)| (format!("module.{name}"), tensor)).collect();
    assert!(taken(&safetensors(&prefixed, &[]), None).starts_with("removed the prefix `module.`"));
}

#[test]
fn other_files_and_no_files_are_named() {
    for (bytes, words) in [
        (&b""[..], "an empty file"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\x08\0\0\0\0\0\0\0{......}", "not a safetensors file"),
        (b"\xff\xff\0\0\0\0\0\0{}", "not a safetensors file"),
        (b"PK\x03\x04", "cut off"),
    ] {
        refused(bytes, None, &[words]);
    }
    let problem = |path: &Path| weights_file::load(path, None, &Device::Cpu).unwrap_err().to_string();
    assert!(problem(Path::new("nowhere.pth")).starts_with("nowhere.pth: cannot be read: "));
    assert!(problem(Path::new(".")).contains("a folder without config.toml or weights"));
}
