use std::time::{Duration, Instant};

use super::*;
use crate::{Augmentation, PIXELS, PairSet, SUMS};

/// Images that tell their index, with the labels 0..=9 in turn.
fn data(count: usize) -> Arc<Labeled> {
    let images = (0..count * PIXELS).map(|at| (at / PIXELS * 5 + at % 97) as u8).collect();
    Arc::new(Labeled::new(images, (0..count).map(|at| (at % 10) as u8).collect()).unwrap())
}

fn config(batch_size: usize) -> LoaderConfig {
    LoaderConfig { seed: 5, batch_size, augmentation: Augmentation::NOTEBOOK, ..LoaderConfig::default() }
}

fn loader(config: LoaderConfig, start: Position) -> TrainLoader {
    TrainLoader::new(data(50), (10..33).collect(), config, start).unwrap()
}

const START: Position = Position { epoch: 0, step: 0 };

#[test]
fn an_epoch_reads_each_image_once_and_the_last_batch_is_partial() {
    let mut loader = loader(config(10), START);
    assert_eq!(loader.steps_per_epoch(), 3);
    for epoch in 0..3 {
        let mut read = Vec::new();
        for (step, expected) in [10, 10, 3].into_iter().enumerate() {
            assert_eq!(loader.position(), Position { epoch, step: step as u64 });
            let batch = loader.next_batch();
            assert_eq!(
                (batch.len(), batch.pairs(), batch.images.len()),
                (expected, expected, expected * PIXELS)
            );
            read.extend(batch.indices);
        }
        read.sort_unstable();
        assert!(read.into_iter().eq(10..33));
    }
}

#[test]
fn the_order_is_frozen() {
    // Computed by an independent ChaCha8 and shuffle in Python.
    let config = LoaderConfig { seed: 5, batch_size: 10, ..LoaderConfig::default() };
    let start = Position { epoch: 1, step: 0 };
    let mut loader = TrainLoader::new(data(20), (10..20).collect(), config, start).unwrap();
    assert_eq!(loader.next_batch().indices, [12, 18, 11, 16, 14, 10, 15, 13, 19, 17]);
}

#[test]
fn a_batch_is_what_its_parts_say() {
    let data = data(50);
    for (position, batch) in [0, 1, 2]
        .map(|step| Position { epoch: 4, step })
        .into_iter()
        .zip(loader(config(10), Position { epoch: 4, step: 0 }))
    {
        for (place, &image) in batch.indices.iter().enumerate() {
            let mut pixels = [0.0; PIXELS];
            Augmentation::NOTEBOOK.draw(5, position.epoch, image).apply(data.image(image), &mut pixels);
            assert_eq!(batch.images[place * PIXELS..][..PIXELS], pixels);
            assert!(crate::pairing::training_addends(5, position.epoch, image, 1).eq([batch.addends[place]]));
            assert_eq!(batch.digits[place], data.label(image));
            assert_eq!(batch.sums[place], batch.digits[place] + batch.addends[place]);
        }
    }
}

#[test]
fn no_batch_has_a_pair_that_is_held_out() {
    let held_out: PairSet = PairSet::all().filter(|[digit, addend]| (digit + addend) % 3 == 0).collect();
    let with = |held_out, addends_per_image| {
        let config = LoaderConfig { held_out, addends_per_image, ..config(10) };
        loader(config, START).take(60).collect::<Vec<Batch>>()
    };
    let mut shown = PairSet::default();
    for (found, all) in with(held_out, 3).into_iter().zip(with(PairSet::default(), 10)) {
        assert_eq!(
            (&found.images, &found.indices, found.pairs()),
            (&all.images, &all.indices, 3 * all.len())
        );
        for (place, addends) in found.addends.chunks_exact(3).enumerate() {
            // The first of the image's addends in their order, but for those.
            let digit = all.digits[place * 10];
            let order = all.addends[place * 10..][..10].iter().copied();
            assert!(
                order.filter(|&addend| !held_out.contains(digit, addend)).take(3).eq(addends.iter().copied())
            );
            addends.iter().for_each(|&addend| shown.insert([digit, addend]));
        }
    }
    assert_eq!(shown.len() + held_out.len(), 100, "every other pair is shown");
    let config = LoaderConfig { held_out, addends_per_image: 7, ..config(10) };
    let refused = TrainLoader::new(data(50), vec![1], config, START).map(|_| ());
    assert!(matches!(refused, Err(Error::Setting { field: "addends_per_image", .. })), "{refused:?}");
}

