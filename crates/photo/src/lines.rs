//! The lines of ruled and squared paper, and of forms: thin, straight, and from one side of a view to the other.

use crate::components::THRESHOLD;
use crate::foreground::Foreground;

/// A line is at least so many times as long as thick.
const SLENDER: usize = 8;
/// The thickest line, as a share of the shorter side of the view.
const THICKEST: f32 = 0.025;
/// The share of a side that the pieces of a line cover together.
const COVERED: f32 = 0.85;
/// The share of a side, from either end, in which a line alone is none.
const MARGIN: f32 = 0.03;

/// Takes the lines out of a foreground, and leaves what crosses them.
pub(crate) fn remove(foreground: &mut Foreground) {
    let (width, height) = (foreground.width, foreground.height);
    let ink: Vec<bool> = foreground.values.iter().map(|value| *value >= THRESHOLD).collect();
    let thickest = ((width.min(height) as f32 * THICKEST) as usize).max(2);
    // Across and down are the same but for the order of the pixels.
    let across = Direction { length: width, lines: height, step: 1, next: width };
    let down = Direction { length: height, lines: width, step: width, next: 1 };
    let [runs_across, runs_down] = [across, down].map(|direction| direction.runs(&ink));
    let mut gone = across.line_pixels(&runs_across, &runs_down, thickest);
    gone.extend(down.line_pixels(&runs_down, &runs_across, thickest));
    for pixel in gone {
        foreground.values[pixel] = 0.0;
    }
}

/// Rows or columns.
#[derive(Clone, Copy)]
struct Direction {
    /// The pixels of a row.
    length: usize,
    /// The number of rows.
    lines: usize,
    /// From one pixel of a row to the next.
    step: usize,
    /// From one row to the next.
    next: usize,
}

impl Direction {
    /// For each pixel the length of the run of ink along this direction that it belongs to; 0 outside the ink.
    fn runs(self, ink: &[bool]) -> Vec<usize> {
        let mut runs = vec![0; ink.len()];
        for line in 0..self.lines {
            let at = |place: usize| line * self.next + place * self.step;
            let mut start = 0;
            for place in 0..=self.length {
                if place < self.length && ink[at(place)] {
                    continue;
                }
                for within in start..place {
                    runs[at(within)] = place - start;
                }
                start = place + 1;
            }
        }
        runs
    }

    /// The pixels of the lines along this direction, with their soft edges.
    fn line_pixels(self, along: &[usize], across: &[usize], thickest: usize) -> Vec<usize> {
        let is_thin = |pixel: usize| {
            let thickness = across[pixel];
            thickness > 0 && thickness <= thickest && along[pixel] >= SLENDER * thickness
        };
        let covered = |line: usize| {
            (0..self.length).filter(|place| is_thin(line * self.next + place * self.step)).count()
        };
        let counts: Vec<usize> = (0..self.lines).map(covered).collect();
        let enough = (self.length as f32 * COVERED) as usize;
        // A line that is not quite level covers several rows, each in part.
        let band = thickest.max(3);
        let is_line = |line: usize| {
            let rows = line.saturating_sub(band)..(line + band + 1).min(self.lines);
            // What crosses a line hides it.
            let covers =
                |place: usize| rows.clone().any(|row| along[row * self.next + place * self.step] > 0);
            counts[line] > 0
                && 2 * counts[rows.clone()].iter().sum::<usize>() >= self.length
                && (0..self.length).filter(|&place| covers(place)).count() >= enough
        };
        let lines: Vec<usize> = (0..self.lines).filter(|&line| is_line(line)).collect();
        // A single one at the end may be a stroke of a digit that fills its picture.
        let margin = (self.lines as f32 * MARGIN) as usize;
        if !lines.iter().any(|line| (margin..self.lines - margin).contains(line)) {
            return Vec::new();
        }
        let mut pixels = Vec::new();
        for line in lines {
            // Grain breaks the rows of a line into pieces, and its soft edge on both sides is no ink by itself.
            for row in line.saturating_sub(2)..(line + 3).min(self.lines) {
                let places = (0..self.length).map(|place| row * self.next + place * self.step);
                pixels.extend(places.filter(|&pixel| across[pixel] <= thickest));
            }
        }
        pixels
    }
}
