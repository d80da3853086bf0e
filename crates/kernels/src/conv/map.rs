//! How the kernels see a feature map: planes of 16 channels, and zeros around them.

use std::ops::Range;

use crate::arch::Width;

/// The channels of a feature map, padded with zeros until they fill the lanes of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    /// Channels that there are.
    pub count: usize,
    /// Channels that are stored.
    pub stored: usize,
}

impl Channels {
    /// Channels that a kernel computes: multiples of eight are stored.
    pub(crate) fn computed(count: usize) -> Self {
        Self { count, stored: count.next_multiple_of(8) }
    }

    /// Channels that a kernel only reads: a single one, as in a grey image, is stored alone.
    pub(crate) fn read_only(count: usize) -> Self {
        if count == 1 { Self { count, stored: 1 } } else { Self::computed(count) }
    }

    /// The planes: as many of 16 channels as there are, then one of 8 or of 1 for the rest.
    pub(crate) fn planes(self) -> impl Iterator<Item = Plane> {
        (0..self.stored)
            .step_by(16)
            .map(move |first| Plane { first, channels: (self.stored - first).min(16) })
    }
}

/// Up to 16 neighbouring channels of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    /// The first channel.
    pub first: usize,
    /// How many channels: 16 or 8, or 1 for a grey image.
    pub channels: usize,
}

impl Plane {
    /// The lanes that compute such a plane.
    pub(crate) fn width(self) -> Width {
        match self.channels {
            16 => Width::Sixteen,
            8 => Width::Eight,
            other => unreachable!("a plane of {other} channels is only read"),
        }
    }
}

/// One image's feature map: `[plane][row][column][channel of the plane]`, with `border` rows and columns on all sides.
///
/// Up to 16 channels this is NHWC. More are cut into planes, so that the distance between neighbouring pixels is a constant
/// that the kernels are compiled for, and so that a loop over one plane finds it in the first-level cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    pub channels: Channels,
    pub height: usize,
    pub width: usize,
    pub border: usize,
}

impl Map {
    /// Pixels from one row to the next.
    pub(crate) fn row(&self) -> usize {
        self.width + 2 * self.border
    }

    /// Pixels from one plane to the next.
    pub(crate) fn plane_pixels(&self) -> usize {
        self.row() * (self.height + 2 * self.border)
    }

    /// Values that the map holds.
    pub(crate) fn len(&self) -> usize {
        self.channels.stored * self.plane_pixels()
    }

    /// Where a plane begins, its border included.
    pub(crate) fn start(&self, plane: Plane) -> usize {
        plane.first * self.plane_pixels()
    }

    /// The values of a plane, its border included.
    pub(crate) fn plane_range(&self, plane: Plane) -> Range<usize> {
        let start = self.start(plane);
        start..start + self.plane_pixels() * plane.channels
    }

    /// The values of one row of a plane, without the border.
    pub(crate) fn row_range(&self, plane: Plane, y: usize) -> Range<usize> {
        let pixel = (y + self.border) * self.row() + self.border;
        let start = self.start(plane) + pixel * plane.channels;
        start..start + self.width * plane.channels
    }

    /// Sets the border to zero and leaves the interior as it is.
    pub(crate) fn clear_border(&self, values: &mut [f32]) {
        for plane in self.channels.planes() {
            let mut cleared = self.start(plane);
            for y in 0..self.height {
                let interior = self.row_range(plane, y);
                values[cleared..interior.start].fill(0.0);
                cleared = interior.end;
            }
            values[cleared..self.plane_range(plane).end].fill(0.0);
        }
    }

    /// Writes an image, `[c, h, w]`, into the interior; channels that are only stored become zero.
    pub(crate) fn read_nchw(&self, image: &[f32], values: &mut [f32]) {
        let pixels = self.height * self.width;
        for plane in self.channels.planes() {
            for y in 0..self.height {
                let row = &mut values[self.row_range(plane, y)];
                if plane.channels == 1 {
                    row.copy_from_slice(&image[y * self.width..][..self.width]);
                    continue;
                }
                for lane in 0..plane.channels {
                    let channel = plane.first + lane;
                    let targets = row[lane..].iter_mut().step_by(plane.channels);
                    if channel < self.channels.count {
                        let source = &image[channel * pixels + y * self.width..][..self.width];
                        targets.zip(source).for_each(|(target, &value)| *target = value);
                    } else {
                        targets.for_each(|target| *target = 0.0);
                    }
                }
            }
        }
    }

    /// Writes the interior to an image, `[c, h, w]`.
    pub(crate) fn write_nchw(&self, values: &[f32], image: &mut [f32]) {
        let pixels = self.height * self.width;
        for plane in self.channels.planes() {
            for y in 0..self.height {
                let row = &values[self.row_range(plane, y)];
                for lane in 0..plane.channels.min(self.channels.count - plane.first) {
                    let target = &mut image[(plane.first + lane) * pixels + y * self.width..][..self.width];
                    let sources = row[lane..].iter().step_by(plane.channels);
                    target.iter_mut().zip(sources).for_each(|(target, &value)| *target = value);
                }
            }
        }
    }
}
