//! Every operation of every instruction set against plain Rust, on values chosen to tell the rules apart.

use super::{Kernel, Lanes, Width};
use crate::Isa;

/// Each pair of these meets in some lane: signed zeros, a NaN, values that differ in sign and size.
const SPECIAL: [f32; 8] = [0.0, -0.0, 1.5, -1.5, f32::NAN, 3.0e38, f32::INFINITY, 1.0e-40];
const WORDS: [u32; 4] = [0, 1, 0x7fff_ffff, 0xdead_beef];

/// The bits of every operation's result on the given operands.
struct Everything {
    a: [f32; 16],
    b: [f32; 16],
    word: u32,
}

impl Kernel for Everything {
    type Output = Vec<Vec<u32>>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<Vec<u32>> {
        let (a, b) = (lanes.load(&self.a), lanes.load(&self.b));
        let yes = lanes.gt(a, b);
        let words = lanes.add_u32(lanes.iota(), lanes.splat_u32(self.word));
        let word = lanes.splat_u32(self.word);
        let floats = [
            lanes.splat(self.a[0]),
            lanes.add(a, b),
            lanes.sub(a, b),
            lanes.mul(a, b),
            lanes.fma(a, b, a),
            lanes.max(a, b),
            lanes.abs(a),
            lanes.set_sign(yes, b),
            lanes.select(yes, a, b),
            lanes.zero_unless(yes, a),
            lanes.zero_if(yes, b),
            lanes.select(lanes.sign(a), a, b),
            lanes.select(lanes.lt_u32(words, word), a, b),
            lanes.select(lanes.lt_u32(lanes.mul_u32(words, words), word), a, b),
            lanes.select(lanes.lt_u32(lanes.xor_u32(words, word), lanes.splat_u32(3)), a, b),
            lanes.select(lanes.lt_u32(lanes.shr_u32(words, 15), lanes.splat_u32(0xffff)), a, b),
        ];
        let mut output = vec![0.0; L::LANES];
        let bits = |floats| {
            lanes.store(floats, &mut output);
            // Which NaN comes out of an operation is not promised.
            output.iter().map(|x| if x.is_nan() { u32::MAX } else { x.to_bits() }).collect()
        };
        floats.map(bits).to_vec()
    }
}

#[test]
fn operations_agree_with_plain_rust() {
    for word in WORDS {
        for rotation in 0..SPECIAL.len() {
            let a = std::array::from_fn(|i| SPECIAL[i % 8]);
            let b = std::array::from_fn(|i| SPECIAL[(i + rotation + i / 8) % 8]);
            for width in [Width::Eight, Width::Sixteen] {
                let expected = Isa::SCALAR.run(width, Everything { a, b, word });
                for isa in Isa::available() {
                    assert_eq!(isa.run(width, Everything { a, b, word }), expected, "{isa} {width:?}");
                }
            }
        }
    }
}

/// Golden values for the one set that the others are compared with.
#[test]
fn scalar_operations_are_what_their_names_say() {
    let b = [1.0; 16];
    let mut a = [2.0; 16];
    a[..5].copy_from_slice(&[0.5, -0.0, f32::NAN, -3.0, 1.0]);
    let results = Isa::SCALAR.run(Width::Eight, Everything { a, b, word: 2 });
    let first_five =
        |operation: usize| -> [f32; 5] { std::array::from_fn(|i| f32::from_bits(results[operation][i])) };
    assert_eq!(first_five(5), [1.0, 1.0, 1.0, 1.0, 1.0], "max");
    assert_eq!(first_five(7), [1.0, 1.0, 1.0, 1.0, 1.0], "set_sign, where a > b is nowhere");
    assert_eq!(f32::from_bits(results[7][5]), -1.0, "set_sign, where a > b");
    assert_eq!(first_five(11)[1].to_bits(), (-0.0f32).to_bits(), "the sign of -0.0 is seen");
    assert_eq!(first_five(11)[0], 1.0, "and no sign elsewhere");
    assert_eq!(first_five(12), [1.0; 5], "words from 2 up are not below 2");
}

/// Interleaves four pixels at odd distances, and back.
struct Interleaved {
    input: Vec<f32>,
}

impl Kernel for Interleaved {
    type Output = [Vec<f32>; 2];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [Vec<f32>; 2] {
        let (channel, pixel) = (7, L::LANES + 3);
        let (mut pixels, mut channels) = (vec![-1.0; 4 * pixel], vec![-1.0; 7 * L::LANES]);
        // SAFETY: the last places are those of pixel 3 and channel `LANES - 1`, and lie inside.
        unsafe {
            lanes.interleave(self.input.as_ptr(), channel, pixels.as_mut_ptr(), pixel);
            lanes.deinterleave(pixels.as_ptr(), pixel, channels.as_mut_ptr(), channel);
        }
        [pixels, channels]
    }
}

#[test]
fn channels_are_interleaved_and_come_back() {
    for width in [Width::Eight, Width::Sixteen] {
        let lanes = width.lanes();
        let input: Vec<f32> = (0..7 * lanes).map(|value| value as f32).collect();
        for isa in Isa::available() {
            let [pixels, channels] = isa.run(width, Interleaved { input: input.clone() });
            for (at, &value) in pixels.iter().enumerate() {
                let (p, c) = (at / (lanes + 3), at % (lanes + 3));
                let expected = if c < lanes { (c * 7 + p) as f32 } else { -1.0 };
                assert_eq!(value, expected, "{isa} at pixel {p}, channel {c}");
            }
            for (at, &value) in channels.iter().enumerate() {
                let expected = if at % 7 < 4 { at as f32 } else { -1.0 };
                assert_eq!(value, expected, "{isa} at {at}");
            }
        }
    }
}
