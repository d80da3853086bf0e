use super::*;

// The words, the permutation and the numbers were computed by an independent ChaCha8 in Python, after RFC 8439 with eight
// rounds.
#[test]
fn words_are_frozen() {
    let mut stream = Stream::new(1, Purpose::Addend, 2, 3);
    assert_eq!(
        [0; 4].map(|_| stream.next_u32()),
        [3_444_441_023, 1_653_324_736, 1_819_758_844, 2_154_016_172]
    );
}

#[test]
fn floats_integers_and_permutations_are_frozen() {
    let mut stream = Stream::new(42, Purpose::Shuffle, 0, 0);
    assert_eq!(stream.permutation(10), [7, 5, 8, 6, 1, 3, 2, 9, 4, 0]);
    assert_eq!([0; 8].map(|_| stream.below(10)), [5, 0, 9, 3, 0, 0, 3, 2]);
    assert_eq!([0; 3].map(|_| stream.unit()), [0.070_128_98, 0.549_658_9, 0.429_134_85]);
    assert_eq!([0; 3].map(|_| stream.uniform(-20.0, 20.0)), [-19.330_523, -14.488_165, 13.146_545]);
}

#[test]
fn every_part_of_the_key_matters() {
    let base = Stream::new(7, Purpose::Init, 0, 0).next_u64();
    assert_ne!(base, Stream::new(8, Purpose::Init, 0, 0).next_u64());
    assert_ne!(base, Stream::new(7, Purpose::Dropout, 0, 0).next_u64());
    assert_ne!(base, Stream::new(7, Purpose::Init, 1, 0).next_u64());
    assert_ne!(base, Stream::new(7, Purpose::Init, 0, 1).next_u64());
    assert_eq!(base, Stream::new(7, Purpose::Init, 0, 0).next_u64());
}

#[test]
fn integers_are_uniform() {
    let mut stream = Stream::new(3, Purpose::Test, 0, 0);
    let mut counts = [0u32; 10];
    for _ in 0..100_000 {
        counts[stream.below(10) as usize] += 1;
    }
    // The standard deviation of a count is 95; nine degrees of freedom give a chi-square under 27.9 in 999 of 1,000.
    let chi_square: f64 = counts.iter().map(|&count| (f64::from(count) - 10_000.0).powi(2) / 10_000.0).sum();
    assert!(chi_square < 27.9, "{counts:?} has chi-square {chi_square}");
}

#[test]
fn unit_stays_in_its_interval() {
    let mut stream = Stream::new(4, Purpose::Test, 0, 0);
    let values: Vec<f32> = (0..100_000).map(|_| stream.unit()).collect();
    assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len() as f64;
    assert!((mean - 0.5).abs() < 0.004, "mean {mean}");
}

#[test]
fn a_permutation_holds_every_index_once() {
    for len in [0, 1, 2, 17, 1000] {
        let mut indices = Stream::new(5, Purpose::Test, 0, u64::from(len)).permutation(len);
        indices.sort_unstable();
        assert!(indices.into_iter().eq(0..len));
    }
}

#[test]
#[should_panic(expected = "an integer below zero")]
fn below_zero_panics() {
    Stream::new(0, Purpose::Test, 0, 0).below(0);
}

#[test]
fn the_traits_of_rand_give_the_same_words() {
    use rand::{Rng, RngExt};
    let stream = || Stream::new(1, Purpose::Addend, 2, 3);
    let mut words = stream();
    let expected: Vec<u32> = (0..300).map(|_| words.next_u32()).collect();
    let mut generator = stream();
    let mut bytes = [0; 1198];
    Rng::fill_bytes(&mut generator, &mut bytes);
    let found: Vec<u32> =
        bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    assert_eq!(found, expected[..299]);
    assert_eq!(generator.next_u64(), words.next_u64());
    let mut generator = stream();
    assert_eq!(Rng::next_u64(&mut generator), u64::from(expected[1]) << 32 | u64::from(expected[0]));
    assert!((0..100).all(|_| (3..7).contains(&generator.random_range(3..7))));
}

#[test]
fn a_clone_resumes_at_the_same_place() {
    for drawn in [0, 1, 15, 16, 63, 64, 65, 200] {
        let mut stream = Stream::new(9, Purpose::Test, 1, 2);
        (0..drawn).for_each(|_| _ = stream.next_u32());
        let mut clone = stream.clone();
        let words = [0; 100].map(|_| stream.next_u32());
        assert_eq!(words, [0; 100].map(|_| clone.next_u32()), "after {drawn}");
    }
}
