//! Reports and tables as a person sees them, through the real binary: reports, their look in a browser, the table of runs.

use std::path::Path;
use std::process::Command;

use crate::common::{IMAGES, LABELS, Workplace, bytes, idx, json};

/// The contents of a report of a finished run.
const FIGURES: [&str; 17] = [
    "training-loss",
    "training-accuracy",
    "validation-loss",
    "validation-accuracy",
    "training-and-validation",
    "learning-rate",
    "samples-training",
    "samples-validation",
    "samples-evaluation",
    "confusion-digit",
    "confusion-sum",
    "errors",
    "reliability",
    "predictions",
    "embedding",
    "kernels",
    "feature-maps",
];

#[test]
fn a_training_ends_with_its_report() {
    let place = Workplace::new();
    place.train("run", &["--no-report"]);
    assert!(!place.path("run/report.html").exists());
    let args = ["train", "--out", "run", "--overwrite", "--epochs", "1", "--batch-size", "32"];
    let output = place.adder(&[&args[..], &crate::common::TINY[..]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.trim_end().ends_with("report: run/report.html"), "{said}");

    let first = bytes(&place.path("run/report.html"));
    let page = String::from_utf8(first.clone()).unwrap();
    for figure in FIGURES {
        assert!(page.contains(&format!("data-figure=\"{figure}\"")), "{figure}");
    }
    for part in
        ["Evaluation", "Mistakes", "receptive field", "batch_size = 32", "throughput in training", "rustc"]
    {
        assert!(page.contains(part), "{part}");
    }
    // All of it is in the file: nothing is fetched.
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src=\"run"), "a link");
    assert!(!page.contains(" NaN") && !page.contains(">NaN"));
    // Drawn again, it is the same.
    let said = place.done(&["report", "run", "--out", "again.html", "--figures", "figures"]);
    assert_eq!(said.trim(), "again.html");
    for figure in ["curves", "worst", "confusion-sum"] {
        assert!(bytes(&place.path("figures").join(format!("{figure}.svg"))).starts_with(b"<svg"));
        assert!(bytes(&place.path("figures").join(format!("{figure}.png"))).starts_with(b"\x89PNG"));
    }
    assert!(bytes(&place.path("again.html")) == first, "two reports of one run differ");
}

