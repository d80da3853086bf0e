//! What people have in place of one whole file of weights: shards, checkpoints of other kinds, renamed and quantized tensors.

use std::path::{Path, PathBuf};

use adder_export::{FileProblem, weights_file};
use candle_core::Device;

use crate::common::{StateDict, bits, file, flat, model, plain, refused, safetensors, state_dict, taken};
use crate::writer::{Packing, Pickle, archive, zip};

/// A folder of shards and its index, as Hugging Face's programs save them.
struct Shards {
    folder: tempfile::TempDir,
    names: [&'static str; 2],
    parts: [StateDict; 2],
}

const INDEX: &str = "model.safetensors.index.json";

impl Shards {
    fn new() -> Self {
        let mut first = state_dict();
        let second = first.split_off("fc1");
        let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        let shards = Self { folder: tempfile::tempdir().unwrap(), names, parts: [first, second] };
        for (name, part) in shards.names.iter().zip(&shards.parts) {
            std::fs::write(shards.path(name), safetensors(part, &[("format", "pt")])).unwrap();
        }
        shards.index(|_| ());
        shards
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the index; `change` may change the places of tensors.
    fn index(&self, change: impl FnOnce(&mut Vec<(String, String)>)) {
        let mut places = Vec::new();
        for (name, part) in self.names.iter().zip(&self.parts) {
            places.extend(part.keys().map(|tensor| (tensor.clone(), (*name).to_owned())));
        }
        change(&mut places);
        let places: Vec<String> =
            places.iter().map(|(tensor, shard)| format!("\"{tensor}\": \"{shard}\"")).collect();
        let text = format!(
            "{{\n  \"metadata\": {{\"total_size\": 1}},\n  \"weight_map\": {{{}}}\n}}",
            places.join(",")
        );
        std::fs::write(self.path(INDEX), text).unwrap();
    }
}

fn problem(path: &Path) -> String {
    weights_file::load(path, None, &Device::Cpu).expect_err("it should be refused").to_string()
}

#[track_caller]
fn says(path: &Path, words: &[&str]) {
    let said = problem(path);
    for word in words {
        assert!(said.contains(word), "should say `{word}`: {said}");
    }
}

#[test]
fn shards_are_put_together_by_their_index_or_its_folder() {
    let shards = Shards::new();
    for path in [shards.folder.path().to_owned(), shards.path(INDEX)] {
        let loaded = weights_file::load(&path, None, &Device::Cpu).unwrap();
        assert!(bits(&loaded.model) == bits(&model()), "other values");
        assert_eq!(loaded.notes[0], "put 2 shards together");
        assert_eq!(loaded.path, shards.path(INDEX));
    }
    let number = shards.parts.iter().map(|part| part.len()).sum::<usize>();
    let words =
        format!("shard 2 of 2: the index names {number} tensors, this file has {}", shards.parts[1].len());
    says(&shards.path(shards.names[1]), &[&words, INDEX, "or its folder"]);
    std::fs::remove_file(shards.path(INDEX)).unwrap();
    says(&shards.path(shards.names[0]), &["shard 1 of 2", "no index", INDEX]);
}

/// The names of tensors, each with that of its shard.
type Places = Vec<(String, String)>;

#[test]
fn an_index_that_does_not_fit_its_shards_is_refused() {
    let shards = Shards::new();
    let wrong = |change: &dyn Fn(&mut Places), words: &[&str]| {
        shards.index(change);
        says(&shards.path(INDEX), words);
    };
    wrong(&|places| places[0].1 = shards.names[1].into(), &["`conv1.0.weight` should not be, and is, in"]);
    wrong(&|places| drop(places.remove(0)), &["`conv1.0.weight` should not be, and is, in"]);
    wrong(
        &|places| places.push(("more".into(), shards.names[1].into())),
        &["`more` should be, and is not, in model-00002"],
    );
    wrong(&|places| places.push(places[0].clone()), &["stands there twice"]);
    wrong(&|places| places[0].1 = "../x.safetensors".into(), &["expected names of files beside it", "../x"]);
    wrong(&|places| places[0].1 = "absent.safetensors".into(), &["absent.safetensors: cannot be read"]);
    shards.index(|_| ());
    let shard = shards.path(shards.names[0]);
    let whole = std::fs::read(&shard).unwrap();
    std::fs::write(&shard, &whole[..whole.len() - 1]).unwrap();
    says(&shards.path(INDEX), &["model-00001-of-00002.safetensors: ", "cut off"]);
    // Without the shards beside it an index is of no use.
    refused(&std::fs::read(shards.path(INDEX)).unwrap(), None, &["the index of shards without them"]);
}

#[test]
fn a_folder_stands_for_its_whole_network_or_names_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    says(path, &["an empty folder", "name a run directory or a file of weights"]);
    std::fs::write(path.join("notes.txt"), "no weights").unwrap();
    says(path, &["a folder without config.toml or weights, but with notes.txt"]);
    std::fs::create_dir(path.join("run")).unwrap();
    std::fs::write(path.join("run/config.toml"), "").unwrap();
    says(path, &["a folder of runs", &path.join("run").display().to_string()]);
    std::fs::write(path.join("a.pth"), plain()).unwrap();
    says(path, &["name the file in it", &path.join("a.pth").display().to_string()]);
    std::fs::write(path.join("b.ckpt"), plain()).unwrap();
    says(path, &["name one of them", "a.pth", "b.ckpt"]);
    std::fs::write(path.join("model.safetensors"), safetensors(&state_dict(), &[])).unwrap();
    let loaded = weights_file::load(path, None, &Device::Cpu).unwrap();
    assert_eq!(loaded.path, path.join("model.safetensors"));

