//! `exp` and `ln` as fixed sequences of exact IEEE operations: the same bits on every machine, which libm's are not,
//! and an `exp` that compilers vectorize.

use std::f32::consts::{LN_2, LOG2_E};

/// Adding this rounds to an integer, and leaves that integer plus 127, a float's exponent bias, in the lowest bits.
const ROUND: f32 = 12_582_912.0 + 127.0;
/// ln 2 in two parts; the first has so few bits that its product with an exponent is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// The minimax polynomial of `expf` in Moshier's Cephes library, the highest power first.
const EXP: [f32; 6] = [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_66, 0.5];

/// e^x for x at most 0, to 1.2e-7 relative; below -87, where it is no longer a normal number, e^-87. A NaN stays one.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = if x < -87.0 { -87.0 } else { x };
    // x = n ln 2 + r with |r| at most half of ln 2.
    let rounded = x.mul_add(LOG2_E, ROUND);
    let n = rounded - ROUND;
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    let mut polynomial = EXP[0];
    for coefficient in &EXP[1..] {
        polynomial = polynomial.mul_add(r, *coefficient);
    }
    let exp_r = polynomial.mul_add(r * r, r) + 1.0;
    exp_r * f32::from_bits(rounded.to_bits() << 23)
}

/// ln x for x of at least 1, to 1.5e-7 relative (absolute where ln x is below 1). A NaN and infinity stay what they
/// are.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    if !x.is_finite() {
        return x;
    }
    // x = 2^n m with m between the roots of 1/2 and 2: those bits are subtracted before the exponent is cut off.
    const ROOT_HALF: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    let n = (x.to_bits().wrapping_sub(ROOT_HALF) as i32) >> 23;
    let m = f32::from_bits(x.to_bits().wrapping_sub((n << 23) as u32));
    // ln m = 2 artanh((m - 1) / (m + 1)), whose series ends soon: s is at most 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let series = 1.0 + z * (1.0 / 3.0 + z * (1.0 / 5.0 + z * (1.0 / 7.0 + z * (1.0 / 9.0))));
    (n as f32).mul_add(LN_2, 2.0 * s * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_as_exact_as_it_says() {
        let mut worst = 0f64;
        for step in 0..=8_700_000 {
            let x = -(step as f32) * 1e-5;
            let expected = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) / expected - 1.0).abs());
        }
        assert!(worst < 1.2e-7, "{worst}");
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        for below in [-87.5, -1e30, f32::NEG_INFINITY] {
            assert_eq!(exp(below), exp(-87.0));
        }
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn ln_is_as_exact_as_it_says() {
        let mut worst = 0f64;
        for step in 0..=4_000_000 {
            let x = 1.0 + (step as f32) * 1e-4;
            let expected = f64::from(x).ln();
            worst = worst.max((f64::from(ln(x)) - expected).abs() / expected.max(1.0));
        }
        assert!(worst < 1.5e-7, "{worst}");
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(f32::INFINITY), f32::INFINITY);
        assert!(ln(f32::NAN).is_nan());
    }
}