#[test]
fn a_report_without_the_runs_data_says_what_is_left_out() {
    let place = Workplace::new();
    let images: Vec<u8> = (0..20 * 784).map(|at| (at * 7 % 251) as u8).collect();
    let labels: Vec<u8> = (0..20).map(|at| at % 10).collect();
    for set in ["train", "t10k"] {
        place.write(&format!("own/{set}-images-idx3-ubyte"), idx(IMAGES, &[20, 28, 28], &images));
        place.write(&format!("own/{set}-labels-idx1-ubyte"), idx(LABELS, &[20], &labels));
    }
    place.train("run", &["--data", "own"]);
    let page = String::from_utf8(bytes(&place.path("run/report.html"))).unwrap();
    assert!(page.contains("samples-training") && page.contains("confusion-digit"));
    assert!(!page.contains("left out"));

    std::fs::rename(place.path("own"), place.path("elsewhere")).unwrap();
    let output = place.adder(&["report", "run"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.contains("warning: ") && said.contains("own"), "{said}");
    let page = String::from_utf8(bytes(&place.path("run/report.html"))).unwrap();
    assert!(page.contains("are left out") && page.contains("there is no folder or file &quot;own&quot;"));
    assert!(!page.contains("samples-training") && !page.contains("confusion-digit"));
    assert!(page.contains("training-loss") && page.contains("receptive field"));
}

#[test]
fn a_schedule_that_moves_the_momentum_has_it_drawn() {
    let place = Workplace::new();
    let page = |run: &str| String::from_utf8(bytes(&place.path(&format!("{run}/report.html")))).unwrap();
    place.train("cycle", &["--set", "schedule.kind=one_cycle", "--set", "schedule.warmup=0.3"]);
    assert!(page("cycle").contains("The momentum at each step"));
    place.train("adamw", &["--set", "schedule.kind=one_cycle", "--set", "optimizer.kind=adamw"]);
    assert!(page("adamw").contains("The first beta at each step"));
    place.train("constant", &[]);
    assert!(!page("constant").contains("data-figure=\"momentum\""));
}

#[test]
fn reports_of_several_runs_say_first_what_was_different() {
    let place = Workplace::new();
    place.train("runs/slow", &["--no-report"]);
    place.train("runs/fast", &["--no-report", "--learning-rate", "0.03"]);
    assert_eq!(place.done(&["report", "slow", "fast"]).trim(), "comparison.html");
    let page = String::from_utf8(bytes(&place.path("comparison.html"))).unwrap();
    let place_of = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(place_of("optimizer.learning_rate") < place_of("What came of it"));
    assert!(place_of("What came of it") < place_of("data-figure=\"comparison\""));
    assert!(!page.contains("optimizer.momentum"), "keys with one value are not shown");
}

#[test]
fn runs_are_listed_sorted_shown_moved_and_deleted() {
    let place = Workplace::new();
    assert_eq!(json(&place.done(&["runs", "--json"])), serde_json::json!([]), "before the first training");
    assert!(!place.adder(&["runs", "--in", "elsewhere"]).status.success());
    place.train("runs/b", &["--no-report", "--seed", "5"]);
    place.train("runs/a", &["--no-report", "--seed", "7"]);
    std::fs::create_dir(place.path("runs/no-run")).unwrap();
    let names = |args: &[&str]| -> Vec<String> {
        let runs = json(&place.done(&[&["runs", "--json"], args].concat()));
        runs.as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&["--sort", "name"]), ["a", "b"]);
    assert_eq!(names(&["--sort", "seed"]), ["b", "a"]);
    assert_eq!(names(&["--sort", "seed", "--reverse"]), ["a", "b"]);
    let table = place.done(&["runs"]);
    assert!(table.lines().count() == 3 && table.contains("finished") && table.contains("1/1"), "{table}");

    let shown = json(&place.done(&["runs", "show", "a", "--json"]));
    assert_eq!(
        (&shown["seed"], &shown["state"], &shown["epochs"]),
        (&7.into(), &"finished".into(), &1.into())
    );
    assert_eq!(shown["report"]["images"], 96);
    assert!(place.done(&["runs", "show", "runs/a"]).contains("epoch  1  loss"));

    place.done(&["runs", "mv", "a", "kept/a"]);
    assert!(place.path("kept/a/config.toml").exists() && names(&[]) == ["b"]);
    assert!(
        !place.adder(&["runs", "mv", "b", "kept/a"]).status.success(),
        "a run must not be moved onto another"
    );
    place.write("runs/b/notes.txt", "mine");
    place.done(&["runs", "rm", "b", "kept/a"]);
    assert!(!place.path("kept/a").exists() && place.path("runs/b/notes.txt").exists());
    assert!(names(&[]).is_empty());
    assert!(!place.adder(&["runs", "rm", "b"]).status.success());
}

#[test]
fn event_files_lie_beside_the_events() {
    let place = Workplace::new();
    place.train("run", &["--no-report", "--tensorboard"]);
    let files = std::fs::read_dir(place.path("run")).unwrap();
    let mut files =
        files.map(|entry| entry.unwrap().path()).filter(|path| path.to_string_lossy().contains("tfevents"));
    let file = bytes(&files.next().unwrap());
    let holds = |text: &str| file.windows(text.len()).any(|window| window == text.as_bytes());
    for tag in
        ["brain.Event:2", "step/loss", "validation_accuracy/both", "evaluation_loss/sum", "figures/curves"]
    {
        assert!(holds(tag), "{tag}");
    }
}

#[test]
fn a_dashboard_without_a_terminal_is_plain_lines() {
    let place = Workplace::new();
    let said = place.train("run", &["--no-report", "--tui"]);
    assert!(said.starts_with("evaluation: 96 images"), "{said}");
}

/// Where a browser is installed.
fn browser() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
}

/// The measures of a page of this width in a browser, and the words of its console.
fn browse(browser: &str, page: &Path, width: u32) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ])
        .args(["--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},900"))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let [page, log] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (page, log.lines().filter(|line| line.contains(":CONSOLE")).collect())
}

#[test]
fn a_browser_shows_the_report_without_a_complaint() {
    let Some(browser) = browser() else {
        eprintln!("no browser here: passed over");
        return;
    };
    let place = Workplace::new();
    place.train("run", &[]);
    for width in [1280, 390] {
        let (page, complaints) = browse(browser, &place.path("run/report.html"), width);
        assert_eq!(complaints, "", "at {width} pixels");
        assert_eq!(page.matches("data-figure=").count(), FIGURES.len());
        // The script ran: the mistakes are on pages.
        assert!(page.contains("1\u{2013}24 of "), "the pager says nothing");
        assert!(page.contains("hidden=\"\""), "no mistake is on a later page");
    }
}
