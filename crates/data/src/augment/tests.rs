use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::batch::write_plain;
use crate::{PIXELS, normalize};

/// The noise that `tests/golden/augment.py` makes too.
fn pixels() -> [u8; PIXELS] {
    let mut state = 1u32;
    std::array::from_fn(|_| {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        (state >> 16) as u8
    })
}

const IDENTITY: Transform = Transform {
    rotation_degrees: 0.0,
    shift: [0.0, 0.0],
    scale: 1.0,
    displacement: None,
    interpolation: Interpolation::Bilinear,
    brightness: 1.0,
    contrast: 1.0,
    contrast_first: false,
};

fn applied(transform: &Transform, image: &[u8; PIXELS]) -> [f32; PIXELS] {
    let mut out = [f32::NAN; PIXELS];
    transform.apply(image, &mut out);
    out
}

/// The result as a warp alone, in 0..=255.
fn warped(transform: &Transform, image: &[u8; PIXELS]) -> [f32; PIXELS] {
    let mut out = [f32::NAN; PIXELS];
    transform::warp(transform, image, &mut out);
    out
}

#[test]
fn torchvision_gives_the_same_pixels() {
    #[derive(Deserialize)]
    struct Golden {
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        interpolation: Interpolation,
        rotation_degrees: f32,
        shift: [f32; 2],
        scale: f32,
        brightness: f32,
        contrast: f32,
        contrast_first: bool,
        pixels: Vec<f32>,
    }
    let golden: Golden = serde_json::from_str(include_str!("../../tests/golden/augment.json")).unwrap();
    assert_eq!(golden.cases.len(), 8);
    for (number, case) in golden.cases.into_iter().enumerate() {
        let transform = Transform {
            rotation_degrees: case.rotation_degrees,
            shift: case.shift,
            scale: case.scale,
            displacement: None,
            interpolation: case.interpolation,
            brightness: case.brightness,
            contrast: case.contrast,
            contrast_first: case.contrast_first,
        };
        for (at, (found, golden)) in applied(&transform, &pixels()).into_iter().zip(case.pixels).enumerate() {
            // A hundredth of a gray level; the golden numbers are written to a thousandth.
            let difference =
                (found - normalize(golden)).abs() * adder_network::PIXEL_STANDARD_DEVIATION * 255.0;
            assert!(difference < 0.01, "case {number}, pixel {at}: {found} is {difference} gray levels off");
        }
    }
}

#[test]
fn no_change_leaves_every_bit() {
    let mut plain = [0.0; PIXELS];
    write_plain(&pixels(), &mut plain);
    for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
        assert_eq!(applied(&Transform { interpolation, ..IDENTITY }, &pixels()), plain);
    }
    assert_eq!(Augmentation::NONE.draw(1, 2, 3), IDENTITY);
}

#[test]
fn draws_are_frozen() {
    // Computed by an independent ChaCha8 in Python.
    let drawn = Augmentation::NOTEBOOK.draw(1, 2, 3);
    let expected = Transform {
        rotation_degrees: 16.716_438,
        shift: [-2.0, 0.0],
        scale: 1.044_987_3,
        displacement: None,
        interpolation: Interpolation::Nearest,
        brightness: 1.131_341_9,
        contrast: 0.880_106_15,
        contrast_first: false,
    };
    assert_eq!(drawn, expected);

    let grid =
        Augmentation { grid_displacement_pixels: 0.7, rotation_degrees: 0.0, ..Augmentation::NOTEBOOK };
    let Transform { displacement, rotation_degrees, .. } = grid.draw(1, 2, 3);
    assert_eq!(displacement.unwrap()[0][0], [0.087_490_8, -0.344_967_75]);
    assert_eq!(
        Transform { displacement: None, rotation_degrees: 16.716_438, ..grid.draw(1, 2, 3) },
        expected
    );
    assert_eq!(rotation_degrees, 0.0);
}

#[test]
fn every_part_of_the_key_matters() {
    let draw = |seed, epoch, index| Augmentation::NOTEBOOK.draw(seed, epoch, index);
    assert_eq!(draw(1, 2, 3), draw(1, 2, 3));
    for other in [draw(0, 2, 3), draw(1, 0, 3), draw(1, 2, 0)] {
        assert_ne!(draw(1, 2, 3), other);
    }
}

