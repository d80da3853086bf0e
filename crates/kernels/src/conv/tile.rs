//! Tiles: the rectangles of output pixels that a convolution keeps in registers.

use std::collections::HashMap;

use crate::Isa;
use crate::arch::{Kernel, Lanes, Width};

/// A rectangle of output pixels that is computed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub rows: usize,
    pub columns: usize,
}

/// A rectangle of output pixels that tiles of one size cover. Where the size does not divide it, the last tiles of a row or
/// column overlap those before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub tile: Tile,
    pub y: usize,
    pub x: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Region {
    /// The number of tiles.
    pub(super) fn tiles(self) -> usize {
        self.rows.div_ceil(self.tile.rows) * self.columns.div_ceil(self.tile.columns)
    }

    /// The upper left corners of the tiles.
    #[inline(always)]
    pub(super) fn corners(self) -> impl Iterator<Item = (usize, usize)> {
        starts(self.y, self.rows, self.tile.rows)
            .flat_map(move |y| starts(self.x, self.columns, self.tile.columns).map(move |x| (y, x)))
    }
}

/// The first pixels of tiles of `size` that cover `len` pixels from `first` on; `len` is at least `size`.
#[inline(always)]
fn starts(first: usize, len: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..len.div_ceil(size)).map(move |tile| first + (tile * size).min(len - size))
}

/// Whether tiles may compute a pixel twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlap {
    /// They may: its value is stored again.
    Allowed,
    /// They may not: its value is added to what is there.
    Forbidden,
}

/// The sums that a kernel can keep in registers.
pub(super) fn accumulators(isa: Isa, width: Width) -> usize {
    isa.run(width, CountAccumulators)
}

/// Covers an output of `rows` by `columns` pixels with the least work that some of `tiles`, each as often as it is of use,
/// can do it with. One of `tiles` must be a single pixel, which fits everywhere.
pub(super) fn cover(
    tiles: &[Tile],
    overlap: Overlap,
    accumulators: usize,
    [rows, columns]: [usize; 2],
) -> Vec<Region> {
    let mut search = Search { tiles, overlap, accumulators, best: HashMap::new() };
    search.best(rows, columns);
    let mut regions = Vec::new();
    search.collect([0, 0], [rows, columns], &mut regions);
    regions
}

/// The tile that covers the upper left part of a rectangle, and the cost of covering all of it.
#[derive(Clone, Copy)]
struct Choice {
    cost: usize,
    tile: Tile,
    /// The rows and columns that this tile covers; a rectangle below and one to the right remain.
    covered: [usize; 2],
}

struct Search<'a> {
    tiles: &'a [Tile],
    overlap: Overlap,
    accumulators: usize,
    /// The best choice for each size of rectangle met so far.
    best: HashMap<[usize; 2], Choice>,
}

impl Search<'_> {
    /// The cost of covering `rows` by `columns` pixels.
    fn best(&mut self, rows: usize, columns: usize) -> usize {
        if rows == 0 || columns == 0 {
            return 0;
        }
        if let Some(choice) = self.best.get(&[rows, columns]) {
            return choice.cost;
        }
        let mut best: Option<Choice> = None;
        for &tile in self.tiles {
            let fits =
                tile.rows <= rows && tile.columns <= columns && tile.rows * tile.columns <= self.accumulators;
            if fits {
                // All of it, with tiles that overlap; or as much as the tile divides, and other tiles for the rest.
                let whole = [rows - rows % tile.rows, columns - columns % tile.columns];
                let all = (self.overlap == Overlap::Allowed).then_some([rows, columns]);
                for covered in all.into_iter().chain([whole]) {
                    let cost = self.cost(tile, covered)
                        + self.best(rows - covered[0], columns)
                        + self.best(covered[0], columns - covered[1]);
                    if best.is_none_or(|best| cost < best.cost) {
                        best = Some(Choice { cost, tile, covered });
                    }
                }
            }
        }
        let best = best.expect("a single pixel fits everywhere");
        self.best.insert([rows, columns], best);
        best.cost
    }

    /// The time of covering a rectangle with one tile, in fused multiply-adds for each weight.
    fn cost(&self, tile: Tile, [rows, columns]: [usize; 2]) -> usize {
        // Fewer than about eight registers of sums wait for one another. One more multiply-add's time goes into reading
        // the weight and, once for a tile, into starting and storing; one more into beginning a rectangle.
        let waiting = (self.accumulators * 2 / 3).min(8);
        let pixels = (tile.rows * tile.columns).max(waiting) + 1;
        let tiles = Region { tile, y: 0, x: 0, rows, columns }.tiles();
        tiles * pixels + 1
    }

    fn collect(&self, [y, x]: [usize; 2], size @ [rows, columns]: [usize; 2], regions: &mut Vec<Region>) {
        if let Some(&Choice { tile, covered, .. }) = self.best.get(&size) {
            regions.push(Region { tile, y, x, rows: covered[0], columns: covered[1] });
            self.collect([y + covered[0], x], [rows - covered[0], columns], regions);
            self.collect([y, x + covered[1]], [covered[0], columns - covered[1]], regions);
        }
    }
}

struct CountAccumulators;

impl Kernel for CountAccumulators {
    type Output = usize;

    #[inline(always)]
    fn run<L: Lanes>(self, _lanes: L) -> usize {
        L::ACCUMULATORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILES: [Tile; 4] = [
        Tile { rows: 2, columns: 3 },
        Tile { rows: 1, columns: 5 },
        Tile { rows: 3, columns: 1 },
        Tile { rows: 1, columns: 1 },
    ];

    #[test]
    fn every_pixel_is_covered_and_none_outside() {
        for overlap in [Overlap::Allowed, Overlap::Forbidden] {
            check_all_sizes(overlap);
        }
    }

    fn check_all_sizes(overlap: Overlap) {
        for rows in 1..12 {
            for columns in 1..12 {
                let mut visits = vec![0; rows * columns];
                for region in cover(&TILES, overlap, 6, [rows, columns]) {
                    assert_eq!(region.tiles(), region.corners().count());
                    for (y, x) in region.corners() {
                        for pixel in 0..region.tile.rows * region.tile.columns {
                            let (dy, dx) = (pixel / region.tile.columns, pixel % region.tile.columns);
                            assert!(y + dy < rows && x + dx < columns);
                            visits[(y + dy) * columns + x + dx] += 1;
                        }
                    }
                }
                let right = |&count: &i32| count == 1 || count > 1 && overlap == Overlap::Allowed;
                assert!(visits.iter().all(right), "{rows}x{columns}: {visits:?}");
            }
        }
    }

    #[test]
    fn a_tile_that_divides_the_output_covers_it_alone() {
        let regions = cover(&TILES, Overlap::Allowed, 6, [4, 9]);
        assert_eq!(regions, [Region { tile: TILES[0], y: 0, x: 0, rows: 4, columns: 9 }]);
    }
}
