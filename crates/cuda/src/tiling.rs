//! How maps are cut into the parts that blocks of threads compute.

use crate::error::{Error, Result};
use crate::launch::Launch;

/// Threads of a warp.
pub(crate) const WARP: usize = 32;
/// Output channels of a thread, as in the kernels.
pub(crate) const CHANNELS: usize = 4;
const SIDE: usize = 3;
const TAPS: usize = SIDE * SIDE;
/// Threads of the largest block: as many more would need more registers than a card has.
const MOST_THREADS: usize = 512;

/// The limits that maps are cut by. They change the order of sums, so the bits, and the speed; not what is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Outputs of a thread, 1, 2 or 4; by default by the size of the map.
    pub pixels: Option<usize>,
    /// Threads of a block, as far as one row of the map does not need more.
    pub threads: usize,
    /// Words of shared memory of a block.
    pub shared_words: usize,
}

impl Default for Tuning {
    /// 256 threads, and what every card gives a block without asking, less what the kernels declare.
    fn default() -> Self {
        Self { pixels: None, threads: 256, shared_words: 11 * 1024 }
    }
}

/// A convolution cut into bands of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tiling {
    height: usize,
    width: usize,
    padding: usize,
    band: usize,
    pub(crate) bands: usize,
    chunk: usize,
    pixels: usize,
    pub(crate) threads: u32,
    pub(crate) shared_words: usize,
}

impl Tiling {
    /// Cuts a convolution with so many input channels into an output of `[height, width]`.
    pub(crate) fn new(
        part: &str,
        [height, width]: [usize; 2],
        padding: usize,
        in_channels: usize,
        tuning: Tuning,
    ) -> Result<Self> {
        // Small maps keep more threads busy with fewer pixels each.
        let pixels = tuning.pixels.unwrap_or(match height * width {
            400.. => 4,
            100.. => 2,
            _ => 1,
        });
        if width > MOST_THREADS {
            return Err(Error::unsupported(part, format!("maps of up to {MOST_THREADS} columns"), width));
        }
        let mut strips = (tuning.threads / width).clamp(1, height.div_ceil(pixels));
        let words = |strips: usize| TAPS * CHANNELS + (strips * pixels + SIDE - 1) * (width + SIDE - 1);
        while words(strips) > tuning.shared_words && strips > 1 {
            strips = strips.div_ceil(2);
        }
        let chunk = (tuning.shared_words / words(strips)).min(in_channels);
        if chunk == 0 {
            let expected = "maps of which three rows fit into shared memory";
            return Err(Error::unsupported(part, expected, format!("{width} columns")));
        }
        let bands = height.div_ceil(strips * pixels);
        // Bands of about equal height.
        let strips = height.div_ceil(bands).div_ceil(pixels);
        let band = strips * pixels;
        let threads = (width * strips).next_multiple_of(WARP) as u32;
        let shared_words = chunk * words(strips);
        Ok(Self {
            height,
            width,
            padding,
            band,
            bands: height.div_ceil(band),
            chunk,
            pixels,
            threads,
            shared_words,
        })
    }

    /// The kernel of so many pixels a thread.
    pub(crate) fn kernel(self, [one, two, four]: [&'static str; 3]) -> &'static str {
        match self.pixels {
            1 => one,
            2 => two,
            _ => four,
        }
    }

    pub(crate) fn pass(self, launch: Launch) -> Launch {
        let Self { height, width, padding, band, bands, chunk, .. } = self;
        [height, width, padding, band, bands, chunk].into_iter().fold(launch, Launch::word)
    }
}

/// A weight's gradient cut into bands of rows and chunks of input channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WeightTiling {
    pub(crate) band: usize,
    pub(crate) chunk: usize,
    pub(crate) threads: u32,
    pub(crate) shared_words: usize,
}

impl WeightTiling {
    /// Cuts the gradient for an output of `[height, width]` and so many input channels.
    pub(crate) fn new(
        part: &str,
        [height, width]: [usize; 2],
        in_channels: usize,
        tuning: Tuning,
    ) -> Result<Self> {
        let pitch = (width + SIDE - 1) | 1;
        let words = |band: usize, chunk: usize| band * width * CHANNELS + chunk * (band + SIDE - 1) * pitch;
        let (mut band, mut chunk) = (height, in_channels.min(16).min(tuning.threads / SIDE).max(1));
        while words(band, chunk) > tuning.shared_words {
            match (band, chunk) {
                (5.., _) => band = band.div_ceil(2),
                (_, 2..) => chunk = chunk.div_ceil(2),
                (2.., _) => band = band.div_ceil(2),
                _ => {
                    let expected = "maps of which three rows fit into shared memory";
                    return Err(Error::unsupported(part, expected, format!("{width} columns")));
                }
            }
        }
        let tasks = chunk * SIDE;
        let slices = (tuning.threads / tasks).clamp(1, band);
        let threads = (tasks * slices).next_multiple_of(WARP);
        // What the slices are added up in.
        let sums = threads / tasks * tasks * CHANNELS * SIDE;
        Ok(Self { band, chunk, threads: threads as u32, shared_words: words(band, chunk).max(sums) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_of_the_notebook_are_one_band() {
        let tiling = |size, channels| Tiling::new("a", size, 1, channels, Tuning::default()).unwrap();
        for (size, pixels, threads) in [([28, 28], 4, 224), ([14, 14], 2, 128), ([7, 7], 1, 64)] {
            let tiling = tiling(size, 16);
            assert_eq!((tiling.pixels, tiling.bands, tiling.threads), (pixels, 1, threads));
            assert!(tiling.shared_words * 4 < 46 * 1024);
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_and_refused() {
        let tuning = Tuning { shared_words: 400, ..Tuning::default() };
        let tiling = Tiling::new("a", [64, 40], 1, 8, tuning).unwrap();
        assert!(tiling.bands > 1 && tiling.shared_words <= 400);
        assert!(Tiling::new("a", [64, 300], 1, 8, tuning).is_err());
        assert!(Tiling::new("a", [64, 3000], 1, 8, Tuning::default()).is_err());
        let weights = WeightTiling::new("a", [64, 20], 8, tuning).unwrap();
        assert!(weights.shared_words <= 3072 && weights.band < 64);
        assert!(WeightTiling::new("a", [64, 300], 8, tuning).is_err());
    }
}