#[test]
fn draws_fill_their_ranges() {
    let drawn: Vec<Transform> = (0..2_000).map(|index| Augmentation::NOTEBOOK.draw(5, 0, index)).collect();
    let range = |part: fn(&Transform) -> f32| {
        let parts = drawn.iter().map(part);
        parts.fold((f32::MAX, f32::MIN), |(low, high), value| (low.min(value), high.max(value)))
    };
    let near = |(low, high): (f32, f32), expected: (f32, f32)| {
        let slack = 0.005 * (expected.1 - expected.0);
        assert!(low >= expected.0 && low < expected.0 + slack, "{low} in {expected:?}");
        assert!(high <= expected.1 && high > expected.1 - slack, "{high} in {expected:?}");
    };
    near(range(|transform| transform.rotation_degrees), (-20.0, 20.0));
    near(range(|transform| transform.scale), (0.9, 1.1));
    near(range(|transform| transform.brightness), (0.8, 1.2));
    near(range(|transform| transform.contrast), (0.8, 1.2));
    assert_eq!(range(|transform| transform.shift[0]), (-3.0, 3.0));
    assert_eq!(range(|transform| transform.shift[1]), (-3.0, 3.0));
    let contrast_first = drawn.iter().filter(|transform| transform.contrast_first).count();
    assert!((900..1100).contains(&contrast_first), "{contrast_first} of 2,000");
}

#[test]
fn equal_nodes_move_the_whole_image() {
    let displaced = Transform { displacement: Some([[[2.0, -1.0]; NODES]; NODES]), ..IDENTITY };
    let shifted = Transform { shift: [-2.0, 1.0], ..IDENTITY };
    for (displaced, shifted) in warped(&displaced, &pixels()).into_iter().zip(warped(&shifted, &pixels())) {
        assert!((displaced - shifted).abs() < 1e-3, "{displaced} and {shifted}");
    }
}

#[test]
fn images_far_away_are_black() {
    for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
        for shift in [[28.0, 0.0], [0.0, -28.0], [-1e6, 1e6]] {
            let gone = Transform { shift, interpolation, ..IDENTITY };
            assert_eq!(warped(&gone, &[255; PIXELS]), [0.0; PIXELS], "{shift:?}");
        }
    }
}

#[test]
fn nonsense_does_not_panic() {
    for nonsense in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, f32::MAX] {
        for interpolation in [Interpolation::Nearest, Interpolation::Bilinear] {
            let transform =
                Transform { scale: nonsense, rotation_degrees: nonsense, interpolation, ..IDENTITY };
            warped(&transform, &pixels());
            warped(&Transform { shift: [nonsense; 2], interpolation, ..IDENTITY }, &pixels());
        }
    }
}

#[test]
fn settings_are_checked() {
    let refused = |change: fn(&mut Augmentation)| {
        let mut augmentation = Augmentation::NOTEBOOK;
        change(&mut augmentation);
        match augmentation.check() {
            Err(Error::Setting { field, .. }) => field,
            other => panic!("{augmentation:?} gave {other:?}"),
        }
    };
    Augmentation::NONE.check().unwrap();
    Augmentation::NOTEBOOK.check().unwrap();
    assert_eq!(refused(|augmentation| augmentation.rotation_degrees = -1.0), "rotation_degrees");
    assert_eq!(refused(|augmentation| augmentation.translation = 1.5), "translation");
    assert_eq!(refused(|augmentation| augmentation.scale = [1.1, 0.9]), "scale");
    assert_eq!(refused(|augmentation| augmentation.scale = [0.0, 1.0]), "scale");
    assert_eq!(refused(|augmentation| augmentation.scale = [1.0, f32::NAN]), "scale");
    assert_eq!(
        refused(|augmentation| augmentation.grid_displacement_pixels = f32::INFINITY),
        "grid_displacement_pixels"
    );
    assert_eq!(refused(|augmentation| augmentation.brightness = f32::NAN), "brightness");
    assert_eq!(refused(|augmentation| augmentation.contrast = 1.01), "contrast");
}

