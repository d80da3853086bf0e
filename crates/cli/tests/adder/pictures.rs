//! `adder predict` on what people bring: folders with all sorts of files, pictures of nothing, of several digits, and cut ones.

use std::io::Cursor;
use std::path::Path;
use std::process::Output;

use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use serde_json::{Value, json};

use crate::common::{Workplace, bytes, json as parsed};

const FAILED: i32 = 1;
const USAGE: i32 = 2;
const UNANSWERED: i32 = 3;

/// A page of 240x120 with ones on it, dark bars that begin so far from the left.
fn page(bars: &[u32], format: ImageFormat) -> Vec<u8> {
    let inked = |x, y| (20..100).contains(&y) && bars.iter().any(|left| (*left..left + 10).contains(&x));
    // Grain, so that a JPEG's data does not end early.
    let page = GrayImage::from_fn(240, 120, |x, y| {
        Luma([if inked(x, y) { 20 } else { 228 + ((x * 7 + y * 13) % 5) as u8 }])
    });
    let mut file = Cursor::new(Vec::new());
    DynamicImage::from(page).write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn png(bars: &[u32]) -> Vec<u8> {
    page(bars, ImageFormat::Png)
}

fn predict(place: &Workplace, args: &[&str]) -> Output {
    place.adder(&[&["predict", "--add", "7", "--weights", "pretrained", "--quiet"], args].concat())
}

#[test]
fn the_front_pages_pictures_are_read_as_it_says() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = String::from_utf8(bytes(&top.join("README.md"))).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("examples/pictures/")).collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        let (picture, answer) = line.split_once(": ").unwrap();
        let picture = top.join(picture);
        let args = ["predict", picture.to_str().unwrap(), "--add", "5", "--weights", "pretrained", "--quiet"];
        let said = Workplace::new().done(&args);
        assert_eq!(said.trim_end().rsplit_once(".png: ").unwrap().1, answer);
    }
}

/// The exit code, the items on standard output and the words on standard error.
fn items(place: &Workplace, args: &[&str]) -> (i32, Vec<Value>, String) {
    let output = predict(place, &[&["--json"], args].concat());
    let (said, complaints) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let items = parsed(&said).as_array().unwrap_or_else(|| panic!("{said}")).clone();
    (output.status.code().unwrap(), items, complaints)
}

fn text(place: &Workplace, args: &[&str]) -> (i32, String, String) {
    let output = predict(place, args);
    let [said, complaints] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code().unwrap(), said, complaints)
}

#[track_caller]
fn has_no_answer(item: &Value) {
    for name in ["digit", "sum", "digit_probabilities", "sum_probabilities", "warnings", "box", "parts"] {
        assert!(item.get(name).is_none(), "{name}: {item}");
    }
}

#[test]
fn a_digit_has_its_answer_and_its_place() {
    let place = Workplace::new();
    place.write("one.png", png(&[60]));
    let (code, items, _) = items(&place, &["one.png"]);
    assert_eq!((code, &items[0]["status"], &items[0]["digit"]), (0, &json!("digit"), &json!(1)));
    let near = |side: &str, about: i64| (items[0]["box"][side].as_i64().unwrap() - about).abs() <= 2;
    assert!(near("left", 60) && near("top", 20) && near("width", 10) && near("height", 80), "{}", items[0]);
    let raw = self::items(&place, &["--raw", "one.png"]).1;
    assert_eq!((&raw[0]["status"], raw[0].get("box")), (&json!("digit"), None));
    let (code, _, complaint) = text(&place, &["--raw", "--each", "one.png"]);
    assert!(code == USAGE && complaint.contains("--each"), "{complaint}");
}

