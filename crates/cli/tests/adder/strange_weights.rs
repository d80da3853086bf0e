//! What people name in place of a file of weights: every command says the same words, and takes what can be taken.

use std::process::Output;

use assert_cmd::Command;

use crate::common::{Workplace, bytes};
use crate::import::{Tensors, state_dict};

/// A safetensors file of these tensors, as PyTorch's users write it.
fn safetensors(tensors: &[(String, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let (mut entries, mut values) = (Vec::new(), Vec::new());
    for (name, shape, content) in tensors {
        let (start, end) = (values.len(), values.len() + content.len());
        entries.push(format!(
            "\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{start},{end}]}}"
        ));
        values.extend_from_slice(content);
    }
    let header = format!("{{{}}}", entries.join(","));
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &values].concat()
}

const SHARDS: [&str; 2] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];

/// A folder `hf` with the network in two shards.
fn shards(place: &Workplace, tensors: &Tensors) {
    let (first, second) = tensors.split_at(20);
    let mut places = Vec::new();
    for (name, part) in SHARDS.iter().zip([first, second]) {
        place.write(&format!("hf/{name}"), safetensors(part));
        places.extend(part.iter().map(|(tensor, ..)| format!("\"{tensor}\": \"{name}\"")));
    }
    place.write("hf/model.safetensors.index.json", format!("{{\"weight_map\": {{{}}}}}", places.join(", ")));
}

/// Every command that takes weights, given `weights`.
fn commands(weights: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["import", weights, "--out", "out.safetensors"],
        vec!["eval", weights, "--limit", "20"],
        vec!["summary", weights],
        vec!["export", weights, "--format", "onnx", "--out", "out.safetensors"],
        vec!["predict", "one.png", "--add", "1", "--weights", weights],
        vec!["serve", weights, "--addr", "127.0.0.1:0"],
    ]
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every command refuses `weights` with the same message, which says these words.
#[track_caller]
fn refused(place: &Workplace, weights: &str, words: &[&str]) {
    let mut first = None;
    for args in commands(weights) {
        let output = place.adder(&args);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(output.stdout.is_empty() && !place.path("out.safetensors").exists(), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?} should say `{word}`: {said}");
        }
        assert_eq!(first.get_or_insert(said.clone()), &said, "{args:?}");
    }
}

fn picture(place: &Workplace) {
    let mut stroke = image::GrayImage::from_pixel(28, 28, image::Luma([0]));
    (5..23).for_each(|y| stroke.put_pixel(14, y, image::Luma([255])));
    stroke.save(place.path("one.png")).unwrap();
}

#[test]
fn every_command_says_the_same_of_what_is_no_file_of_weights() {
    let place = Workplace::new();
    picture(&place);
    let tensors = state_dict(&place);
    shards(&place, &tensors);
    let words =
        ["shard 2 of 2: the index names 42 tensors, this file has 22", "model.safetensors.index.json"];
    refused(&place, &format!("hf/{}", SHARDS[1]), &words);
    place.write("one/a.pth", "");
    refused(&place, "one", &["a folder that is no run", "name the file in it: one/a.pth"]);
    place.write("dcp/.metadata", b"\x80\x04}.");
    place.write("dcp/__0_0.distcp", b"PK\x03\x04");
    refused(&place, "dcp", &["a folder of a distributed checkpoint", "dcp_to_torch dcp model.pth"]);
    refused(
        &place,
        "dcp/__0_0.distcp",
        &["a shard of a distributed checkpoint", "dcp_to_torch dcp model.pth"],
    );
    place.write("table.csv", "label,pixel\n3,0\n");
    refused(&place, "table.csv", &["a table as text", "name the file of the network"]);
    place.write("page.pth", "<!-- saved from url=(0014)about:internet -->\n<html></html>");
    refused(&place, "page.pth", &["an HTML page", "download the file itself"]);
    let whole = safetensors(&tensors);
    place.write("cut.safetensors", &whole[..whole.len() - 100]);
    refused(&place, "cut.safetensors", &["cut off: its header promises", "are there; get the file again"]);
    place.write("short.safetensors", &whole[..100]);
    refused(&place, "short.safetensors", &["cut off: its header has", "92 are there"]);
    let mut twice = tensors[..1].to_vec();
    twice.push(twice[0].clone());
    place.write("twice.safetensors", safetensors(&twice));
    refused(&place, "twice.safetensors", &["`conv1.0.weight` stands there twice"]);
    place.write("none.safetensors", safetensors(&[]));
    refused(&place, "none.safetensors", &["found none at all"]);
}

#[test]
fn shards_folders_and_runs_are_taken_by_every_command() {
    let place = Workplace::new();
    picture(&place);
    let tensors = state_dict(&place);
    shards(&place, &tensors);
    place.write("whole/model.safetensors", safetensors(&tensors));
    place.write("whole/config.json", "{}");
    let eval = |weights: &str| place.done(&["eval", weights, "--limit", "300", "--json"]);
    let expected = eval("pretrained");
    for weights in ["hf", "hf/model.safetensors.index.json", "whole"] {
        assert_eq!(eval(weights), expected, "{weights}");
        place.done(&["predict", "one.png", "--add", "1", "--raw", "--weights", weights]);
        place.done(&["import", weights, "--out", "i.safetensors"]);
        assert_eq!(eval("i.safetensors"), expected, "{weights}");
        std::fs::remove_file(place.path("i.safetensors")).unwrap();
    }
    let told = said(&place.adder(&["eval", "hf", "--limit", "20"]));
    assert!(told.contains("note: put 2 shards together"), "{told}");
    assert!(told.contains("weights: hf/model.safetensors.index.json"), "{told}");

    place.train("run", &["--no-report"]);
    place.done(&["import", "run", "--out", "run.safetensors"]);
    assert_eq!(bytes(&place.path("run.safetensors")), bytes(&place.path("run/last/model.safetensors")));
    let output = place.adder(&["import", "run", "--key", "ema", "--out", "o.safetensors"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    place.write("place/run/config.toml", "");
    refused(&place, "place", &["a folder of runs; name one of them: place/run"]);
}

#[test]
fn weights_come_from_standard_input_where_a_dash_is_given() {
    let place = Workplace::new();
    picture(&place);
    let file = safetensors(&state_dict(&place));
    let piped = |args: &[&str], input: &[u8]| {
        let mut command = Command::cargo_bin("adder").unwrap();
        command.current_dir(place.path(".")).args(args).write_stdin(input).output().unwrap()
    };
    let eval = piped(&["eval", "-", "--limit", "300", "--json"], &file);
    assert!(eval.status.success(), "{}", said(&eval));
    let expected = place.done(&["eval", "pretrained", "--limit", "300", "--json"]);
    assert_eq!(String::from_utf8(eval.stdout).unwrap(), expected);
    assert!(piped(&["import", "-", "--out", "o.safetensors"], &file).status.success());
    assert!(piped(&["predict", "one.png", "--add", "1", "--raw", "--weights", "-"], &file).status.success());
    let empty = piped(&["import", "-", "--out", "e.safetensors"], b"");
    assert_eq!(empty.status.code(), Some(1));
    assert!(said(&empty).contains("standard input: expected a file of weights"), "{}", said(&empty));
    let both = piped(&["predict", "-", "--add", "1", "--weights", "-"], &file);
    assert_eq!(both.status.code(), Some(2));
    assert!(said(&both).contains("`-` may be given once"), "{}", said(&both));
}
