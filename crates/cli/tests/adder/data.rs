//! Data sets of a person's own: what is taken, what is said of odd ones, and how they are turned.
#![cfg(all(feature = "embedded", feature = "pretrained"))]

use std::process::Output;

use adder_data::{Dataset, Labeled, PIXELS, Source};

use crate::common::{IMAGES, LABELS, TINY, Workplace, idx, json};

/// The first images of MNIST: 96 for training, 48 for the test.
fn mnist() -> Dataset {
    let mut data = adder_data::load(&Source::Embedded, &mut |_| ()).unwrap();
    for (set, count) in [(&mut data.train, 96), (&mut data.evaluation, 48)] {
        *set = part(set, 0..count).into();
    }
    data
}

fn part(set: &Labeled, images: std::ops::Range<usize>) -> Labeled {
    let pixels = images.start * PIXELS..images.end * PIXELS;
    Labeled::new(set.images()[pixels].to_vec(), set.labels()[images].to_vec()).unwrap()
}

/// Writes the four files of a set.
fn put(place: &Workplace, folder: &str, data: &Dataset) {
    for (name, set) in [("train", &data.train), ("t10k", &data.evaluation)] {
        let count = set.len() as u32;
        place.write(
            &format!("{folder}/{name}-images-idx3-ubyte"),
            idx(IMAGES, &[count, 28, 28], set.images()),
        );
        place.write(&format!("{folder}/{name}-labels-idx1-ubyte"), idx(LABELS, &[count], set.labels()));
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The warnings of a command that must succeed.
#[track_caller]
fn warnings(place: &Workplace, args: &[&str]) -> Vec<String> {
    let output = place.adder(args);
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    said(&output).lines().filter(|line| line.starts_with("warning:")).map(str::to_owned).collect()
}

#[track_caller]
fn refused(place: &Workplace, args: &[&str], words: &[&str]) {
    let output = place.adder(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", said(&output));
    for word in words {
        assert!(said(&output).contains(word), "{args:?} should say `{word}`: {}", said(&output));
    }
    assert!(output.stdout.is_empty(), "{args:?} printed a result");
}

/// The digit accuracy of the built-in network, in percent.
#[track_caller]
fn accuracy(place: &Workplace, args: &[&str]) -> f64 {
    let args = [&["eval", "--json"], args].concat();
    json(&place.done(&args))["digit"]["accuracy"].as_f64().unwrap()
}

#[test]
fn a_usual_set_and_small_parts_of_it_raise_no_warning() {
    let place = Workplace::new();
    let data = mnist();
    for count in [1, 2, 3, 5, 48] {
        let (train, evaluation) = (part(&data.train, 0..count), part(&data.evaluation, 0..count));
        put(&place, "set", &Dataset { train: train.into(), evaluation: evaluation.into(), ..data.clone() });
        let eval = ["eval", "pretrained", "--data", "set"];
        assert_eq!(warnings(&place, &eval), [""; 0], "{count} images");
    }
    assert_eq!(warnings(&place, &["data", "--data", "set"]), [""; 0]);

    // Zeros are alike both ways: the network reads as many right when they are transposed.
    let zeros = |set: &Labeled, count| {
        let zeros = set.indices().into_iter().filter(|&index| set.label(index) == 0).take(count);
        let images: Vec<u8> = zeros.flat_map(|index| *set.image(index)).collect();
        Labeled::new(images, vec![0; count]).unwrap().into()
    };
    let (train, evaluation) = (zeros(&data.train, 4), zeros(&data.evaluation, 3));
    put(&place, "zeros", &Dataset { train, evaluation, ..data });
    assert_eq!(warnings(&place, &["eval", "pretrained", "--data", "zeros"]), [""; 0]);
}

#[test]
fn a_transposed_set_is_told_and_turned() {
    let place = Workplace::new();
    put(&place, "turned", &mnist().transposed());
    let told = warnings(&place, &["data", "--data", "turned"]);
    assert_eq!(told.len(), 1, "{told:?}");
    for words in ["turned: ", "look transposed", "EMNIST", "--transpose exchanges them"] {
        assert!(told[0].contains(words), "{told:?}");
    }
    let shown = said(&place.adder(&["eval", "pretrained", "--data", "turned"]));
    assert!(shown.contains("hint: `adder data --data turned` shows samples"), "{shown}");
    assert_eq!(warnings(&place, &["data", "--data", "turned", "--transpose"]), [""; 0]);
    let as_it_is = accuracy(&place, &["pretrained", "--data", "turned"]);
    let turned = accuracy(&place, &["pretrained", "--data", "turned", "--transpose"]);
    assert!(as_it_is < 50.0 && turned > 95.0, "{as_it_is} and {turned}");

    put(&place, "mixed", &Dataset { evaluation: mnist().transposed().evaluation, ..mnist() });
    let told = warnings(&place, &["data", "--data", "mixed"]);
    assert!(told.len() == 1 && told[0].contains("the test images look transposed"), "{told:?}");

    put(&place, "plain", &mnist());
    let told = warnings(&place, &["data", "--data", "plain", "--transpose"]);
    assert!(told.len() == 1 && told[0].contains("--transpose=false leaves them"), "{told:?}");
}

#[test]
fn an_inverted_set_is_told_and_turned() {
    let place = Workplace::new();
    put(&place, "paper", &mnist().inverted());
    let told = warnings(&place, &["data", "--data", "paper"]);
    assert!(
        told.len() == 1 && told[0].contains("look inverted") && told[0].contains("--invert makes"),
        "{told:?}"
    );
    assert_eq!(warnings(&place, &["data", "--data", "paper", "--invert"]), [""; 0]);
    assert!(accuracy(&place, &["pretrained", "--data", "paper", "--invert"]) > 95.0);
}

#[test]
fn a_run_remembers_how_its_images_were_turned() {
    let place = Workplace::new();
    put(&place, "turned", &mnist().transposed().inverted());
    place.train("run", &["--data", "turned", "--transpose", "--invert", "--no-report"]);
    let config = std::fs::read_to_string(place.path("run/config.toml")).unwrap();
    assert!(config.contains("transpose = true") && config.contains("invert = true"), "{config}");
    put(&place, "plain", &mnist());
    place.train("other", &["--data", "plain", "--no-report"]);
    let record = |run: &str| std::fs::read_to_string(place.path(&format!("{run}/data.json"))).unwrap();
    assert_eq!(record("run"), record("other"), "the same images, so the same checksums");

    let of_run = place.done(&["eval", "run", "--json"]);
    assert_eq!(of_run, place.done(&["eval", "other", "--json"]));
    assert_eq!(
        of_run,
        place.done(&["eval", "run", "--json", "--data", "turned"]),
        "turned as the run's data were"
    );
    let plain = ["eval", "run", "--json", "--data", "plain", "--transpose=false", "--invert=false"];
    assert_eq!(of_run, place.done(&plain));
    let resumed = place.adder(&["train", "--resume", "run", "--transpose"]);
    assert_eq!(resumed.status.code(), Some(2), "{}", said(&resumed));
}

#[test]
fn sets_that_teach_little_are_told() {
    let place = Workplace::new();
    let data = mnist();
    let with_train = |images: Vec<u8>, labels: Vec<u8>| {
        let train = Labeled::new(images, labels).unwrap().into();
        put(&place, "set", &Dataset { train, ..data.clone() });
    };
    let check = |words: &str| {
        let told = warnings(&place, &["data", "--data", "set"]);
        assert!(told.iter().any(|warning| warning.contains(words)), "should say `{words}`: {told:?}");
    };
    with_train(
        data.train.images().iter().map(|&pixel| u8::from(pixel > 127)).collect(),
        data.train.labels().to_vec(),
    );
    check("no pixel of the training images is above 1");
    with_train(data.train.images().to_vec(), vec![7; data.train.len()]);
    check("every label of the training images is 7");
    with_train(data.evaluation.images().to_vec(), data.evaluation.labels().to_vec());
    check("48 of 48 test images are training images too");
}

#[test]
fn a_broken_file_beside_a_sound_one_is_told() {
    let place = Workplace::new();
    put(&place, "both", &mnist());
    let sound = std::fs::read(place.path("both/train-images-idx3-ubyte")).unwrap();
    place.write("both/train-images-idx3-ubyte.gz", sound);
    place.write("both/train-images-idx3-ubyte", b"");
    let told = warnings(&place, &["data", "--data", "both"]);
    assert!(told.len() == 1 && told[0].contains("no bytes") && told[0].contains(".gz instead"), "{told:?}");
}

#[test]
fn what_cannot_be_read_is_named_with_what_could() {
    let place = Workplace::new();
    let data = mnist();
    place.write("parquet/mnist/train-00000-of-00001.parquet", b"PAR1....");
    refused(
        &place,
        &["train", "--data", "parquet"],
        &["a Parquet file", "train-images-idx3-ubyte", "mnist.npz"],
    );
    place.write("half/train/3/a.png", b"");
    refused(&place, &["data", "--data", "half"], &["half", "no folder `test`"]);

    put(&place, "one", &data);
    std::fs::remove_file(place.path("one/t10k-labels-idx1-ubyte")).unwrap();
    refused(
        &place,
        &["train", "--data", "one"],
        &["lacks t10k-labels-idx1-ubyte", "train-images-idx3-ubyte"],
    );
    place.write("one/t10k-labels-idx1-ubyte", idx(LABELS, &[0], &[]));
    refused(&place, &["train", "--data", "one"], &["t10k-labels-idx1-ubyte", "0 items"]);

    put(&place, "cut", &data);
    let labels = flate2_packed(&idx(LABELS, &[48], data.evaluation.labels()));
    std::fs::remove_file(place.path("cut/t10k-labels-idx1-ubyte")).unwrap();
    place.write("cut/t10k-labels-idx1-ubyte.gz", &labels[..labels.len() - 8]);
    refused(&place, &["eval", "pretrained", "--data", "cut"], &["t10k-labels-idx1-ubyte.gz", "checksum"]);

    let count: Vec<u8> = data.train.labels().iter().map(|label| label + 1).collect();
    place.write("one/train-labels-idx1-ubyte", idx(LABELS, &[96], &count));
    place.write("one/t10k-labels-idx1-ubyte", idx(LABELS, &[48], data.evaluation.labels()));
    refused(
        &place,
        &["train", "--data", "one"],
        &["train-labels-idx1-ubyte", "run from 1 to 10", "counted from 1"],
    );
}

fn flate2_packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn of_several_sets_one_is_named() {
    let place = Workplace::new();
    put(&place, "sets", &mnist());
    for entry in std::fs::read_dir(place.path("sets")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().replace("t10k", "test");
        for family in ["digits", "letters"] {
            std::fs::copy(&path, path.with_file_name(format!("emnist-{family}-{name}"))).unwrap();
        }
        std::fs::remove_file(path).unwrap();
    }
    refused(
        &place,
        &["data", "--data", "sets"],
        &["several sets", "sets/emnist-digits", "sets/emnist-letters"],
    );
    assert_eq!(warnings(&place, &["data", "--data", "sets/emnist-digits"]), [""; 0]);
}

#[test]
fn tiny_sets_are_trained_on_or_refused_in_words() {
    let place = Workplace::new();
    let data = mnist();
    for count in 1..=5 {
        let (train, evaluation) = (part(&data.train, 0..count), part(&data.evaluation, 0..1));
        put(&place, "tiny", &Dataset { train: train.into(), evaluation: evaluation.into(), ..data.clone() });
        let run = format!("run{count}");
        let args =
            [&["train", "--data", "tiny", "--out", &run, "--epochs", "1", "--no-report"], &TINY[..]].concat();
        let output = place.adder(&args);
        let words = said(&output);
        match output.status.code() {
            Some(0) => assert!(count > 2, "{words}"),
            Some(1) => assert!(count <= 2 && words.contains("each needs one"), "{count} images: {words}"),
            other => panic!("{other:?}: {words}"),
        }
    }
}

#[test]
fn what_is_in_place_of_a_set_is_named_with_the_next_step() {
    let place = Workplace::new();
    // One line, and no list of all that is taken.
    let output = place.adder(&["data", "--data", "nowhere"]);
    assert!(said(&output).lines().count() == 1 && said(&output).len() < 200, "{}", said(&output));
    refused(&place, &["data", "--data", "nowhere"], &["no folder or file \"nowhere\"", "`embedded`"]);
    place.write("table/mnist_train.csv", "label,1x1\n5,0\n");
    for source in ["table", "table/mnist_train.csv"] {
        refused(
            &place,
            &["data", "--data", source],
            &["(a table as text)", "mnist.npz of it", "docs/data.md"],
        );
    }
    place.write("words/train/three/a.png", b"");
    refused(&place, &["data", "--data", "words"], &["named 0 to 9, found `three`"]);
    place.write("notes/train/3/a.png", "no picture");
    place.write("notes/test/3/a.png", "no picture");
    refused(&place, &["data", "--data", "notes"], &["a.png", "expected a gray PNG or JPEG", "found a text"]);
    for name in ["ck/mnist.npz", "ck/other.npz"] {
        place.write(name, b"PK\x05\x06");
    }
    refused(&place, &["data", "--data", "ck"], &["several sets", "ck/mnist.npz", "ck/other.npz"]);
}

#[test]
fn other_images_than_a_runs_are_named_once() {
    let place = Workplace::new();
    put(&place, "own", &mnist());
    place.train("run", &["--data", "own", "--no-report"]);
    put(&place, "other", &mnist().inverted());
    let told = said(&place.adder(&["eval", "run", "--data", "other"]));
    assert!(told.contains("data: other; the run was trained on own"), "{told}");
    assert!(!said(&place.adder(&["eval", "run"])).contains("was trained on"));
    // At the same place others lie now.
    put(&place, "own", &mnist().inverted());
    let told = said(&place.adder(&["eval", "run"]));
    assert!(
        told.contains("in own, which has changed")
            && told.matches("in own").count() == 1
            && !told.contains("as in own"),
        "{told}"
    );
}

#[test]
fn pictures_that_are_left_out_are_said() {
    let place = Workplace::new();
    for set in ["train", "val", "test"] {
        for (digit, shade) in [("0", 90), ("3", 200), ("5", 250)] {
            std::fs::create_dir_all(place.path(&format!("set/{set}/{digit}"))).unwrap();
            let picture =
                image::GrayImage::from_fn(28, 28, |x, y| image::Luma([if x == y { shade } else { 0 }]));
            picture.save(place.path(&format!("set/{set}/{digit}/a.png"))).unwrap();
        }
    }
    let told = warnings(&place, &["data", "--data", "set"]);
    let left_out = |line: &&String| line.contains("set/val is left out");
    assert_eq!(told.iter().filter(left_out).count(), 1, "{told:?}");
}
