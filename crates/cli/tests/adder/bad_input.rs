//! Bad input of every kind: each gives a clear error that names what is wrong, and a non-zero exit code.

use crate::common::{IMAGES, LABELS, TINY, Workplace, bytes, idx};

const FAILED: i32 = 1;
const USAGE: i32 = 2;

#[track_caller]
fn refused(place: &Workplace, args: &[&str], code: i32, words: &[&str]) {
    let output = place.adder(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{args:?} should say `{word}`: {said}");
    }
    assert!(output.stdout.is_empty(), "{args:?} printed a result: {output:?}");
    assert!(!said.contains("panicked"), "{args:?}: {said}");
}

#[test]
fn flags() {
    let place = Workplace::new();
    refused(&place, &["trian"], USAGE, &["trian", "train"]);
    refused(&place, &["train", "--epoch", "3"], USAGE, &["--epoch", "--epochs"]);
    refused(&place, &["train", "--epochs", "many"], USAGE, &["--epochs", "many"]);
    refused(&place, &["train", "--threads", "0"], USAGE, &["--threads"]);
    refused(&place, &["train", "--device", "tpu"], USAGE, &["tpu", "auto, cpu, cuda"]);
    refused(&place, &["train", "--device", "cuda:1"], FAILED, &["--device cuda:1", "without CUDA"]);
    refused(&place, &["train", "--resume", "x", "--seed", "3"], USAGE, &["--resume", "--seed"]);
    refused(&place, &["predict", "a.png", "--add", "10"], USAGE, &["--add", "10"]);
    refused(&place, &["eval", "--split", "train"], USAGE, &["train", "val", "eval"]);
    refused(&place, &["eval", "--tta", "--tta-shift", "5"], USAGE, &["--tta-shift", "0 to 4"]);
    refused(&place, &["eval", "--tta-addends", "asked"], USAGE, &["--tta"]);
    for command in ["eval", "repeat"] {
        let alone = [command, "--tta", "--tta-shift", "0", "--tta-addends", "asked"];
        refused(&place, &alone, USAGE, &["--tta-shift", "1 to 4", "--tta-addends asked", "found 0"]);
    }
    refused(&place, &["eval", "--worst", "3"], USAGE, &["--analysis"]);
}

#[test]
fn configuration() {
    let place = Workplace::new();
    refused(&place, &["train", "--recipe", "notebok"], USAGE, &["notebok", "notebook"]);
    refused(
        &place,
        &["train", "--set", "optimizer.momentun=0.8"],
        USAGE,
        &["optimizer.momentun", "momentum"],
    );
    refused(&place, &["train", "--set", "training.epochs"], USAGE, &["training.epochs", "KEY=VALUE"]);
    refused(
        &place,
        &["train", "--set", "optimizer.learning_rate=fast"],
        USAGE,
        &["learning_rate", "fast", "a number"],
    );
    refused(&place, &["train", "--learning-rate", "-1"], USAGE, &["--learning-rate"]);
    refused(
        &place,
        &["train", "--epochs", "0"],
        USAGE,
        &["'0'", "--epochs", "a whole number from 1 to 1000000"],
    );
    refused(&place, &["train", "--set", "model.channels=[]"], USAGE, &["model.channels", "blocks"]);
    refused(&place, &["train", "--set", "model.dropout=1.5"], USAGE, &["model.dropout", "1.5"]);
    refused(&place, &["train", "--config", "none.toml"], USAGE, &["none.toml"]);
    let file = place.write("half.toml", "[optimizer\nmomentum = 1");
    refused(&place, &["train", "--config", file.to_str().unwrap()], USAGE, &["half.toml"]);
    let file = place.write("odd.toml", "[training]\nepoch = 3\n");
    refused(
        &place,
        &["train", "--config", file.to_str().unwrap()],
        USAGE,
        &["odd.toml", "training.epoch", "epochs"],
    );
    assert!(
        !place.path("runs").exists(),
        "nothing may be written before the configuration is known to be good"
    );
}

