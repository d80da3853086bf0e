//! What `adder eval` tells beyond losses and accuracies.

use crate::common::{Workplace, json};

#[test]
fn an_analysis_stands_beside_the_report() {
    let place = Workplace::new();
    place.train("run", &[]);
    let plain = json(&place.done(&["eval", "run", "--exhaustive", "--json"]));
    let mut found = json(&place.done(&["eval", "run", "--exhaustive", "--analysis", "--json"]));
    let analysis = found.as_object_mut().unwrap().remove("analysis").unwrap();
    assert_eq!(found, plain, "the report may not change");
    assert_eq!((&analysis["pairs"], &analysis["exhaustive"]), (&960.into(), &true.into()));
    let joint = &analysis["joint"];
    let accuracy = 100.0 * joint["both_right"].as_f64().unwrap() / 960.0;
    assert!((accuracy - plain["both"]["accuracy"].as_f64().unwrap()).abs() < 1e-9);
    let rows = |head: &str| analysis[head]["confusion"].as_array().unwrap().len();
    assert_eq!((rows("digit"), rows("sum")), (10, 19));
    assert_eq!(analysis["worst"].as_array().unwrap().len(), 20);

    let table = place.done(&["eval", "run", "--analysis", "--worst", "3"]);
    for words in ["evaluation: 96 images", "analysis of 96 pairs, one addend for each image", "worst images"]
    {
        assert!(table.contains(words), "{table}");
    }
    let worst = table.split("worst images").nth(1).unwrap();
    assert_eq!(worst.lines().filter(|line| line.contains("1/1")).count(), 3, "{worst}");
}
