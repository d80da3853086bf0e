//! Floats that begin at a cache line.

use std::ops::{Deref, DerefMut};

/// Floats whose first one begins a cache line, so that no register of pixels straddles two lines: each of the passes over
/// pixels would otherwise read and write twice as many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; Line::LEN]);

impl Line {
    const LEN: usize = 16;
    const ZERO: Self = Self([0.0; Self::LEN]);
}

impl Aligned {
    pub(crate) fn zeros(len: usize) -> Self {
        Self { lines: vec![Line::ZERO; len.div_ceil(Line::LEN)], len }
    }

    /// Makes room for exactly `len` values, which are unspecified.
    pub(crate) fn fit(&mut self, len: usize) {
        self.lines.resize(len.div_ceil(Line::LEN), Line::ZERO);
        self.len = len;
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `lines` holds at least `len` floats, one after the other, and is borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: `lines` holds at least `len` floats, one after the other, and is borrowed as long as the slice.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_begin_a_line_and_stay_where_they_are() {
        let mut values = Aligned::zeros(35);
        assert_eq!(*values, [0.0; 35]);
        values[34] = 1.0;
        for len in [100, 35] {
            values.fit(len);
            assert_eq!((values.len(), values.as_ptr().addr() % 64, values[34]), (len, 0, 1.0));
        }
        values.fit(0);
        assert!(values.is_empty());
    }
}