#[test]
fn workers_and_prefetch_change_no_bit() {
    let reference: Vec<Batch> = loader(LoaderConfig { workers: 0, ..config(4) }, START).take(20).collect();
    for (workers, prefetch) in [(1, 1), (1, 9), (2, 1), (3, 4), (5, 2), (8, 64)] {
        let mut loader = loader(LoaderConfig { workers, prefetch, ..config(4) }, START);
        for (step, expected) in reference.iter().enumerate() {
            let batch = loader.next_batch();
            assert_eq!(batch, *expected, "step {step} by {workers} workers");
            // Into used memory, too.
            if step % 3 != 0 {
                loader.recycle(batch);
            }
        }
    }
}

#[test]
fn training_resumes_from_any_position() {
    let all: Vec<Batch> = loader(config(4), START).take(18).collect();
    for (skipped, expected) in all.iter().enumerate() {
        let start = Position { epoch: skipped as u64 / 6, step: skipped as u64 % 6 };
        assert_eq!(loader(config(4), start).next_batch(), *expected, "from {start:?}");
    }
    let mut behind_the_last_step = loader(config(4), Position { epoch: 0, step: 6 });
    assert_eq!(behind_the_last_step.position(), Position { epoch: 1, step: 0 });
    assert_eq!(behind_the_last_step.next_batch(), all[6]);
}

#[test]
fn each_epoch_differs_and_each_seed() {
    let first = |config, epoch| loader(config, Position { epoch, step: 0 }).next_batch();
    let base = first(config(23), 0);
    for other in [first(config(23), 1), first(LoaderConfig { seed: 6, ..config(23) }, 0)] {
        assert_ne!(base.indices, other.indices);
        assert_ne!(base.addends, other.addends);
        assert_ne!(base.images, other.images);
    }
}

#[test]
fn several_addends_follow_their_image() {
    let batch = loader(LoaderConfig { addends_per_image: 3, ..config(10) }, START).next_batch();
    let single = loader(config(10), START).next_batch();
    assert_eq!((batch.len(), batch.pairs(), batch.addends_per_image), (10, 30, 3));
    assert_eq!((&batch.images, &batch.indices), (&single.images, &single.indices));
    for (pair, &sum) in batch.sums.iter().enumerate() {
        assert_eq!(batch.digits[pair], single.digits[pair / 3]);
        assert_eq!(sum, batch.digits[pair] + batch.addends[pair]);
        assert!(usize::from(sum) < SUMS);
    }
    assert!(batch.addends.chunks(3).all(|of_image| of_image[0] != of_image[1]));
}

#[test]
fn later_epochs_can_be_clean() {
    let clean_from = |clean_from_epoch| LoaderConfig { clean_from_epoch, ..config(10) };
    let plain = LoaderConfig { augmentation: Augmentation::NONE, ..config(10) };
    for (epoch, is_clean) in [(0, false), (1, false), (2, true), (3, true)] {
        let start = Position { epoch, step: 1 };
        let found = loader(clean_from(Some(2)), start).next_batch();
        let expected = loader(if is_clean { plain.clone() } else { clean_from(None) }, start).next_batch();
        assert_eq!(found, expected, "epoch {epoch}");
    }
}

#[test]
fn dropping_a_loader_ends_its_threads_at_once() {
    for taken in [0, 1, 7] {
        let data = data(50);
        let config = LoaderConfig { workers: 3, prefetch: 2, ..config(4) };
        let mut loader = TrainLoader::new(data.clone(), (0..50).collect(), config, START).unwrap();
        for _ in 0..taken {
            loader.next_batch();
        }
        let start = Instant::now();
        drop(loader);
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(Arc::strong_count(&data), 1, "a thread still holds the images");
    }
}

#[test]
fn wrong_configurations_are_refused() {
    let refused = |config, indices: Vec<u32>, step| {
        TrainLoader::new(data(5), indices, config, Position { epoch: 0, step }).map(|_| ()).unwrap_err()
    };
    let field = |config| match refused(config, vec![0], 0) {
        Error::Setting { field, .. } => field,
        other => panic!("{other}"),
    };
    assert_eq!(field(config(0)), "batch_size");
    assert_eq!(field(LoaderConfig { addends_per_image: 0, ..config(1) }), "addends_per_image");
    assert_eq!(field(LoaderConfig { addends_per_image: 11, ..config(1) }), "addends_per_image");
    assert_eq!(field(LoaderConfig { workers: 65, ..config(1) }), "workers");
    assert_eq!(field(LoaderConfig { prefetch: 0, ..config(1) }), "prefetch");
    let augmentation = Augmentation { contrast: -1.0, ..Augmentation::NONE };
    assert_eq!(field(LoaderConfig { augmentation, ..config(1) }), "contrast");

    assert!(matches!(refused(config(1), vec![], 0), Error::Setting { field: "indices", .. }));
    assert_eq!(refused(config(1), vec![0, 5], 0), Error::Index { found: 5, images: 5 });
    assert_eq!(refused(config(1), vec![0, 1], 3), Error::Position { found: 3, steps: 2 });
}
