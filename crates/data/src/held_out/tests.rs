use super::*;

fn read(json: &str) -> HeldOutPairs {
    serde_json::from_str(json).unwrap()
}

fn counted_by(rule: &str, holds: impl Fn(u8, u8) -> bool) {
    let held_out = read(&format!("{rule:?}")).pairs();
    for [digit, addend] in PairSet::all() {
        assert_eq!(held_out.contains(digit, addend), holds(digit, addend), "{rule}: {digit} + {addend}");
    }
}

#[test]
fn a_rule_takes_the_pairs_that_it_is_true_of() {
    counted_by("sum = 9", |digit, addend| digit + addend == 9);
    counted_by("digit<addend", |digit, addend| digit < addend);
    counted_by("sum>=6 and digit != 3 and  addend <= 5", |digit, addend| {
        digit + addend >= 6 && digit != 3 && addend <= 5
    });
    counted_by("7 > digit", |digit, _| digit < 7);
}

#[test]
fn each_form_comes_back_as_it_was() {
    for json in ["[]", "[[3,4],[7,2]]", r#"{"share":0.3,"seed":4}"#, r#""sum = 9 and digit < 5""#] {
        assert_eq!(serde_json::to_string(&read(json)).unwrap(), json);
    }
    assert_eq!(read(r#"{"share":0.3}"#), read(r#"{"share":0.3,"seed":1}"#));
    assert_eq!(read("[]"), HeldOutPairs::default());
    assert_eq!(read("[[3,4],[7,2],[3,4]]").pairs(), [[7, 2], [3, 4]].into_iter().collect());
}

#[test]
fn what_is_no_set_of_pairs_is_refused() {
    for json in
        ["[[3]]", "[3]", "[[3,-4]]", "{}", r#"{"share":0.3,"sed":1}"#, r#""sum""#, r#""sum = nine""#, "1"]
    {
        assert!(serde_json::from_str::<HeldOutPairs>(json).is_err(), "{json}");
    }
    let refusal = |json: &str| match read(json).check() {
        Err(Error::Setting { found, .. }) => found,
        other => panic!("{json}: {other:?}"),
    };
    assert_eq!(refusal("[[3,10]]"), "[3, 10]");
    assert_eq!(refusal("[[0,0]]"), "none left with the sum 0");
    assert_eq!(refusal(r#""sum = 9""#), "none left with the sum 9");
    assert_eq!(refusal(r#""digit = 4""#), "none left with the digit 4");
    assert_eq!(refusal(r#""addend = 4 and digit < 10""#), "none left with the addend 4");
    for share in ["0", "0.61", "-1", "1e300"] {
        assert_eq!(refusal(&format!(r#"{{"share":{share}}}"#)), share.parse::<f64>().unwrap().to_string());
    }
}

#[test]
fn a_share_of_any_seed_leaves_every_digit_addend_and_sum() {
    for seed in 0..300 {
        let draw = |share| HeldOutPairs::Share(HeldOutShare { share, seed });
        let mut smaller = PairSet::default();
        for percent in [1, 10, 30, 50, 60] {
            let held_out = draw(f64::from(percent) / 100.0);
            held_out.check().unwrap();
            let larger = held_out.pairs();
            assert_eq!(larger.len(), percent as usize);
            assert!(PairSet::all().all(|[d, a]| !smaller.contains(d, a) || larger.contains(d, a)));
            smaller = larger;
        }
    }
}

#[test]
fn draws_are_frozen() {
    // The draw is part of the format of a run.
    let held_out = HeldOutPairs::Share(HeldOutShare { share: 0.06, seed: 1 }).pairs();
    let found: Vec<[u8; 2]> =
        PairSet::all().filter(|&[digit, addend]| held_out.contains(digit, addend)).collect();
    assert_eq!(found, [[0, 3], [1, 5], [1, 7], [2, 6], [6, 9], [7, 4]]);
}
