//! The doubt that an image is no digit: MNIST's own digits keep clear of it, what is none doesn't.

use std::sync::Arc;

use adder_data::{Dataset, Labeled, Source};
use adder_photo::{Doubt, NetworkImage};

/// The limit that `assets/familiarity.py` prints.
const LIMIT: f64 = 2.4034;
const PIXELS: usize = 196;
const COMPONENTS: usize = 16;
static ASSET: &[u8] = include_bytes!("../assets/familiarity.bin");

fn mnist() -> Dataset {
    adder_data::load(&Source::Embedded, &mut |_| ()).unwrap()
}

fn image(data: &Labeled, index: u32) -> NetworkImage {
    NetworkImage::from_pixels(data.image(index)).unwrap()
}

/// The share of the first images of a set that are doubted as what they are.
fn doubted(data: &Arc<Labeled>, count: u32) -> f64 {
    let doubted = (0..count).filter(|&index| image(data, index).doubt(data.label(index)).is_some()).count();
    doubted as f64 / f64::from(count)
}

#[test]
fn one_in_a_hundred_of_mnists_digits_is_doubted() {
    let data = mnist();
    let (train, evaluation) = (doubted(&data.train, 10_000), doubted(&data.evaluation, 10_000));
    println!(
        "doubted: {:.2} % of training images, {:.2} % of evaluation images",
        100.0 * train,
        100.0 * evaluation
    );
    assert!((0.008..0.012).contains(&train), "{train}");
    assert!((0.005..0.015).contains(&evaluation), "{evaluation}");
}