#[test]
fn a_missing_key_means_no_change_and_an_unknown_one_is_an_error() {
    let read = serde_json::from_str::<Augmentation>;
    assert_eq!(read("{}").unwrap(), Augmentation::NONE);
    let nearest = Augmentation { interpolation: Interpolation::Nearest, ..Augmentation::NONE };
    assert_eq!(read(r#"{"interpolation":"nearest"}"#).unwrap(), nearest);
    assert!(read(r#"{"rotation":10}"#).unwrap_err().to_string().contains("unknown field `rotation`"));
    let json = serde_json::to_string(&Augmentation::NOTEBOOK).unwrap();
    assert_eq!(read(&json).unwrap(), Augmentation::NOTEBOOK);
}

/// The definition, pixel by pixel in f64: where is each pixel of the result read? Column and row in the image.
fn naive_place(transform: &Transform, x: usize, y: usize) -> [f64; 2] {
    let angle = f64::from(transform.rotation_degrees).to_radians();
    let across = x as f64 - 13.5 - f64::from(transform.shift[0]);
    let down = y as f64 - 13.5 - f64::from(transform.shift[1]);
    let scale = f64::from(transform.scale);
    let mut place = [
        13.5 + (angle.cos() * across + angle.sin() * down) / scale,
        13.5 + (angle.cos() * down - angle.sin() * across) / scale,
    ];
    if let Some(nodes) = &transform.displacement {
        // Nodes lie at 0, 7, 14, 21 and 28 of the edges; the weight of each falls to 0 at the next.
        for (node_y, row) in nodes.iter().enumerate() {
            for (node_x, displacement) in row.iter().enumerate() {
                let weight = |at: usize, node: usize| {
                    (1.0 - (at as f64 + 0.5 - 7.0 * node as f64).abs() / 7.0).max(0.0)
                };
                let weight = weight(x, node_x) * weight(y, node_y);
                place[0] += weight * f64::from(displacement[0]);
                place[1] += weight * f64::from(displacement[1]);
            }
        }
    }
    place
}

fn naive_pixel(image: &[u8; PIXELS], column: f64, row: f64) -> f64 {
    let inside = |value: f64| (0.0..28.0).contains(&value);
    if inside(column) && inside(row) { f64::from(image[row as usize * SIDE + column as usize]) } else { 0.0 }
}

fn naive_bilinear(image: &[u8; PIXELS], [column, row]: [f64; 2]) -> f64 {
    let mut sum = 0.0;
    for (x, across) in
        [(column.floor(), 1.0 - column.fract_floor()), (column.floor() + 1.0, column.fract_floor())]
    {
        for (y, down) in [(row.floor(), 1.0 - row.fract_floor()), (row.floor() + 1.0, row.fract_floor())] {
            sum += across * down * naive_pixel(image, x, y);
        }
    }
    sum
}

trait FractFloor {
    /// The distance from the next lower integer.
    fn fract_floor(self) -> f64;
}

impl FractFloor for f64 {
    fn fract_floor(self) -> f64 {
        self - self.floor()
    }
}

prop_compose! {
    fn any_transform()(
        rotation_degrees in -180.0f32..180.0,
        shift in proptest::array::uniform2(-28i8..28),
        scale in 0.1f32..5.0,
        nodes in proptest::option::of(proptest::array::uniform5(proptest::array::uniform5(
            proptest::array::uniform2(-9.0f32..9.0),
        ))),
    ) -> Transform {
        Transform { rotation_degrees, shift: shift.map(f32::from), scale, displacement: nodes, ..IDENTITY }
    }
}

proptest! {
    #[test]
    fn bilinear_is_its_definition(transform in any_transform()) {
        let image = pixels();
        for (at, found) in warped(&transform, &image).into_iter().enumerate() {
            let place = naive_place(&transform, at % SIDE, at / SIDE);
            let expected = naive_bilinear(&image, place);
            // A coordinate is right to about 1e-4 of a pixel (scale 0.1 brings values of some hundreds), and
            // neighboring pixels differ by up to 255.
            prop_assert!((f64::from(found) - expected).abs() < 0.05, "pixel {at} at {place:?}: {found}, {expected}");
        }
    }

    #[test]
    fn nearest_is_its_definition(transform in any_transform()) {
        let image = pixels();
        let transform = Transform { interpolation: Interpolation::Nearest, ..transform };
        for (at, found) in warped(&transform, &image).into_iter().enumerate() {
            let place = naive_place(&transform, at % SIDE, at / SIDE).map(|place| place + 0.5);
            let near_tie = place.iter().any(|place| (place - place.round()).abs() < 1e-3);
            let expected = naive_pixel(&image, place[0].floor(), place[1].floor());
            prop_assert!(near_tie || f64::from(found) == expected, "pixel {at} at {place:?}: {found}, {expected}");
        }
    }

    #[test]
    fn pixels_stay_between_black_and_white(seed: u64, index: u32) {
        let strong = Augmentation { brightness: 1.0, contrast: 1.0, ..Augmentation::NOTEBOOK };
        let (black, white) = (normalize(0.0), normalize(255.0));
        for pixel in applied(&strong.draw(seed, 0, index), &pixels()) {
            prop_assert!((black..=white).contains(&pixel), "{pixel}");
        }
    }
}
