//! Rectangles, neighbors and holes among pixels that stand row by row.

/// A rectangle of pixels; right and bottom are outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoundingBox {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) right: usize,
    pub(crate) bottom: usize,
}

impl BoundingBox {
    /// The rectangle of one pixel.
    pub(crate) fn single(pixel: usize, width: usize) -> Self {
        let (x, y) = (pixel % width, pixel / width);
        Self { left: x, top: y, right: x + 1, bottom: y + 1 }
    }

    /// The rectangle around the pixels of a mask; `None` where there are none.
    pub(crate) fn of_mask(mask: &[bool], width: usize) -> Option<Self> {
        let pixels = mask.iter().enumerate().filter(|(_, inside)| **inside);
        pixels.map(|(pixel, _)| Self::single(pixel, width)).reduce(Self::around)
    }

    pub(crate) fn width(self) -> usize {
        self.right - self.left
    }

    pub(crate) fn height(self) -> usize {
        self.bottom - self.top
    }

    pub(crate) fn longer(self) -> usize {
        self.width().max(self.height())
    }

    pub(crate) fn area(self) -> usize {
        self.width() * self.height()
    }

    /// The smallest rectangle around both.
    pub(crate) fn around(self, other: Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// The free pixels between two rectangles, across and down; negative where they overlap, by as much as they do.
    pub(crate) fn gaps(self, other: Self) -> [isize; 2] {
        let gap = |a: usize, b: usize, c: usize, d: usize| a.max(c) as isize - b.min(d) as isize;
        [
            gap(self.left, self.right, other.left, other.right),
            gap(self.top, self.bottom, other.top, other.bottom),
        ]
    }

    /// `true` if the middle of the other rectangle is inside.
    pub(crate) fn holds_middle_of(self, other: Self) -> bool {
        let (x, y) = ((other.left + other.right) / 2, (other.top + other.bottom) / 2);
        (self.left..self.right).contains(&x) && (self.top..self.bottom).contains(&y)
    }
}

/// The pixels of a mask that cannot be reached from its border over pixels outside the mask, without the mask's own: its holes.
pub(crate) fn holes(mask: &[bool], width: usize) -> Vec<bool> {
    let height = mask.len() / width;
    let mut outside = vec![false; mask.len()];
    let mut open: Vec<usize> = (0..mask.len())
        .filter(|&pixel| {
            let (x, y) = (pixel % width, pixel / width);
            (x == 0 || y == 0 || x + 1 == width || y + 1 == height) && !mask[pixel]
        })
        .collect();
    for &pixel in &open {
        outside[pixel] = true;
    }
    while let Some(pixel) = open.pop() {
        let (x, y) = (pixel % width, pixel / width);
        let sides = [
            (x > 0).then(|| pixel - 1),
            (x + 1 < width).then(|| pixel + 1),
            (y > 0).then(|| pixel - width),
            (y + 1 < height).then(|| pixel + width),
        ];
        for next in sides.into_iter().flatten() {
            if !outside[next] && !mask[next] {
                outside[next] = true;
                open.push(next);
            }
        }
    }
    outside.iter().zip(mask).map(|(outside, inside)| !outside && !inside).collect()
}

/// The pixel itself and up to eight around it.
pub(crate) fn neighbors(pixel: usize, width: usize, height: usize) -> impl Iterator<Item = usize> {
    let (x, y) = (pixel % width, pixel / width);
    let rows = y.saturating_sub(1)..(y + 2).min(height);
    rows.flat_map(move |y| (x.saturating_sub(1)..(x + 2).min(width)).map(move |x| y * width + x))
}
