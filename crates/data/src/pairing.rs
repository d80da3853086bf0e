//! The number that goes with an image.

use adder_random::{Purpose, Stream};

use crate::ADDENDS;

/// The ten addends in a random order for training image `image` in `epoch`; fresh in every epoch. Those that nobody asks for are
/// not drawn.
pub fn shuffled_addends(seed: u64, epoch: u64, image: u32) -> impl Iterator<Item = u8> {
    let mut stream = Stream::new(seed, Purpose::Addend, epoch, u64::from(image));
    let mut addends: [u8; ADDENDS] = std::array::from_fn(|addend| addend as u8);
    // A Fisher-Yates shuffle, from the front.
    (0..ADDENDS).map(move |place| {
        let other = place + stream.below((ADDENDS - place) as u32) as usize;
        addends.swap(place, other);
        addends[place]
    })
}

/// `count` different addends for training image `image` in `epoch`, each 0..=9; fresh in every epoch.
///
/// The first of them does not depend on `count`; with ten, every addend comes once.
///
/// # Panics
/// If `count` is more than ten.
pub fn training_addends(seed: u64, epoch: u64, image: u32, count: usize) -> impl Iterator<Item = u8> {
    assert!(count <= ADDENDS, "{count} different addends of {ADDENDS}");
    shuffled_addends(seed, epoch, image).take(count)
}

/// The one addend, 0..=9, of a validation or evaluation image; `image` is its index in its own file.
pub fn evaluation_addend(seed: u64, image: u32) -> u8 {
    Stream::new(seed, Purpose::EvaluationAddend, 0, u64::from(image)).below(ADDENDS as u32) as u8
}

/// All ten addends, for exhaustive evaluation.
pub fn all_addends() -> impl Iterator<Item = u8> {
    (0..ADDENDS).map(|addend| addend as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addends_are_frozen() {
        // Computed by an independent ChaCha8 in Python.
        let first =
            |epoch| -> Vec<u8> { (0..8).flat_map(|image| training_addends(1, epoch, image, 1)).collect() };
        assert_eq!(first(0), [1, 2, 7, 9, 4, 1, 4, 4]);
        assert_eq!(first(1), [5, 5, 1, 2, 2, 0, 4, 6]);
        let three = [0, 1, 2].map(|image| training_addends(1, 0, image, 3).collect::<Vec<_>>());
        assert_eq!(three, [[1, 5, 6], [2, 1, 9], [7, 9, 2]]);
        let fixed: Vec<u8> = (0..8).map(|image| evaluation_addend(1, image)).collect();
        assert_eq!(fixed, [2, 1, 6, 5, 6, 8, 9, 1]);
    }

    #[test]
    fn more_addends_begin_with_the_same_and_never_repeat() {
        for image in 0..100 {
            let all: Vec<u8> = training_addends(3, 5, image, ADDENDS).collect();
            for count in 0..=ADDENDS {
                assert!(training_addends(3, 5, image, count).eq(all[..count].iter().copied()));
            }
            let mut sorted = all;
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(all_addends()));
        }
    }

    #[test]
    fn addends_are_uniform_in_every_place() {
        for place in [0, 1, 9] {
            let mut counts = [0u32; ADDENDS];
            for image in 0..20_000 {
                let addend = training_addends(4, 0, image, ADDENDS).nth(place).unwrap();
                counts[usize::from(addend)] += 1;
            }
            // Nine degrees of freedom: under 27.9 in 999 of 1,000 (the seed is fixed).
            let chi_square: f64 =
                counts.iter().map(|&count| (f64::from(count) - 2_000.0).powi(2) / 2_000.0).sum();
            assert!(chi_square < 27.9, "place {place}: {counts:?}");
        }
    }
}
