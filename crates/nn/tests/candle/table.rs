//! The table of docs/candle.md against the tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn file(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of the functions under `#[test]` in the modules beside this one.
fn tests() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/candle");
    let modules =
        std::fs::read_dir(folder).expect("this module's folder").map(|entry| entry.expect("a file").path());
    let text = |path: PathBuf| std::fs::read_to_string(path).expect("a module");
    let name = |body: &str| body[..body.find('(').expect("a function")].to_string();
    let names = |text: String| text.split("#[test]\nfn ").skip(1).map(name).collect::<Vec<_>>();
    modules.filter(|path| !path.ends_with("table.rs")).map(text).flat_map(names).collect()
}

/// The cells of the rows of the tables, without their heads.
fn rows(text: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect();
    let row = |line: &&str| {
        line.starts_with("| ") && !line.starts_with("| ---") && !line.starts_with("| operation")
    };
    text.lines().filter(row).map(cells).collect()
}

#[test]
fn every_row_names_its_test_and_every_test_has_a_row() {
    let named = rows(&file("docs/candle.md"))
        .iter()
        .map(|row| row[5].trim_matches('`').to_string())
        .collect::<Vec<_>>();
    let unique = named.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(named.len(), unique.len(), "a test holds one row");
    assert_eq!(unique, tests());
}

/// Imports items, which therefore exist, and gives their paths.
macro_rules! paths {
    ($($($segment:ident)::+),* $(,)?) => {{
        $(#[allow(unused_imports)] use $($segment)::+ as _;)*
        [$([$(stringify!($segment)),+].join("::")),*]
    }};
}

#[test]
fn every_item_of_adder_nn_that_is_advised_exists() {
    let exist = paths![
        adder_nn::AdamW,
        adder_nn::AvgPool2d,
        adder_nn::BatchNorm2d,
        adder_nn::Conv2d,
        adder_nn::Dropout,
        adder_nn::LayerNorm,
        adder_nn::Linear,
        adder_nn::MaxPool2d,
        adder_nn::RmsNorm,
        adder_nn::init::seeded,
        adder_nn::loss::binary_cross_entropy_with_logit,
        adder_nn::loss::cross_entropy,
        adder_nn::ops::relu,
        adder_nn::ops::softmax_last_dim,
    ];
    let _ = adder_nn::Dropout::with_seed;
    let text = file("docs/candle.md");
    let advised = text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("adder_nn::"));
    let advised = advised.map(|path| path.trim_end_matches("::with_seed").to_string());
    assert_eq!(advised.collect::<BTreeSet<_>>(), BTreeSet::from(exist));
}

#[test]
fn every_row_is_whole_and_of_the_version_in_the_lock() {
    let lock = file("Cargo.lock");
    for row in rows(&file("docs/candle.md")) {
        assert_eq!(row.len(), 6, "{row:?}");
        assert!(lock.contains(&format!("name = \"candle-core\"\nversion = \"{}\"", row[2])), "{row:?}");
        assert!(lock.contains(&format!("name = \"candle-nn\"\nversion = \"{}\"", row[2])), "{row:?}");
        assert!(row[3] == "-" || row[3].starts_with('#'), "{row:?}");
    }
}
