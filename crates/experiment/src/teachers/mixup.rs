//! Mixtures of images, as inputs that no label is known of.

use adder_data::{Batch, PIXELS};
use adder_random::Stream;

/// Moves each image of a batch towards another one of it, by a share of the way drawn from `0..most` (Zhang, Cisse, Dauphin
/// and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2018, with a uniform share and without the labels).
///
/// Every image keeps its place and its addends, and is mixed with what the other one was before. An image that is alone in its
/// batch stays what it is.
pub(crate) fn mix(batch: &mut Batch, most: f32, stream: &mut Stream) {
    let len = batch.len();
    let others = u32::try_from(len.saturating_sub(1)).expect("more than 2^32 images in a batch");
    if others == 0 {
        return;
    }
    let before = batch.images.clone();
    for (place, pixels) in batch.images.chunks_exact_mut(PIXELS).enumerate() {
        let share = stream.uniform(0.0, most);
        let other = (place + 1 + stream.below(others) as usize) % len;
        for (pixel, towards) in pixels.iter_mut().zip(&before[other * PIXELS..]) {
            *pixel += share * (towards - *pixel);
        }
    }
}

#[cfg(test)]
mod tests {
    use adder_random::Purpose;

    use super::*;

    /// A batch of `len` images, the pixels of image i being 1 at place i and 0 elsewhere, so that a mixture shows its parts.
    fn batch(len: usize) -> Batch {
        let mut images = vec![0.0; len * PIXELS];
        (0..len).for_each(|image| images[image * PIXELS + image] = 1.0);
        Batch { images, indices: (0..len as u32).collect(), ..Batch::default() }
    }

    fn mixed(len: usize, most: f32, step: u64) -> Vec<Vec<f32>> {
        let mut batch = batch(len);
        mix(&mut batch, most, &mut Stream::new(5, Purpose::Mixup, 1, step));
        batch.images.chunks_exact(PIXELS).map(|pixels| pixels[..len].to_vec()).collect()
    }

    // The shares and the partners were computed by an independent ChaCha8 in Python, as those of adder-random.
    #[test]
    fn shares_and_partners_are_frozen() {
        let expected = [
            [0.792_696_5, 0.0, 0.0, 0.207_303_5],
            [0.0, 0.917_049, 0.082_951, 0.0],
            [0.0, 0.065_152_8, 0.934_847_2, 0.0],
            [0.0, 0.0, 0.028_053_8, 0.971_946_1],
        ];
        for (found, expected) in mixed(4, 0.5, 2).iter().zip(&expected) {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
            }
        }
    }

    #[test]
    fn every_image_is_mixed_with_one_other_by_a_share_below_the_most() {
        let (len, steps, most) = (16, 200, 0.3);
        let (mut shares, mut partners) = (0.0, [0; 16]);
        for step in 0..steps {
            for (place, pixels) in mixed(len, most, step).iter().enumerate() {
                let others: Vec<_> = (0..len).filter(|&at| at != place && pixels[at] > 0.0).collect();
                let [other] = others[..] else { panic!("{place} of step {step} has {others:?} in it") };
                let share = pixels[other];
                assert!(share < most && (pixels[place] + share - 1.0).abs() < 1e-6, "{share}");
                shares += f64::from(share);
                partners[other] += 1;
            }
        }
        // Of 3,200 shares the mean deviates by 0.0015; of as many partners each is one 200 times, with a deviation of 14.
        assert!((shares / (16.0 * 200.0) - 0.15).abs() < 0.006, "{shares}");
        assert!(partners.iter().all(|count| (130..270).contains(count)), "{partners:?}");
    }

    #[test]
    fn an_image_alone_stays_as_it_is_and_so_do_none() {
        assert_eq!(mixed(1, 0.5, 0), [[1.0]]);
        assert!(mixed(0, 0.5, 0).is_empty());
    }
}
