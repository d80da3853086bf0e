mod layouts;

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::names::Part;
use super::*;
use crate::idx::{Items, Problem};
use crate::{Dataset, PIXELS, load};

fn images(count: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    bytes.extend([count, 28, 28].iter().flat_map(|dimension| dimension.to_be_bytes()));
    bytes.extend((0..count as usize * PIXELS).map(|at| (at % 251) as u8));
    bytes
}

fn labels(count: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1];
    bytes.extend(count.to_be_bytes());
    bytes.extend((0..count).map(|at| (at % 10) as u8));
    bytes
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file of a set of three images for training and two for evaluation.
fn content(part: Part) -> Vec<u8> {
    match part {
        Part::TrainImages => images(3),
        Part::TrainLabels => labels(3),
        Part::EvaluationImages => images(2),
        Part::EvaluationLabels => labels(2),
    }
}

/// Such a set in a new folder, the labels for evaluation packed.
fn small_set() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in Part::ALL {
        match part {
            Part::EvaluationLabels => {
                fs::write(folder.path().join("t10k-labels-idx1-ubyte.gz"), packed(&content(part))).unwrap();
            }
            part => fs::write(folder.path().join(part.name()), content(part)).unwrap(),
        }
    }
    folder
}

fn load_directory(path: &Path) -> Result<Dataset> {
    load(&Source::Directory(path.to_owned()), &mut |event| panic!("nothing is to be told: {event:?}"))
}

#[test]
fn a_source_is_read_and_written() {
    for (text, source) in [
        ("embedded", Source::Embedded),
        ("download", Source::Download),
        ("hub", Source::Hub),
        ("./hub", Source::Directory("./hub".into())),
        ("some/folder", Source::Directory("some/folder".into())),
    ] {
        assert_eq!(text.parse(), Ok(source.clone()));
        assert_eq!(source.to_string(), text);
        let json = serde_json::to_string(&source).unwrap();
        assert_eq!(serde_json::from_str::<Source>(&json).unwrap(), source);
    }
    assert_eq!(Source::Directory("hub".into()).to_string(), "./hub");
    assert!(matches!("".parse::<Source>(), Err(Error::Setting { field: "data", .. })));
}

#[test]
fn a_folder_is_loaded_raw_or_packed() {
    let folder = small_set();
    let dataset = load_directory(folder.path()).unwrap();
    assert_eq!(dataset.train.images(), &images(3)[16..]);
    assert_eq!(dataset.train.labels(), [0, 1, 2]);
    assert_eq!(dataset.evaluation.images(), &images(2)[16..]);
    assert_eq!(dataset.evaluation.labels(), [0, 1]);
    assert_eq!(dataset.train.image(1)[0], (PIXELS % 251) as u8);
    assert_eq!(dataset.origin, Source::Directory(folder.path().to_owned()));
}

#[test]
fn what_is_wrong_in_a_folder_is_named_with_its_file() {
    let folder = small_set();
    let train_labels = folder.path().join("train-labels-idx1-ubyte");
    let problem = |problem| Err(Error::File { file: train_labels.display().to_string(), problem });

    fs::write(&train_labels, labels(4)).unwrap();
    assert_eq!(load_directory(folder.path()), problem(Problem::Count { expected: 3, found: 4 }));
    fs::write(&train_labels, images(3)).unwrap();
    assert_eq!(
        load_directory(folder.path()),
        problem(Problem::Shape { items: Items::Labels, found: vec![3, 28, 28] })
    );
    fs::write(&train_labels, &labels(3)[..10]).unwrap();
    assert_eq!(load_directory(folder.path()), problem(Problem::Truncated { expected: 11, found: 10 }));

    fs::remove_file(&train_labels).unwrap();
    let missing = Error::Missing {
        directory: folder.path().to_owned(),
        missing: vec!["train-labels-idx1-ubyte"],
        found: ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"]
            .map(String::from)
            .to_vec(),
    };
    assert_eq!(load_directory(folder.path()), Err(missing.clone()));
    fs::create_dir(&train_labels).unwrap();
    assert_eq!(load_directory(folder.path()), Err(missing), "an empty folder of that name is no file");

    let nowhere = folder.path().join("nowhere");
    assert_eq!(load_directory(&nowhere), Err(Error::NoDirectory { path: nowhere.clone() }));
}

#[cfg(not(feature = "hub"))]
#[test]
fn a_source_that_was_not_built_in_says_how_to_get_it() {
    let error = load(&Source::Hub, &mut |_| {}).unwrap_err();
    assert_eq!(error, Error::NotBuilt { origin: "hub" });
    assert!(error.to_string().contains("--features hub"));
}

#[test]
fn a_limit_keeps_the_first_images() {
    let folder = small_set();
    let dataset = load_directory(folder.path()).unwrap();
    let limited = dataset.clone().limit(1).unwrap();
    assert_eq!((limited.train.len(), limited.evaluation.len()), (1, 1));
    assert_eq!(limited.train.image(0), dataset.train.image(0));
    assert_eq!(dataset.clone().limit(1000).unwrap(), dataset);
    assert!(matches!(dataset.limit(0), Err(Error::Setting { field: "limit", .. })));
}

#[cfg(feature = "embedded")]
mod embedded {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_assets_are_the_published_bytes() {
        let dataset = load(&Source::Embedded, &mut |_| {}).unwrap();
        let with_header = |dimensions: &[u32], items: &[u8]| {
            let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
            bytes.extend(dimensions.iter().flat_map(|dimension| dimension.to_be_bytes()));
            bytes.extend_from_slice(items);
            bytes
        };
        let sums = include_str!("../../assets/mnist/SHA256SUMS");
        for (file, bytes) in [
            (Part::TrainImages, with_header(&[60_000, 28, 28], dataset.train.images())),
            (Part::TrainLabels, with_header(&[60_000], dataset.train.labels())),
            (Part::EvaluationImages, with_header(&[10_000, 28, 28], dataset.evaluation.images())),
            (Part::EvaluationLabels, with_header(&[10_000], dataset.evaluation.labels())),
        ] {
            let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            let line = format!("{sum}  {}", file.name());
            assert!(sums.lines().any(|known| known == line), "{line} is not among\n{sums}");
        }
    }

    #[test]
    fn the_classes_are_counted() {
        let dataset = load(&Source::Embedded, &mut |_| {}).unwrap();
        // The published counts of MNIST.
        let train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949];
        assert_eq!(dataset.train.class_counts(&dataset.train.indices()), train);
        let evaluation = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009];
        assert_eq!(dataset.evaluation.class_counts(&dataset.evaluation.indices()), evaluation);
        assert_eq!(dataset.train.class_counts(&[0, 1, 2, 4]), [1, 0, 0, 0, 1, 1, 0, 0, 0, 1]);
    }
}
