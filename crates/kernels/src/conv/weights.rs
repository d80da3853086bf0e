//! Weights in the order in which the kernels read them.

use super::map::{Channels, Plane};

/// The weights of a convolution from `input` to `output` channels, packed as
/// `[output plane][input plane][ky][kx][input channel][output channel]`: one tile of outputs reads them front to back.
///
/// Channels that are only stored have weights of zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packing {
    pub kernel: usize,
    pub input: Channels,
    pub output: Channels,
}

impl Packing {
    /// Packed values.
    pub(crate) fn len(&self) -> usize {
        self.taps() * self.input.stored * self.output.stored
    }

    /// Where the weights from all inputs to one plane of outputs begin.
    pub(crate) fn start(&self, output: Plane) -> usize {
        output.first * self.taps() * self.input.stored
    }

    /// Packs `weight`, `[out, in, k, k]`.
    pub(crate) fn pack(&self, weight: &[f32], packed: &mut [f32]) {
        self.fill(packed, |output, input, tap| weight[self.index(output, input, tap)]);
    }

    /// Packs the weights of the opposite convolution turned by half a turn: a convolution of the gradient at its outputs
    /// with these is the gradient at its inputs.
    ///
    /// `weight` is `[out, in, k, k]` in the names of the opposite convolution, so `[input, output, k, k]` in those of this.
    pub(crate) fn pack_turned(&self, weight: &[f32], packed: &mut [f32]) {
        let opposite = Packing { input: self.output, output: self.input, ..*self };
        let last = self.taps() - 1;
        self.fill(packed, |output, input, tap| weight[opposite.index(input, output, last - tap)]);
    }

    /// The opposite of [`Packing::pack`].
    pub(crate) fn unpack(&self, packed: &[f32], weight: &mut [f32]) {
        let mut rows = packed;
        for place in self.places() {
            let (row, rest) = rows.split_at(place.lanes);
            rows = rest;
            if place.input < self.input.count {
                for (output, &value) in (place.output..self.output.count).zip(row) {
                    weight[self.index(output, place.input, place.tap)] = value;
                }
            }
        }
    }

    fn fill(&self, packed: &mut [f32], weight: impl Fn(usize, usize, usize) -> f32) {
        let mut rows = packed;
        for place in self.places() {
            let (row, rest) = rows.split_at_mut(place.lanes);
            rows = rest;
            row.fill(0.0);
            if place.input < self.input.count {
                for (output, value) in (place.output..self.output.count).zip(row) {
                    *value = weight(output, place.input, place.tap);
                }
            }
        }
    }

    /// The packed rows in their order.
    fn places(&self) -> impl Iterator<Item = Place> {
        let taps = self.taps();
        let input = self.input;
        self.output.planes().flat_map(move |outputs| {
            input.planes().flat_map(move |inputs| {
                let channels = move |tap| {
                    (inputs.first..inputs.first + inputs.channels).map(move |input| Place {
                        output: outputs.first,
                        lanes: outputs.channels,
                        input,
                        tap,
                    })
                };
                (0..taps).flat_map(channels)
            })
        })
    }

    fn index(&self, output: usize, input: usize, tap: usize) -> usize {
        (output * self.input.count + input) * self.taps() + tap
    }

    fn taps(&self) -> usize {
        self.kernel * self.kernel
    }
}

/// One packed row: the weights from one input channel at one tap to consecutive output channels.
struct Place {
    output: usize,
    lanes: usize,
    input: usize,
    tap: usize,
}
