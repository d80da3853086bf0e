//! Long series made short enough to draw, and calm enough to read.

/// A series of many noisy values, as a figure shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Smoothed {
    /// The values in few pieces, each with its middle, its least and its largest value.
    pub(crate) band: Vec<Band>,
    /// The course of the values.
    pub(crate) line: Vec<(f64, f64)>,
}

/// The range of the values around one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Band {
    pub(crate) x: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// More pieces than this cannot be told apart in a panel.
const PIECES: usize = 240;

/// The range of the values, piece by piece, and their exponential moving average over about a hundredth of the series,
/// without the pull of a starting value.
pub(crate) fn smooth(points: &[(f64, f64)]) -> Smoothed {
    let keep = 1.0 - 1.0 / (points.len() as f64 / 100.0).max(1.0);
    let length = points.len().div_ceil(PIECES).max(1);
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut smoothed = Smoothed::default();
    for piece in points.chunks(length) {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for &(_, y) in piece {
            (sum, weight) = (keep * sum + (1.0 - keep) * y, keep * weight + (1.0 - keep));
            (low, high) = (low.min(y), high.max(y));
        }
        let (first, last) = (piece[0].0, piece[piece.len() - 1].0);
        smoothed.band.push(Band { x: (first + last) / 2.0, low, high });
        smoothed.line.push((last, sum / weight));
    }
    smoothed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_stays_what_it_is() {
        let points: Vec<_> = (0..5000).map(|x| (f64::from(x), 3.0)).collect();
        let Smoothed { band, line } = smooth(&points);
        assert!(line.len() <= PIECES && line.len() == band.len());
        assert!(line.iter().all(|&(_, y)| (y - 3.0).abs() < 1e-9));
        assert_eq!(line.last().unwrap().0, 4999.0);
    }

    #[test]
    fn short_series_are_drawn_as_they_are() {
        let points = [(1.0, 5.0), (2.0, 1.0), (3.0, 4.0)];
        assert_eq!(smooth(&points).line, points);
        assert_eq!(smooth(&[]), Smoothed::default());
    }

    #[test]
    fn the_band_holds_every_value() {
        let points: Vec<_> = (0..1000).map(|x| (f64::from(x), f64::from(x * 7919 % 1000))).collect();
        let band = smooth(&points).band;
        assert_eq!(band.iter().map(|piece| piece.low).fold(f64::INFINITY, f64::min), 0.0);
        assert_eq!(band.iter().map(|piece| piece.high).fold(0.0, f64::max), 999.0);
    }
}
