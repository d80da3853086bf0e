use super::*;

const RATE: f32 = 0.1;
const C: usize = 8;
const W: usize = 28;
/// Elements of one image: 28x28x8, the network's first block.
const SIZE: usize = W * W * C;
const IMAGES: u32 = 1000;

fn rate() -> DropoutRate {
    DropoutRate::new(RATE).unwrap()
}

/// One image's dropped elements as 0 and 1, in NHWC order.
fn dropped(key: DropoutKey, block: u32, image: u32) -> Vec<u32> {
    let key = key.image(block, image);
    (0..SIZE as u32).map(|index| u32::from(!key.keep(index, rate()))).collect()
}

/// How many standard deviations `count` lies from the mean of a binomial of `trials` with probability `p`.
fn deviations(count: u64, trials: u64, p: f64) -> f64 {
    let (trials, count) = (trials as f64, count as f64);
    (count - trials * p) / (trials * p * (1.0 - p)).sqrt()
}

/// How many standard deviations a sum of `n` squared deviations lies from its mean: it is a chi-square, of mean n and
/// variance 2n, and both too much and too little scatter are wrong.
fn chi_square_deviations(squares: f64, n: f64) -> f64 {
    (squares - n) / (2.0 * n).sqrt()
}

/// Of pairs of elements, each image's number of those with both dropped scatters as with independent elements.
///
/// `overlaps` counts the elements that are the left of one pair and the right of another.
fn assert_independent(images: &[Vec<(u32, u32)>], overlaps: usize, what: &str) {
    let p = f64::from(RATE);
    let mut squares = 0.0;
    for pairs in images {
        let both = pairs.iter().map(|(left, right)| left & right).sum::<u32>();
        let n = pairs.len() as f64;
        let variance = n * (p.powi(2) - p.powi(4)) + 2.0 * overlaps as f64 * (p.powi(3) - p.powi(4));
        squares += (f64::from(both) - n * p.powi(2)).powi(2) / variance;
    }
    let deviation = chi_square_deviations(squares, images.len() as f64);
    assert!(deviation.abs() < 4.0, "{what}: {deviation} deviations off");
}

// Computed by an independent implementation in Python; the first word out of SplitMix64 with seed 0 is published.
#[test]
fn hashes_are_frozen() {
    assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
    let indices = [0, 1, 2, 6271, u32::MAX];
    let key = DropoutKey(0x0123_4567_89ab_cdef).image(3, 127);
    assert_eq!(key, ImageKey { offset: 4_195_172_445, twist: 2_766_888_281 });
    assert_eq!(
        indices.map(|index| key.hash(index)),
        [1_084_121_196, 4_043_279_911, 1_274_241_388, 2_878_123_554, 3_114_137_127]
    );
    let key = DropoutKey(0).image(0, 0);
    assert_eq!(
        indices.map(|index| key.hash(index)),
        [4_082_096_482, 146_757_054, 3_613_242_590, 1_969_859_855, 1_070_776_113]
    );
    let dropped: Vec<u32> = (0..64).filter(|&index| !key.keep(index, rate())).collect();
    assert_eq!(dropped, [1, 3, 32, 36, 51, 53]);
}

#[test]
fn a_rate_knows_its_threshold_and_scale() {
    assert_eq!(DropoutRate::new(0.0), Ok(DropoutRate::ZERO));
    let half = DropoutRate::new(0.5).unwrap();
    assert_eq!((half.threshold(), half.scale()), (1 << 31, 2.0));
    let almost_one = DropoutRate::new(1.0 - f32::EPSILON / 2.0).unwrap();
    assert_eq!(almost_one.threshold(), u32::MAX - 255);
    for probability in [-0.1, 1.0, f32::INFINITY] {
        let error = Error::Probability { argument: "probability", found: probability };
        assert_eq!(DropoutRate::new(probability), Err(error));
    }
    assert!(DropoutRate::new(f32::NAN).is_err());
}

#[test]
fn a_rate_of_zero_drops_nothing() {
    let key = DropoutKey(1).image(0, 0);
    assert!((0..100_000).all(|index| key.keep(index, DropoutRate::ZERO)));
}

#[test]
fn channels_pixels_and_images_drop_at_the_rate() {
    let mut of_channel = [0u64; C];
    let mut of_pixel = [0u64; W * W];
    let mut image_squares = 0.0;
    for image in 0..IMAGES {
        let dropped = dropped(DropoutKey(7), 1, image);
        for (index, &dropped) in dropped.iter().enumerate() {
            of_channel[index % C] += u64::from(dropped);
            of_pixel[index / C] += u64::from(dropped);
        }
        let count = dropped.iter().map(|&dropped| u64::from(dropped)).sum();
        image_squares += deviations(count, SIZE as u64, RATE.into()).powi(2);
    }
    for (channel, &count) in of_channel.iter().enumerate() {
        let deviation = deviations(count, u64::from(IMAGES) * (W * W) as u64, RATE.into());
        assert!(deviation.abs() < 4.0, "channel {channel}: {deviation} deviations off");
    }
    let pixel_squares: f64 = of_pixel
        .iter()
        .map(|&count| deviations(count, u64::from(IMAGES) * C as u64, RATE.into()).powi(2))
        .sum();
    for (squares, n, what) in
        [(pixel_squares, (W * W) as f64, "pixels"), (image_squares, f64::from(IMAGES), "images")]
    {
        let deviation = chi_square_deviations(squares, n);
        assert!(deviation.abs() < 4.0, "{what}: chi-square {squares} for {n}");
    }
}

