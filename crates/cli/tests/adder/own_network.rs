//! A network that a configuration gives layer by layer, through every command that reads one.

use crate::common::{Workplace, json};

/// 5x5 convolutions with bias as in LeNet, a residual, and a fused block; small enough to train in a moment.
const NETWORK: &str = r#"
[model]
layers = [
    { kind = "conv2d", out_channels = 3, kernel = 5, padding = 2, bias = true },
    { kind = "relu" },
    { kind = "max_pool2d", kernel = 4 },
    { kind = "residual", layers = [
        { kind = "conv2d", out_channels = 3, kernel = 3, padding = 1 },
        { kind = "relu" },
        { kind = "batch_norm" },
        { kind = "dropout", probability = 0.1 },
    ] },
    { kind = "conv2d", out_channels = 4, kernel = 3, name = "narrow" },
    { kind = "relu" },
    { kind = "batch_norm" },
    { kind = "flatten" },
    { kind = "linear", out_features = 8, bias = true },
    { kind = "relu" },
    { kind = "one_hot", input = "addend", classes = 10 },
    { kind = "linear", out_features = 12 },
    { kind = "batch_norm" },
    { kind = "relu" },
]
"#;

const TRAIN: [&str; 8] =
    ["train", "--config", "net.toml", "--limit", "96", "--batch-size", "32", "--tensorboard"];

#[test]
fn it_trains_evaluates_predicts_and_is_exported() {
    let place = Workplace::new();
    place.write("net.toml", NETWORK);
    let summary = place.done(&["summary", "--config", "net.toml"]);
    for row in ["conv1: conv 5x5 pad 2 bias", "narrow: conv 3x3 pad 0", "sum head: linear"] {
        assert!(summary.contains(row), "{summary}");
    }
    let rows = json(&place.done(&["summary", "--config", "net.toml", "--json"]));
    let layers = rows["layers"].as_array().unwrap();
    let rows_of = |number: u64| layers.iter().filter(|layer| layer["fused"] == number).count();
    // The residual's layers; the narrow convolution's; the addend, the last hidden layer and both heads.
    assert_eq!([1, 2, 3, 4].map(rows_of), [4, 3, 6, 0], "{rows}");

    place.done(&[&TRAIN[..], &["--epochs", "2", "--out", "run"]].concat());
    let stored = std::fs::read_to_string(place.path("run/config.toml")).unwrap();
    assert!(stored.contains("kind = \"residual\""), "{stored}");
    let evaluation = json(&place.done(&["eval", "run", "--json"]));
    // From the weights file alone, and on candle's own operations.
    let weights = ["eval", "run/last/model.safetensors", "--limit", "96", "--json"];
    let others = [weights.to_vec(), vec!["eval", "run", "--json", "--backend", "reference"]];
    for args in others {
        let other = json(&place.done(&args));
        let loss = |report: &serde_json::Value| report["both"]["loss"].as_f64().unwrap();
        assert!((loss(&other) - loss(&evaluation)).abs() < 1e-4, "{other} beside {evaluation}");
    }

    let picture = image_of_a_stroke();
    place.write("one.png", picture);
    let predicted = json(&place.done(&["predict", "one.png", "--weights", "run", "--add", "3", "--json"]));
    assert_eq!(predicted[0]["digit_probabilities"].as_array().unwrap().len(), 10);

    place.done(&["export", "run", "--format", "onnx", "--out", "net.onnx"]);
    place.done(&["export", "run", "--format", "torch-safetensors", "--out", "torch.safetensors"]);
    place.done(&["import", "torch.safetensors", "--out", "back.safetensors"]);
    let back = json(&place.done(&["eval", "back.safetensors", "--limit", "96", "--json"]));
    assert_eq!(back["both"], evaluation["both"]);
}

#[test]
fn what_is_no_network_is_named() {
    let place = Workplace::new();
    let without_addend = NETWORK.replace("input = \"addend\"", "input = \"number\"");
    let cases = [
        (
            NETWORK.replace("kernel = 5", "kernal = 5"),
            "net.toml: model.layers: layer 1: unknown field `kernal`",
        ),
        (NETWORK.replace("\"relu\"", "\"gelu\""), "net.toml: model.layers: layer 2: unknown variant `gelu`"),
        (NETWORK.replace("kernel = 4", "kernel = 40"), "at layer `pool1`, found 28x28"),
        (NETWORK.replace("{ kind = \"flatten\" },", ""), "expected a vector at layer `linear1`"),
        (without_addend, "one layer of kind \"one_hot\" with input \"addend\" and 10 classes"),
        (
            NETWORK.replace("probability = 0.1", "probability = nan"),
            "layer 4: layer 4: probability: expected a finite number",
        ),
        (NETWORK.replace("out_features = 8", "out_features = 99999999999"), "at most 134217728 parameters"),
    ];
    for (config, words) in cases {
        place.write("net.toml", &config);
        let output = place.adder(&[&TRAIN[..], &["--epochs", "1", "--out", "run"]].concat());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(words), "{errors}");
        assert!(!place.path("run").exists());
    }
}

/// What a file asks for is held to what it has before anything is built: a few bytes can't take gigabytes.
#[cfg(target_os = "linux")]
#[test]
fn a_small_file_that_asks_for_a_large_network_takes_no_memory() {
    let place = Workplace::new();
    let model = r#"{\"layers\":[{\"kind\":\"flatten\"},{\"kind\":\"linear\",\"out_features\":150000},{\"kind\":\"one_hot\",\"input\":\"addend\",\"classes\":10}]}"#;
    let header = format!(
        r#"{{"__metadata__":{{"format":"identity-adder","format_version":"1","model":"{model}"}},"a":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#
    );
    let length = (header.len() as u64).to_le_bytes();
    place.write("small.safetensors", [&length[..], header.as_bytes(), &[0; 4]].concat());
    for command in ["eval small.safetensors --limit 20", "import small.safetensors --out o.safetensors"] {
        let binary = env!("CARGO_BIN_EXE_adder");
        // The weight alone has 470 MB, and drawing it takes twice that.
        let limited = format!("ulimit -v 900000 && exec {binary} {command} --threads 1");
        let mut shell = std::process::Command::new("sh");
        let output = shell.current_dir(place.path("")).args(["-c", &limited]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {errors}");
        assert!(errors.contains("tensor `linear1.weight` is missing"), "{command}: {errors}");
    }
}

/// A PNG of a dark vertical stroke on light ground.
fn image_of_a_stroke() -> Vec<u8> {
    let stroke = |x: u32, y: u32| (26..32).contains(&x) && (8..52).contains(&y);
    let image = image::GrayImage::from_fn(60, 60, |x, y| image::Luma([if stroke(x, y) { 20 } else { 240 }]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}
