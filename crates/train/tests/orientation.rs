//! Data that a configuration turns: other images, and another record of them.

use std::sync::Arc;

use adder_data::{Dataset, Labeled, PIXELS, Source};
use adder_train::DataRecord;
use adder_train::config::{ConfigSources, DataConfig};

fn data() -> Dataset {
    let set = |count: usize| {
        let pixels = (0..count * PIXELS).map(|at| (at * at % 251) as u8).collect();
        Arc::new(Labeled::new(pixels, vec![3; count]).unwrap())
    };
    Dataset { origin: Source::Embedded, train: set(3), evaluation: set(2) }
}

#[test]
fn another_orientation_is_another_set() {
    let data = data();
    let oriented =
        |transpose, invert| DataConfig { transpose, invert, ..DataConfig::default() }.oriented(data.clone());
    assert_eq!(oriented(false, false), data);
    assert_eq!(oriented(true, false), data.clone().transposed());
    assert_eq!(oriented(true, true), data.clone().transposed().inverted());
    let records = [(false, false), (true, false), (false, true), (true, true)]
        .map(|(transpose, invert)| DataRecord::new(&oriented(transpose, invert)));
    for (at, record) in records.iter().enumerate() {
        assert!(!records[..at].contains(record), "{at}");
    }
}

#[test]
fn a_configuration_from_before_these_keys_leaves_images_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, "[data]\nsource = \"embedded\"\n").unwrap();
    let mut sources = ConfigSources::default();
    sources.add_file(&path).unwrap();
    assert_eq!(sources.resolve().unwrap().data.oriented(data()), data());
    sources.add_flag("--transpose", "data.transpose", true);
    assert_eq!(sources.resolve().unwrap().data.oriented(data()), data().transposed());
}
