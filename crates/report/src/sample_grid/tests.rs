use adder_data::{Source, load};

use super::*;

/// Nine images of MNIST's training file.
fn samples(count: u32) -> Vec<Sample> {
    let data = load(&Source::Embedded, &mut |_| {}).unwrap().train;
    let sample =
        |index| Sample { pixels: *data.image(index), title: equation(data.label(index), index as u8 % 10) };
    (0..count).map(sample).collect()
}

#[test]
fn the_grid_shows_every_pixel_enlarged() {
    let samples = samples(5);
    let picture = draw_sample_grid("five", &samples, 3).unwrap();
    let layout = Layout::new("five", &samples, 3);
    assert_eq!(picture.dimensions(), (28 + 3 * (196 + 28), 28 + 20 + 28 + 2 * (20 + 6 + 196 + 28)));
    for (place, sample) in samples.iter().enumerate() {
        let (left, top) = layout.corner(place);
        let top = top + TEXT_HEIGHT + LEADING;
        for (at, &pixel) in sample.pixels.iter().enumerate() {
            let (x, y) = (left + (at % SIDE) as u32 * SCALE, top + (at / SIDE) as u32 * SCALE);
            for corner in [(0, 0), (SCALE - 1, SCALE - 1)] {
                assert_eq!(
                    picture.get_pixel(x + corner.0, y + corner.1),
                    &Luma([pixel]),
                    "sample {place}, {at}"
                );
            }
        }
    }
}

#[test]
fn long_titles_and_headings_widen_the_picture() {
    let title = "target 12, predicted 13, sure".to_owned();
    let wide = Sample { title: title.clone(), pixels: [0; PIXELS] };
    let width = |heading: &str, samples: &[Sample]| draw_sample_grid(heading, samples, 9).unwrap().width();
    assert_eq!(width("", &[wide.clone(), wide.clone()]), GAP + 2 * (text_width(&title) + GAP));
    let heading = "a heading that is longer than any of the samples under it is wide";
    assert_eq!(width(heading, &[wide]), GAP + text_width(heading) + GAP);
}

#[test]
fn impossible_grids_are_refused() {
    let one = samples(1);
    assert_eq!(
        draw_sample_grid("", &[], 3),
        Err(Error::Grid { field: "samples", expected: "1 to 100", found: 0 })
    );
    for found in [0, 101] {
        let refused = draw_sample_grid("", &one, found);
        assert_eq!(refused, Err(Error::Grid { field: "columns", expected: "1 to 100", found }));
    }
}

#[test]
fn a_saved_grid_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples.png");
    save_sample_grid(&path, "nine", &samples(9), 3).unwrap();
    let read = image::open(&path).unwrap();
    assert_eq!(read.into_luma8(), draw_sample_grid("nine", &samples(9), 3).unwrap());
}

#[test]
fn a_grid_that_cant_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken");
    std::fs::create_dir(&path).unwrap();
    let refused = save_sample_grid(&path, "", &samples(1), 1);
    assert!(matches!(refused, Err(Error::Write { path: found, .. }) if found == path));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_equation_is_written_as_in_the_notebook() {
    assert_eq!(equation(5, 2), "5 + 2 = 7");
    assert_eq!(equation(9, 9), "9 + 9 = 18");
}
