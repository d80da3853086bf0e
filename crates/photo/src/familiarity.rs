//! How far an image is from what a digit looks like.
//!
//! A network answers to a letter or a scribble as surely as to a digit: on such pictures its probabilities are as high as on right
//! ones. What tells them apart is whether the image is one that the digit's handwritten forms can make up. Those are taken as the mean
//! and the principal components of MNIST's training images of the digit ("eigenfaces": Turk and Pentland, 1991); what they
//! leave of the image is what that digit never has.
//!
//! The asset, 17,640 bytes, is as small as it may be. On generated pictures, at the same share of right digits doubted, 32
//! components catch no more wrong ones than 16, numbers of 8 bits no more than those of 4, and 28x28 pixels no more than 14x14. A
//! limit for each digit, and a vote of shifted and turned copies, catch fewer.

use crate::digit::Doubt;
use crate::network_image::{NetworkImage, SIDE};

/// Height and width of the averaged image.
const HALF: usize = SIDE as usize / 2;
const PIXELS: usize = HALF * HALF;
/// Principal components of each digit.
const COMPONENTS: usize = 16;
/// Bytes of a component: two numbers of 4 bits in each.
const PACKED: usize = PIXELS / 2;
const DIGITS: usize = 10;
/// For each digit the mean, a byte a pixel, and its components; `assets/familiarity.py` says more and makes it.
static FORMS: &[u8; DIGITS * (PIXELS + COMPONENTS * PACKED)] = include_bytes!("../assets/familiarity.bin");

/// The residual above which an image is doubted: 1.0 % of MNIST's training images have more, and 1.03 % of its evaluation images.
const LIMIT: f32 = 2.4034;

impl NetworkImage {
    /// [`Doubt::Unfamiliar`] where the image is unlike MNIST's images of the digit, 0 to 9, that it was read as; `None` where it is
    /// not, or where there is no such digit.
    ///
    /// Of MNIST's own images 1 % are doubted.
    pub fn doubt(&self, digit: u8) -> Option<Doubt> {
        (self.residual(digit)? > LIMIT).then_some(Doubt::Unfamiliar)
    }

    /// How much of the image the forms of a digit, 0 to 9, leave unexplained: the Euclidean norm over the image averaged to 14x14,
    /// where a pixel of full brightness is 1. `None` where there is no such digit.
    pub fn residual(&self, digit: u8) -> Option<f32> {
        let forms = FORMS.chunks_exact(FORMS.len() / DIGITS).nth(digit.into())?;
        let (mean, components) = forms.split_at(PIXELS);
        let mut rest = self.halved();
        for (pixel, mean) in rest.iter_mut().zip(mean) {
            *pixel -= f32::from(*mean) / 255.0;
        }
        for component in components.chunks_exact(PACKED) {
            take_out(&mut rest, &unpacked(component));
        }
        Some(dot(&rest, &rest).sqrt())
    }

    /// The means of 2x2 pixels, 0 to 1.
    fn halved(&self) -> [f32; PIXELS] {
        let side = SIDE as usize;
        std::array::from_fn(|index| {
            let corner = index / HALF * 2 * side + index % HALF * 2;
            let square = [corner, corner + 1, corner + side, corner + side + 1];
            let sum: u16 = square.iter().map(|&pixel| u16::from(self.pixels()[pixel])).sum();
            f32::from(sum) / (4.0 * 255.0)
        })
    }
}

/// Subtracts the projection on a direction of any length.
fn take_out(rest: &mut [f32; PIXELS], direction: &[f32; PIXELS]) {
    let share = dot(rest, direction) / dot(direction, direction);
    for (value, along) in rest.iter_mut().zip(direction) {
        *value -= share * along;
    }
}

/// The signed numbers of 4 bits, the lower half of a byte first.
fn unpacked(component: &[u8]) -> [f32; PIXELS] {
    std::array::from_fn(|index| {
        let byte = component[index / 2];
        let upper = if index % 2 == 0 { byte << 4 } else { byte & 0xf0 };
        f32::from(upper.cast_signed() >> 4)
    })
}

fn dot(one: &[f32; PIXELS], other: &[f32; PIXELS]) -> f32 {
    // Four sums side by side, which compilers turn into a vector; one alone waits for every addition.
    let mut sums = [0.0; 4];
    for (one, other) in one.as_chunks::<4>().0.iter().zip(other.as_chunks::<4>().0) {
        for lane in 0..4 {
            sums[lane] += one[lane] * other[lane];
        }
    }
    sums.iter().sum()
}
