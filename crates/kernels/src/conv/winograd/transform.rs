//! The transforms of Winograd's algorithm, channels as lanes: additions of whole registers.

use crate::arch::{Kernel, Lanes};
use crate::conv::layout::{BlockedLayout, ChannelBlock};

use super::sizes::{POINTS, SIDE};

/// Maps of tiles, one for each of the points: where transformed values lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Points {
    /// The layout of one map: a pixel for each tile.
    pub map: BlockedLayout,
}

impl Points {
    /// Values from one point's map to the next. A line more than the map: with powers of two, all points of a tile would fall into the
    /// same set of the first-level cache.
    pub(super) fn distance(&self) -> usize {
        self.map.len() + 16
    }

    /// Values of all maps.
    pub(super) fn len(&self) -> usize {
        POINTS * self.distance()
    }
}

/// `transpose(B) d B` of each tile `d`, 4 by 4 values, two of whose rows and columns are the next tile's too.
pub(super) struct TransformInput<'a> {
    pub channel_block: ChannelBlock,
    /// The input. Its border takes part; beyond it are zeros.
    pub from: BlockedLayout,
    pub input: &'a [f32],
    pub to: Points,
    pub output: &'a mut [f32],
}

impl Kernel for TransformInput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channel_block, from, input, to, output } = self;
        assert!(channel_block.channels == L::LANES && input.len() == from.len() && output.len() == to.len());
        let map = to.map;
        let (rows, columns) = (from.height + 2 * from.border, from.row());
        assert!(rows + 1 >= 2 * map.height + 2 && columns + 1 >= 2 * map.width + 2);
        let values = input[from.block_range(channel_block)].as_ptr();
        for tile_y in 0..map.height {
            let window = Window { lanes, values, first: 2 * tile_y, rows, columns };
            // SAFETY: the first two columns are there, and the window reads nothing beyond the map.
            let [mut first, mut second] = unsafe { [window.column(0), window.column(1)] };
            for tile_x in 0..map.width {
                // SAFETY: as above; the tile's place lies in every point's map.
                unsafe {
                    let (third, fourth) = (window.column(2 * tile_x + 2), window.column(2 * tile_x + 3));
                    let tile = tile_y * map.width + tile_x;
                    let mut target = output.as_mut_ptr().add(map.start(channel_block) + tile * L::LANES);
                    for row in 0..SIDE {
                        let points = [
                            lanes.sub(first[row], third[row]),
                            lanes.add(second[row], third[row]),
                            lanes.sub(third[row], second[row]),
                            lanes.sub(second[row], fourth[row]),
                        ];
                        for point in points {
                            lanes.store_ptr(point, target);
                            target = target.wrapping_add(to.distance());
                        }
                    }
                    (first, second) = (third, fourth);
                }
            }
        }
    }
}

/// Four rows of a padded map.
struct Window<L> {
    lanes: L,
    /// The first value of the channel block.
    values: *const f32,
    /// The first of the rows.
    first: usize,
    rows: usize,
    columns: usize,
}

impl<L: Lanes> Window<L> {
    /// `transpose(B)` times column `x` of the window, zeros beyond the map.
    ///
    /// # Safety
    /// The map must be valid for reads, and the first three rows of the window must be its.
    #[inline(always)]
    unsafe fn column(&self, x: usize) -> [L::F; SIDE] {
        let lanes = self.lanes;
        let mut d = [lanes.splat(0.0); SIDE];
        if x < self.columns {
            for (row, value) in d.iter_mut().enumerate() {
                let y = self.first + row;
                if row < SIDE - 1 || y < self.rows {
                    // SAFETY: the pixel is in the map.
                    *value = unsafe { lanes.load_ptr(self.values.add((y * self.columns + x) * L::LANES)) };
                }
            }
        }
        [lanes.sub(d[0], d[2]), lanes.add(d[1], d[2]), lanes.sub(d[2], d[1]), lanes.sub(d[1], d[3])]
    }
}

/// `A y transpose(A)` of each tile `y`, 2 by 2 values of the gradient at the output: the opposite of [`TransformOutput`], of which it
/// is the transpose.
pub(super) struct TransformGradient<'a> {
    pub channel_block: ChannelBlock,
    /// The gradient at the output. Its border takes no part.
    pub from: BlockedLayout,
    pub gradient: &'a [f32],
    pub to: Points,
    pub output: &'a mut [f32],
}