    let pickles = tempfile::tempdir().unwrap();
    let shard = pickles.path().join("pytorch_model-00001-of-00002.bin");
    std::fs::write(
        &shard,
        file(|pickle, _| {
            pickle.raw(b"}");
        }),
    )
    .unwrap();
    std::fs::write(pickles.path().join("pytorch_model.bin.index.json"), "{\"weight_map\": {}}").unwrap();
    for path in [pickles.path(), &shard] {
        says(path, &["of a network that torch.save wrote", "torch.load(shard)"]);
    }
}

#[test]
fn parts_of_a_distributed_checkpoint_are_named_with_the_command_that_makes_one_file() {
    let command = "python -m torch.distributed.checkpoint.format_utils dcp_to_torch";
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("it's here");
    std::fs::create_dir(&here).unwrap();
    let one = |name: &str| {
        let pickle = Pickle::new(2).raw(b"K\x05").done();
        zip(&archive(name, &pickle, &[]), Packing::default())
    };
    let shard = here.join("__0_0.distcp");
    // One archive behind the other, and a single one.
    for bytes in [[one("archive"), one("archive"), one("archive")].concat(), one("archive")] {
        std::fs::write(&shard, &bytes).unwrap();
        let quoted = format!("{command} '{}' model.pth", here.display().to_string().replace('\'', "'\\''"));
        says(&shard, &["a shard of a distributed checkpoint", &quoted]);
    }
    let renamed = folder.path().join("renamed.pth");
    std::fs::write(&renamed, [one("archive"), one("archive")].concat()).unwrap();
    says(
        &renamed,
        &["a shard of a distributed checkpoint", &format!("{command} {}", folder.path().display())],
    );

    let mut index = Pickle::new(4);
    index.global("torch.distributed.checkpoint.metadata", "Metadata").raw(b")\x81}b");
    std::fs::write(here.join(".metadata"), index.done()).unwrap();
    says(&here.join(".metadata"), &["the index of a distributed checkpoint", command]);
    says(&here, &["a folder of a distributed checkpoint", command]);
}

#[test]
fn a_renamed_tensor_is_shown_beside_the_name_that_was_expected() {
    let renamed = |pairs: &[(&str, &str)]| {
        let mut state = state_dict();
        for (from, to) in pairs {
            let tensor = state.remove(*from).unwrap();
            state.insert((*to).into(), tensor);
        }
        safetensors(&state, &[])
    };
    let words = [
        "tensor `out_num.0.weight` is missing",
        "its shape [10, 3] has `digit_head.weight`",
        "was it renamed?",
    ];
    refused(&renamed(&[("out_num.0.weight", "digit_head.weight")]), None, &words);
    let two = [("fc1.1.bias", "x.bias"), ("fc1.1.weight", "x.weight")];
    refused(&renamed(&two), None, &["`fc1.1.weight` is missing", "have `x.bias`, `x.weight`"]);
    let mut other = state_dict();
    other.remove("out_num.0.weight");
    other.insert("x".into(), (vec![1], vec![0.0]));
    refused(&safetensors(&other, &[]), None, &["41 of the network's 42", "and 1 that it does not know: `x`"]);
}

#[test]
fn what_was_done_to_layers_is_named_with_what_undoes_it() {
    let changed = |remove: &[&str], add: &[&str]| {
        let mut state = state_dict();
        let tensor = state["fc1.0.weight"].clone();
        for name in remove {
            state.remove(*name).unwrap();
        }
        state.extend(add.iter().map(|name| ((*name).to_owned(), tensor.clone())));
        safetensors(&state, &[])
    };
    let says = |remove: &[&str], add: &[&str], words: &[&str]| {
        let problem = refused(&changed(remove, add), None, words).to_string();
        assert!(!problem.contains("renamed"), "{problem}");
    };
    let weight = ["fc1.0.weight"];
    says(
        &weight,
        &["fc1.0.parametrizations.weight.original0", "fc1.0.parametrizations.weight.original1"],
        &["`fc1.0.weight` is missing", "remove_parametrizations(model.get_submodule(\"fc1.0\"), \"weight\")"],
    );
    says(&weight, &["fc1.0.weight_g", "fc1.0.weight_v"], &["torch.nn.utils.remove_weight_norm("]);
    says(
        &weight,
        &["fc1.0.weight_orig", "fc1.0.weight_u", "fc1.0.weight_v"],
        &["torch.nn.utils.remove_spectral_norm("],
    );
    says(&weight, &["fc1.0.weight_mask", "fc1.0.weight_orig"], &["torch.nn.utils.prune.remove("]);
    let adapter = ["fc1.0.lora_A.default.weight", "fc1.0.lora_B.default.weight"];
    says(&weight, &["fc1.0.base_layer.weight", adapter[0], adapter[1]], &["merge_and_unload()"]);
    // Beside the whole network, and alone behind a prefix.
    says(&[], &adapter, &["`fc1.0.lora_A.default.weight` is unknown", "merge_and_unload()"]);
    let mut alone = state_dict();
    let tensor = alone.remove("fc1.0.weight").unwrap();
    alone.clear();
    alone.insert(format!("base_model.model.{}", adapter[0]), tensor);
    refused(&safetensors(&alone, &[]), None, &["no tensors of the network", "merge_and_unload()"]);
    says(&weight, &["fc1.0.scale", "fc1.0.zero_point"], &["the network is quantized"]);
    let norm = ["conv1.2.weight", "conv1.2.bias", "conv1.2.running_mean", "conv1.2.running_var"];
    says(&norm, &["conv1.0.bias"], &["norms were fused", "`conv1.0.bias`", "before that"]);
}

#[test]
fn other_pickles_are_said_to_be_no_file_of_pytorch() {
    let mut joblib = Pickle::new(4);
    joblib.global("joblib.numpy_pickle", "NumpyArrayWrapper");
    let joblib = [&joblib.done()[..14], b"joblib.numpy_pickle\x05\xff\xff\xff"].concat();
    refused(&joblib, None, &["found a file of joblib", "torch.save(model.state_dict()"]);
    let other = b"\x80\x04\x05 something else".to_vec();
    refused(
        &other,
        None,
        &["a pickle that torch.save did not write", "byte 3", "torch.save(model.state_dict()"],
    );
}

#[test]
fn an_unpacked_file_is_to_be_packed_again() {
    let folder = tempfile::tempdir().unwrap();
    let parts = folder.path().join("my model");
    std::fs::create_dir_all(parts.join("data")).unwrap();
    std::fs::write(parts.join("data.pkl"), b"\x80\x02}.").unwrap();
    std::fs::write(parts.join("version"), "3\n").unwrap();
    for path in [parts.clone(), parts.join("data.pkl")] {
        let pack = format!("zip -r model.pth '{}'", parts.display());
        says(&path, &["the parts of a PyTorch file, which was unpacked", &pack]);
    }
}

#[test]
fn a_quantized_network_is_told_to_be_saved_as_it_was() {
    let flat = flat(&state_dict());
    let mut pickle = Pickle::new(2);
    pickle.raw(b"}(");
    for (name, tensor) in &flat.tensors {
        pickle.text(name);
        match name.as_str() {
            "out_num.0.weight" => pickle.global("torch._utils", "_rebuild_qtensor").raw(b")R"),
            _ => pickle.tensor(tensor, None),
        };
    }
    pickle.raw(b"u");
    let words = ["`out_num.0.weight`: expected F32 [10, 3], found a quantized tensor", "`dequantize()`"];
    refused(&flat.file(&pickle), None, &words);
    // Layers of a quantized module have their weights packed in one object.
    let packed = file(|pickle, flat| {
        pickle.raw(b"}(").text("fc1.0.scale").tensor(&flat.tensors[0].1, None);
        pickle.text("fc1.0._packed_params").raw(b")u");
    });
    refused(&packed, None, &["no tensors of the network", "`dequantize()`"]);
}

#[test]
fn no_tensors_and_empty_keys_are_said_in_words() {
    let empty = [&2u64.to_le_bytes()[..], b"{}"].concat();
    refused(&empty, None, &["found none at all: the header names no tensor"]);
    let said = taken(
        &file(|pickle, flat| {
            pickle.raw(b"}(").text("");
            flat.write(pickle, "");
            pickle.raw(b"u");
        }),
        None,
    );
    assert!(said.starts_with("took `''`"), "{said}");
}

#[test]
fn a_name_that_stands_in_a_header_twice_is_refused() {
    let whole = safetensors(&state_dict(), &[]);
    let (head, rest) = whole.split_at(8);
    let length = u64::from_le_bytes(head.try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&rest[..length]).unwrap().trim_end();
    let at = header.find("\"conv1.0.weight\":").unwrap();
    let entry = &header[at..=at + header[at..].find('}').unwrap()];
    let twice = format!("{{{entry},{}", &header[1..]);
    let file = [&(twice.len() as u64).to_le_bytes(), twice.as_bytes(), &rest[length..]].concat();
    let problem = refused(&file, None, &["`conv1.0.weight` stands there twice"]);
    assert!(matches!(problem, FileProblem::Tensor { .. }));
}