#[test]
fn a_folder_goes_on() {
    let place = Workplace::new();
    let jpeg = page(&[60], ImageFormat::Jpeg);
    for (name, content) in [
        ("all/a.png", &png(&[60])[..]),
        ("all/b.jpg", &jpeg),
        ("all/cut.jpg", &jpeg[..jpeg.len() * 2 / 3]),
        ("all/empty.png", b""),
        ("all/._a.png", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        "),
        ("all/phone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ("all/gif_without_ending", b"GIF89a\x01\0\x01\0\0\0\0"),
        ("all/scan.TIFF", b"II*\0\x08\0\0\0"),
        ("all/png_without_ending", &png(&[60])),
        // What is no picture and does not pretend to be one is left out.
        ("all/labels.csv", b"a.png,1\n"),
        ("all/.DS_Store", b"\0\0\0\x01Bud1"),
        ("all/Thumbs.db", b"\xd0\xcf\x11\xe0"),
        ("all/.hidden.png", b"no picture"),
        ("all/inner/z.png", &png(&[60])),
    ] {
        place.write(name, content);
    }
    // A pipe that nobody writes to is not waited for.
    #[cfg(unix)]
    for name in ["all/pipe.png", "all/pipe"] {
        let made = std::process::Command::new("mkfifo").arg(place.path(name)).status().unwrap();
        assert!(made.success());
    }
    let (code, items, complaints) = items(&place, &["all"]);
    let expected = [
        ("._a.png", "AppleDouble"),
        ("a.png", ""),
        ("b.jpg", ""),
        ("cut.jpg", "truncated"),
        ("empty.png", "empty"),
        ("gif_without_ending", "GIF"),
        ("phone.jpg", "HEIC"),
        ("png_without_ending", ""),
        ("scan.TIFF", "TIFF"),
    ];
    assert_eq!(items.len(), expected.len(), "{items:#?}");
    for (item, (name, word)) in items.iter().zip(expected) {
        assert!(item["image"].as_str().unwrap().ends_with(name), "{name}: {item}");
        match word {
            "" => assert_eq!((&item["status"], &item["digit"]), (&json!("digit"), &json!(1)), "{name}"),
            word => {
                assert_eq!(item["status"], "error", "{name}");
                let error = item["error"].as_str().unwrap();
                assert!(error.contains(name) && error.contains(word), "{error}");
                has_no_answer(item);
                assert!(complaints.contains(error), "{complaints}");
            }
        }
    }
    assert_eq!(code, FAILED);
    assert!(complaints.trim_end().ends_with("error: 6 of 9 pictures could not be read"), "{complaints}");

    let (code, said, complaints) = text(&place, &["all", "gone.png"]);
    assert_eq!((code, said.lines().filter(|line| line.contains("1 + 7 = 8")).count()), (FAILED, 3), "{said}");
    assert!(
        complaints.contains("gone.png: cannot be read") && complaints.contains("7 of 10"),
        "{complaints}"
    );
    // Folders in a folder are not read, and that is said where it may be.
    let output = place.adder(&["predict", "--add", "7", "--weights", "pretrained", "all"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("folders in it are not read: 1"));
}

#[test]
fn a_folder_without_pictures_costs_its_own_line() {
    let place = Workplace::new();
    place.write("one.png", png(&[60]));
    place.write("notes/notes.txt", "nothing");
    let (code, items, _) = items(&place, &["notes", "one.png"]);
    assert_eq!((code, items.len(), &items[1]["digit"]), (FAILED, 2, &json!(1)));
    assert!(items[0]["error"].as_str().unwrap().starts_with("notes: no picture is in it"), "{}", items[0]);
}

#[test]
fn a_picture_of_nothing_has_no_answer() {
    let place = Workplace::new();
    place.write("blank.png", png(&[]));
    place.write("one.png", png(&[60]));
    for each in [&[][..], &["--each"]] {
        let (code, items, complaints) = items(&place, &[each, &["blank.png", "one.png"]].concat());
        assert_eq!((code, &items[0]["status"]), (UNANSWERED, &json!("nothing")), "{items:?}");
        assert!(items[0]["reason"].as_str().unwrap().contains("no digit found"), "{}", items[0]);
        has_no_answer(&items[0]);
        assert!(!complaints.contains("error"), "{complaints}");
    }
    let (code, said, _) = text(&place, &["blank.png", "one.png"]);
    assert_eq!(code, UNANSWERED);
    assert!(said.starts_with("blank.png: no digit found") && said.contains("\none.png: 1 + 7 = 8"), "{said}");
    // What could not be read weighs more than what was not found.
    assert_eq!(text(&place, &["blank.png", "gone.png"]).0, FAILED);
    // As it is, there is always something to say of it.
    assert_eq!(self::items(&place, &["--raw", "blank.png"]).1[0]["status"], "digit");
}

#[test]
fn what_the_network_saw_has_a_place_for_every_picture() {
    let place = Workplace::new();
    place.write("blank.png", png(&[]));
    place.write("one.png", png(&[60]));
    let (code, ..) = text(&place, &["--saw", "saw.png", "blank.png", "gone.png", "one.png"]);
    assert_eq!(code, FAILED);
    let sheet = image::load_from_memory(&bytes(&place.path("saw.png"))).unwrap().to_luma8();
    assert_eq!(sheet.dimensions(), (28, 84));
    let (dark, lit) = sheet.as_raw().split_at(56 * 28);
    assert!(dark.iter().all(|value| *value == 0) && lit.iter().any(|value| *value > 200));
}

#[test]
fn each_part_has_its_line() {
    let place = Workplace::new();
    place.write("one.png", png(&[60]));
    let (code, items, _) = items(&place, &["--each", "one.png"]);
    assert_eq!((code, &items[0]["status"]), (0, &json!("parts")));
    let parts = items[0]["parts"].as_array().unwrap();
    assert_eq!((parts.len(), &parts[0]["digit"], &parts[0]["sum"]), (1, &json!(1), &json!(8)));
    assert!(items[0].get("digit").is_none(), "{}", items[0]);
    let (code, said, _) = text(&place, &["--each", "one.png"]);
    assert!(code == 0 && said.starts_with("one.png, 1 of 1 at ") && said.contains("1 + 7 = 8"), "{said}");
}

#[test]
fn several_digits_are_not_read_as_one() {
    let place = Workplace::new();
    place.write("eleven.png", png(&[40, 180]));
    let (code, items, _) = items(&place, &["eleven.png"]);
    assert_eq!((code, &items[0]["status"]), (UNANSWERED, &json!("several")), "{}", items[0]);
    assert!(items[0]["digit"].is_null() && items[0]["sum"].is_null(), "{}", items[0]);
    let boxes = items[0]["boxes"].as_array().unwrap();
    let lefts: Vec<i64> = boxes.iter().map(|region| region["left"].as_i64().unwrap()).collect();
    assert!(lefts.len() == 2 && (lefts[0] - 40).abs() <= 2 && (lefts[1] - 180).abs() <= 2, "{lefts:?}");
    let (code, said, _) = text(&place, &["eleven.png"]);
    assert_eq!(code, UNANSWERED);
    assert_eq!(said, "eleven.png: 2 digits found where one was expected (--each reads each)\n");

    let (code, items, _) = self::items(&place, &["--each", "--saw", "saw.png", "eleven.png"]);
    let parts = items[0]["parts"].as_array().unwrap();
    assert_eq!((code, parts.len()), (0, 2));
    assert!(parts.iter().all(|part| part["digit"] == 1 && part["sum"] == 8 && part["box"].is_object()));
    let sheet = image::load_from_memory(&bytes(&place.path("saw.png"))).unwrap();
    assert_eq!((sheet.width(), sheet.height()), (28, 56));
    let (code, said, _) = text(&place, &["--each", "eleven.png"]);
    assert_eq!((code, said.lines().filter(|line| line.contains("1 + 7 = 8")).count()), (0, 2), "{said}");
}