impl Kernel for TransformGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channel_block, from, gradient, to, output } = self;
        assert!(channel_block.channels == L::LANES && gradient.len() == from.len());
        assert!(output.len() == to.len() && to.map.height == from.height.div_ceil(2));
        assert_eq!(to.map.width, from.width.div_ceil(2));
        let (map, zero) = (to.map, lanes.splat(0.0));
        for tile_y in 0..map.height {
            let upper = gradient[from.row_range(channel_block, 2 * tile_y)].as_ptr();
            let has_lower = 2 * tile_y + 1 < from.height;
            for tile_x in 0..map.width {
                let mut columns = [[zero; SIDE]; 2];
                for (column, values) in columns.iter_mut().enumerate() {
                    let x = 2 * tile_x + column;
                    if x < from.width {
                        // SAFETY: the pixel lies in the row, and so does the one below in the next where there is one.
                        let [above, below] = unsafe {
                            let above = upper.add(x * L::LANES);
                            let lower = above.wrapping_add(from.row() * L::LANES);
                            [lanes.load_ptr(above), if has_lower { lanes.load_ptr(lower) } else { zero }]
                        };
                        *values =
                            [above, lanes.add(above, below), lanes.sub(above, below), lanes.sub(zero, below)];
                    }
                }
                let [left, right] = columns;
                let tile = tile_y * map.width + tile_x;
                // SAFETY: the tile's place lies in every point's map.
                unsafe {
                    let mut target = output.as_mut_ptr().add(map.start(channel_block) + tile * L::LANES);
                    for row in 0..SIDE {
                        let points = [
                            left[row],
                            lanes.add(left[row], right[row]),
                            lanes.sub(left[row], right[row]),
                            lanes.sub(zero, right[row]),
                        ];
                        for point in points {
                            lanes.store_ptr(point, target);
                            target = target.wrapping_add(to.distance());
                        }
                    }
                }
            }
        }
    }
}

/// `transpose(A) m A` of the 4 by 4 points of each tile: 2 by 2 outputs, with a bias, not below a floor.
pub(super) struct TransformOutput<'a> {
    /// The channel block of the output.
    pub channel_block: ChannelBlock,
    /// The products of the points, those of this channel block from `first` on in each point's `distance` values.
    pub products: &'a [f32],
    pub first: usize,
    pub distance: usize,
    /// Tiles of a row.
    pub tiles: usize,
    /// The biases from this channel block on.
    pub bias: Option<&'a [f32]>,
    pub floor: f32,
    pub to: BlockedLayout,
    pub output: &'a mut [f32],
}

impl Kernel for TransformOutput<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { channel_block, products, first, distance, tiles, bias, floor, to, output } = self;
        let tile_rows = to.height.div_ceil(2);
        let last = first + (tile_rows * tiles) * L::LANES + (POINTS - 1) * distance;
        assert!(channel_block.channels == L::LANES && last <= products.len() && output.len() == to.len());
        assert_eq!(tiles, to.width.div_ceil(2));
        let bias = match bias {
            Some(bias) => lanes.load_channels(bias),
            None => lanes.splat(0.0),
        };
        let floor = lanes.splat(floor);
        for tile_y in 0..tile_rows {
            let rows = (to.height - 2 * tile_y).min(2);
            for tile_x in 0..tiles {
                let [mut upper, mut lower] = [[lanes.splat(0.0); SIDE]; 2];
                // SAFETY: the tile's place lies in every point's products, as was checked.
                unsafe {
                    let tile = tile_y * tiles + tile_x;
                    let source = products.as_ptr().add(first + tile * L::LANES);
                    for (column, (above, below)) in upper.iter_mut().zip(&mut lower).enumerate() {
                        let mut m = [lanes.splat(0.0); SIDE];
                        for (row, value) in m.iter_mut().enumerate() {
                            *value = lanes.load_ptr(source.add((row * SIDE + column) * distance));
                        }
                        *above = lanes.add(lanes.add(m[0], m[1]), m[2]);
                        *below = lanes.sub(lanes.sub(m[1], m[2]), m[3]);
                    }
                }
                let columns = (to.width - 2 * tile_x).min(2);
                for (row, s) in [upper, lower].iter().enumerate().take(rows) {
                    let values =
                        [lanes.add(lanes.add(s[0], s[1]), s[2]), lanes.sub(lanes.sub(s[1], s[2]), s[3])];
                    let target = &mut output[to.row_range(channel_block, 2 * tile_y + row)];
                    for (column, value) in values.into_iter().enumerate().take(columns) {
                        // `max` gives its second argument where one is NaN, so a NaN passes here.
                        let value = lanes.max(floor, lanes.add(value, bias));
                        lanes.store(value, &mut target[(2 * tile_x + column) * L::LANES..]);
                    }
                }
            }
        }
    }
}