/// The residual in f64 and two dimensions, from the description of the asset alone.
fn residual(pixels: &[u8; 784], digit: usize) -> f64 {
    let forms = &ASSET[digit * ASSET.len() / 10..][..ASSET.len() / 10];
    let mut rest = vec![0.0; PIXELS];
    for (y, row) in pixels.chunks(28).enumerate() {
        for (x, &pixel) in row.iter().enumerate() {
            rest[y / 2 * 14 + x / 2] += f64::from(pixel) / 4.0 / 255.0;
        }
    }
    for (value, &mean) in rest.iter_mut().zip(forms) {
        *value -= f64::from(mean) / 255.0;
    }
    for component in 0..COMPONENTS {
        let bytes = &forms[PIXELS + component * PIXELS / 2..][..PIXELS / 2];
        let signed = |half: u8| if half > 7 { f64::from(half) - 16.0 } else { f64::from(half) };
        let direction: Vec<f64> =
            bytes.iter().flat_map(|byte| [signed(byte % 16), signed(byte / 16)]).collect();
        assert_eq!(direction.iter().copied().fold(f64::MIN, f64::max), 7.0);
        let length = direction.iter().map(|value| value * value).sum::<f64>().sqrt();
        let along: f64 = rest.iter().zip(&direction).map(|(value, unit)| value * unit / length).sum();
        rest.iter_mut().zip(&direction).for_each(|(value, unit)| *value -= along * unit / length);
    }
    rest.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[test]
fn the_residual_is_what_the_asset_says() {
    let data = mnist().evaluation;
    for index in 0..200 {
        for digit in 0..10 {
            let expected = residual(data.image(index), digit.into());
            let image = image(&data, index);
            let found = image.residual(digit).unwrap();
            assert!(
                (f64::from(found) - expected).abs() < 1e-5,
                "image {index} as {digit}: {found}, {expected}"
            );
            assert_eq!(
                image.doubt(digit),
                (expected > LIMIT).then_some(Doubt::Unfamiliar),
                "image {index} as {digit}"
            );
        }
    }
}

#[test]
fn there_are_ten_digits() {
    let image = image(&mnist().evaluation, 0);
    assert_eq!((image.residual(10), image.doubt(10)), (None, None));
    assert_eq!((image.residual(255), image.doubt(255)), (None, None));
}

/// A point, in pixels from the upper left corner.
type Point = (f32, f32);

/// An image of a pen's strokes, 3 pixels wide.
fn drawn<Stroke: AsRef<[Point]>>(strokes: &[Stroke]) -> NetworkImage {
    let distance = |point: Point, from: Point, to: Point| {
        let (along, away) = ((to.0 - from.0, to.1 - from.1), (point.0 - from.0, point.1 - from.1));
        let share = (away.0 * along.0 + away.1 * along.1) / (along.0 * along.0 + along.1 * along.1);
        let share = share.clamp(0.0, 1.0);
        (away.0 - share * along.0).hypot(away.1 - share * along.1)
    };
    let pixel = |index: usize| {
        let point = ((index % 28) as f32 + 0.5, (index / 28) as f32 + 0.5);
        let lines = strokes.iter().flat_map(|stroke| stroke.as_ref().windows(2));
        let nearest = lines.map(|line| distance(point, line[0], line[1])).fold(f32::INFINITY, f32::min);
        (255.0 * (2.0 - nearest).clamp(0.0, 1.0)).round() as u8
    };
    NetworkImage::from_pixels(&(0..784).map(pixel).collect::<Vec<_>>()).unwrap()
}

/// Whatever digit the network takes it for.
#[track_caller]
fn unlike_every_digit(image: &NetworkImage) {
    for digit in 0..10 {
        let residual = image.residual(digit);
        assert_eq!(
            image.doubt(digit),
            Some(Doubt::Unfamiliar),
            "as {digit}: {residual:?}\n{}",
            image.to_text()
        );
    }
}

#[test]
fn letters_are_no_digits() {
    let letters: [&[&[Point]]; 6] = [
        &[&[(6., 24.), (14., 4.), (22., 24.)], &[(9., 17.), (19., 17.)]],
        &[&[(21., 4.), (7., 4.), (7., 24.), (21., 24.)], &[(7., 14.), (18., 14.)]],
        &[&[(6., 4.), (6., 24.)], &[(22., 4.), (22., 24.)], &[(6., 14.), (22., 14.)]],
        &[&[(7., 4.), (7., 24.)], &[(21., 4.), (7., 14.), (21., 24.)]],
        &[&[(5., 24.), (5., 4.), (14., 18.), (23., 4.), (23., 24.)]],
        &[&[(4., 4.), (9., 24.), (14., 8.), (19., 24.), (24., 4.)]],
    ];
    letters.into_iter().for_each(|letter| unlike_every_digit(&drawn(letter)));
}

#[test]
fn crosses_and_boxes_are_no_digits() {
    let cross: [&[Point]; 2] = [&[(5., 5.), (23., 23.)], &[(23., 5.), (5., 23.)]];
    let frame: &[Point] = &[(5., 5.), (23., 5.), (23., 23.), (5., 23.), (5., 5.)];
    unlike_every_digit(&drawn(&cross));
    unlike_every_digit(&drawn(&[frame]));
    unlike_every_digit(&drawn(&[frame, cross[0], cross[1]]));
}

#[test]
fn two_digits_side_by_side_are_not_one() {
    let digits: [&[&[Point]]; 4] = [
        &[&[(0., 2.), (3., 0.), (7., 1.), (8., 5.), (0., 18.), (10., 18.)]],
        &[&[(2., 0.), (0., 11.), (10., 11.)], &[(7., 5.), (7., 18.)]],
        &[&[(0., 0.), (9., 0.), (3., 18.)]],
        &[&[(4., 0.), (0., 4.), (8., 13.), (4., 18.), (0., 13.), (8., 4.), (4., 0.)]],
    ];
    let at = |left: f32, digit: &[&[Point]]| -> Vec<Vec<Point>> {
        digit.iter().map(|stroke| stroke.iter().map(|&(x, y)| (x + left, y + 5.0)).collect()).collect()
    };
    for one in digits {
        for other in digits {
            unlike_every_digit(&drawn(&[at(4.0, one), at(14.0, other)].concat()));
        }
    }
}
