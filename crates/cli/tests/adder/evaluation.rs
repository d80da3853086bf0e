//! The results of `adder eval` beyond losses and accuracies.

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
    let mut losses = vec![plain["both"]["loss"].clone()];
    for (addends, views) in [("all", 250), ("asked", 25)] {
        let args =
            ["eval", "run", "--tta", "--tta-shift", "2", "--tta-addends", addends, "--analysis", "--json"];
        let mut found = json(&place.done(&args));
        let tta = found.as_object_mut().unwrap().remove("tta").unwrap();
        found.as_object_mut().unwrap().remove("analysis").unwrap();
        assert_eq!(found, plain);
        assert_eq!([&tta["shift"], &tta["views"]], [2, views]);
        assert_eq!([&tta["addends"], &tta["average"]], [addends, "probabilities"]);
        assert_eq!(tta["analysis"]["pairs"], 96);
        assert!(!losses.contains(&tta["both"]["loss"]), "{tta} beside {losses:?}");
        losses.push(tta["both"]["loss"].clone());
    }

    let table = place.done(&["eval", "run", "--tta"]);
    let heading = "with test-time augmentation: mean probabilities of 90 views, shifts of up to 1 px beside all ten addends\n";
    assert!(table.contains(heading), "{table}");
    assert_eq!(table.lines().filter(|line| line.starts_with("both")).count(), 2, "{table}");
}

// A digit is read the same way beside all ten addends, and so is its sum.
#[test]
fn beside_all_addends_all_pairs_of_an_image_have_one_answer() {
    let place = Workplace::new();
    place.train("run", &[]);
    let tta =
        json(&place.done(&["eval", "run", "--exhaustive", "--tta", "--tta-shift", "0", "--json"]))["tta"]
            .clone();
    assert_eq!(tta["views"], 10);
    for head in ["digit", "sum"] {
        let right = tta[head]["accuracy"].as_f64().unwrap() * 96.0 / 100.0;
        assert!((right - right.round()).abs() < 1e-9, "{right} images of 96 with the right {head}");
    }
}
