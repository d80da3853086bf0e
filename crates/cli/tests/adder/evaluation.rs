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

#[test]
fn test_time_augmentation_is_reported_apart() {
    let place = Workplace::new();
    place.train("run", &[]);
    let plain = json(&place.done(&["eval", "run", "--json"]));
    let mut found = json(&place.done(&["eval", "run", "--tta", "--tta-shift", "2", "--analysis", "--json"]));
    let tta = found.as_object_mut().unwrap().remove("tta").unwrap();
    found.as_object_mut().unwrap().remove("analysis").unwrap();
    assert_eq!(found, plain);
    assert_eq!([&tta["shift"], &tta["views"]], [2, 25]);
    assert_eq!(tta["average"], "probabilities");
    assert_ne!(tta["both"]["loss"], plain["both"]["loss"]);
    assert_eq!(tta["analysis"]["pairs"], 96);

    let table = place.done(&["eval", "run", "--tta"]);
    assert!(table.contains("with test-time augmentation: mean probabilities of 9 views"), "{table}");
    assert_eq!(table.lines().filter(|line| line.starts_with("both")).count(), 2, "{table}");
}