#[test]
fn the_high_bits_of_the_hash_are_uniform() {
    let mut counts = [0u64; 256];
    for image in 0..100 {
        let key = DropoutKey(3).image(0, image);
        (0..SIZE as u32).for_each(|index| counts[(key.hash(index) >> 24) as usize] += 1);
    }
    let trials = 100 * SIZE as u64;
    let squares: f64 = counts.iter().map(|&count| deviations(count, trials, 1.0 / 256.0).powi(2)).sum();
    assert!(chi_square_deviations(squares, 255.0).abs() < 4.0, "chi-square {squares} for 255");
}

#[test]
fn neighbors_are_independent() {
    let images: Vec<Vec<u32>> = (0..IMAGES).map(|image| dropped(DropoutKey(11), 2, image)).collect();
    // The network's own distances (channel, pixel, row), then numbers of Fibonacci, at which INDEX_STEP moves the
    // counter least, and two that caught a shorter hash.
    let distances =
        [1, 2, 4, C, 16, 2 * C, W * C, W * C + C, 233, 377, 610, 987, 1449, 1597, 1723, 2584, 4181];
    for distance in distances {
        let pairs: Vec<Vec<(u32, u32)>> = images
            .iter()
            .map(|image| image.iter().copied().zip(image[distance..].iter().copied()).collect())
            .collect();
        let overlaps = SIZE.saturating_sub(2 * distance);
        assert_independent(&pairs, overlaps, &format!("elements {distance} apart"));
    }
}

#[test]
fn images_blocks_and_steps_are_independent() {
    type Change = fn(u64, u32) -> (u64, u32, u32);
    let changes: [(&str, Change); 4] = [
        ("images", |key, image| (key, 0, image + 1)),
        ("distant images", |key, image| (key, 0, image + 0x1_0000)),
        ("blocks", |key, image| (key, 1, image)),
        ("steps", |key, image| (key + 1, 0, image)),
    ];
    for (what, change) in changes {
        let pairs: Vec<Vec<(u32, u32)>> = (0..IMAGES)
            .map(|image| {
                let (key, block, other) = change(5, image);
                let left = dropped(DropoutKey(5), 0, image);
                left.into_iter().zip(dropped(DropoutKey(key), block, other)).collect()
            })
            .collect();
        assert_independent(&pairs, 0, what);
    }
}

#[test]
fn a_mask_holds_zeros_and_scales_in_nchw_order() {
    let (key, shape @ [b, c, h, w]) = (DropoutKey(9), [3, 5, 4, 7]);
    let mut output = vec![f32::NAN; b * c * h * w];
    mask(key, 2, rate(), shape, &mut output).unwrap();
    let mut values = output.iter();
    for image in 0..b {
        for channel in 0..c {
            for pixel in 0..h * w {
                let keep = key.image(2, image as u32).keep((pixel * c + channel) as u32, rate());
                assert_eq!(*values.next().unwrap(), if keep { 1.0 / (1.0 - RATE) } else { 0.0 });
            }
        }
    }
    let dropped = output.iter().filter(|&&value| value == 0.0).count();
    assert!((20..70).contains(&dropped), "{dropped} of 420 dropped");
}

#[test]
fn empty_masks_and_wrong_lengths() {
    for shape in [[0, 2, 3, 4], [2, 0, 3, 4], [2, 3, 0, 4], [2, 3, 4, 0]] {
        assert_eq!(mask(DropoutKey(0), 0, rate(), shape, &mut []), Ok(()));
    }
    let error = mask(DropoutKey(0), 0, rate(), [1, 2, 3, 4], &mut [0.0; 23]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "output", expected: 24, found: 23 });
    let shape = [0, 1 << 11, 1 << 11, 1 << 11];
    let error = mask(DropoutKey(0), 0, rate(), shape, &mut []).unwrap_err();
    assert_eq!(error, Error::TooLarge { argument: "output", shape: shape.to_vec() });
}

#[test]
fn dropped_tensors_are_the_input_times_the_mask() {
    let shape = [3, 5, 4, 2];
    let input: Vec<f32> = (0..120).map(|at| at as f32 - 60.0).collect();
    let (mut factors, mut output) = (vec![f32::NAN; 120], vec![f32::NAN; 120]);
    mask(DropoutKey(3), 1, rate(), shape, &mut factors).unwrap();
    dropout(DropoutKey(3), 1, rate(), shape, &input, &mut output).unwrap();
    assert!(factors.contains(&0.0) && factors.contains(&rate().scale()));
    assert!(
        output.iter().zip(&input).zip(&factors).all(|((output, input), factor)| *output == input * factor)
    );
    let nan = DropoutRate::new(0.9).unwrap();
    dropout(DropoutKey(3), 1, nan, [1, 1, 1, 64], &[f32::NAN; 64], &mut output[..64]).unwrap();
    assert!(output[..64].iter().all(|value| value.is_nan()), "a NaN is not hidden");
    let error = dropout(DropoutKey(3), 1, rate(), shape, &input[1..], &mut output).unwrap_err();
    assert_eq!(error, Error::Length { argument: "input", expected: 120, found: 119 });
    dropout(DropoutKey(3), 1, rate(), [2, 0, 4, 2], &[], &mut []).unwrap();
}