#[test]
fn data_files() {
    let place = Workplace::new();
    refused(&place, &["train", "--data", "nowhere"], FAILED, &["nowhere"]);
    let good = idx(IMAGES, &[2, 28, 28], &[7; 2 * 784]);
    let labels = idx(LABELS, &[2], &[3, 4]);
    let cases: [(&str, Vec<u8>, &[&str]); 7] = [
        ("train-images-idx3-ubyte", b"not an idx file".to_vec(), &["not an IDX file"]),
        ("train-images-idx3-ubyte", idx(IMAGES, &[2, 32, 32], &[0; 2 * 1024]), &["28x28"]),
        ("train-images-idx3-ubyte", idx(IMAGES, &[2, 28, 28], &[7; 784]), &["1584", "800"]),
        ("train-images-idx3-ubyte", idx(IMAGES, &[u32::MAX, 28, 28], &[7; 784]), &["4294967295 items"]),
        ("train-images-idx3-ubyte", [&good[..], b"more"].concat(), &["something follows"]),
        ("train-labels-idx1-ubyte", idx(LABELS, &[3], &[1, 2, 3]), &["3 labels for 2 images"]),
        ("train-labels-idx1-ubyte", idx(LABELS, &[2], &[3, 10]), &["label 1 is 10"]),
    ];
    for (number, (name, content, words)) in cases.into_iter().enumerate() {
        let folder = format!("data{number}");
        for set in ["train", "t10k"] {
            place.write(&format!("{folder}/{set}-images-idx3-ubyte"), &good);
            place.write(&format!("{folder}/{set}-labels-idx1-ubyte"), &labels);
        }
        place.write(&format!("{folder}/{name}"), content);
        refused(&place, &["train", "--data", &folder], FAILED, &[words, &[name]].concat());
    }
}

#[test]
fn runs_and_checkpoints() {
    let place = Workplace::new();
    // With the built-in weights there is always something to evaluate.
    #[cfg(not(feature = "pretrained"))]
    refused(&place, &["eval"], FAILED, &["runs", "hint: train first"]);
    refused(&place, &["train", "--resume", "nowhere"], FAILED, &["nowhere"]);
    place.train("run", &[]);
    let again = [&["train", "--out", "run"], &TINY[..]].concat();
    refused(&place, &again, FAILED, &["run", "already", "--overwrite"]);
    place.write("full/of/other.txt", "things");
    let over = [&["train", "--out", "full", "--overwrite"], &TINY[..]].concat();
    refused(&place, &over, FAILED, &["full"]);
    assert!(place.path("full/of/other.txt").exists());

    let weights = place.path("run/last/model.safetensors");
    let whole = bytes(&weights);
    place.write("run/last/model.safetensors", &whole[..whole.len() - 100]);
    refused(&place, &["eval", "run"], FAILED, &["model.safetensors"]);
    refused(&place, &["train", "--resume", "run"], FAILED, &["model.safetensors"]);
    let mut poisoned = whole.clone();
    let last = poisoned.len() - 4;
    poisoned[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    // Among the files of a run its checksum refuses it; elsewhere the number does.
    place.write("run/last/model.safetensors", &poisoned);
    refused(&place, &["eval", "run"], FAILED, &["model.safetensors", "changed or damaged"]);
    place.write("poisoned.safetensors", &poisoned);
    refused(&place, &["eval", "poisoned.safetensors"], FAILED, &["poisoned.safetensors", "NaN", "finite"]);
    place.write("run/last/model.safetensors", &whole);
    place.write("run/last/state.json", "{");
    refused(&place, &["train", "--resume", "run"], FAILED, &["state.json"]);
    place.write("run/config.toml", "colour = 'red'");
    refused(&place, &["train", "--resume", "run"], FAILED, &["config.toml", "changed or damaged"]);
    std::fs::remove_file(place.path("run/checksums.json")).unwrap();
    refused(&place, &["train", "--resume", "run"], FAILED, &["config.toml", "colour"]);
}

#[test]
fn weights_and_pictures() {
    let place = Workplace::new();
    place.train("run", &[]);
    let text = place.write("text.safetensors", "these are no weights");
    refused(
        &place,
        &["eval", text.to_str().unwrap()],
        FAILED,
        &["text.safetensors", "safetensors or PyTorch's; found a text"],
    );
    refused(&place, &["eval", "gone.safetensors"], FAILED, &["gone.safetensors"]);
    let weights = "run/last/model.safetensors";
    refused(&place, &["eval", weights, "--split", "val"], USAGE, &["--split val", "run directory"]);
    refused(&place, &["predict", "gone.png", "--add", "1", "--weights", weights], FAILED, &["gone.png"]);
    place.write("text.png", "no picture");
    refused(
        &place,
        &["predict", "text.png", "--add", "1", "--weights", weights],
        FAILED,
        &["text.png", "PNG, JPEG, WebP or BMP"],
    );
    let mut small = std::io::Cursor::new(Vec::new());
    image::GrayImage::new(20, 7).write_to(&mut small, image::ImageFormat::Png).unwrap();
    place.write("small.png", small.into_inner());
    refused(
        &place,
        &["predict", "small.png", "--add", "1", "--weights", weights],
        FAILED,
        &["small.png", "8x8", "20x7"],
    );
    std::fs::create_dir(place.path("empty")).unwrap();
    refused(
        &place,
        &["predict", "empty", "--add", "1", "--weights", weights],
        FAILED,
        &["empty", "png, jpg"],
    );
    refused(&place, &["predict", "-", "-", "--add", "1", "--weights", weights], USAGE, &["`-`", "once"]);
}
