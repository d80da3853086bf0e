//! Grayscale closing: what is darker than its surroundings and thinner than a square is filled with them.

/// The closing of gray levels by a square of `2 * reach + 1` pixels (a dilation, then an erosion), row by row.
pub(crate) fn closing(gray: &[f32], width: usize, reach: usize) -> Vec<f32> {
    let dilated = square(gray, width, reach, f32::max);
    square(&dilated, width, reach, f32::min)
}

/// The extreme of the square around each pixel, as far as it is in the picture.
fn square(values: &[f32], width: usize, reach: usize, extreme: fn(f32, f32) -> f32) -> Vec<f32> {
    let mut across = Vec::with_capacity(values.len());
    for row in values.chunks_exact(width) {
        across.extend(line(row, reach, extreme));
    }
    let height = values.len() / width;
    let mut squares = vec![0.0; values.len()];
    for x in 0..width {
        let column: Vec<f32> = (0..height).map(|y| across[y * width + x]).collect();
        for (y, value) in line(&column, reach, extreme).into_iter().enumerate() {
            squares[y * width + x] = value;
        }
    }
    squares
}

/// The extreme of the values up to `reach` places away, in three comparisons a value however far that is (van Herk, "A fast
/// algorithm for local minimum and maximum filters on rectangular and octagonal kernels", 1992).
fn line(values: &[f32], reach: usize, extreme: fn(f32, f32) -> f32) -> Vec<f32> {
    let (length, window) = (values.len(), 2 * reach + 1);
    let mut forwards = values.to_vec();
    let mut backwards = values.to_vec();
    for place in 1..length {
        if place % window != 0 {
            forwards[place] = extreme(forwards[place - 1], forwards[place]);
        }
    }
    for place in (0..length.saturating_sub(1)).rev() {
        if (place + 1) % window != 0 {
            backwards[place] = extreme(backwards[place + 1], backwards[place]);
        }
    }
    (0..length)
        .map(|place| {
            let (first, last) = (place.saturating_sub(reach), (place + reach).min(length - 1));
            match (first / window == last / window, place < reach) {
                // Cut off by an end, the window is within one block.
                (true, true) => forwards[last],
                (true, false) => backwards[first],
                (false, _) => extreme(backwards[first], forwards[last]),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_those_of_the_window() {
        let values: Vec<f32> = (0..40u32).map(|place| (place * place * 7 % 31) as f32).collect();
        for reach in 0..9 {
            for length in 1..values.len() {
                let values = &values[..length];
                let expected = |place: usize| {
                    let window = &values[place.saturating_sub(reach)..(place + reach + 1).min(length)];
                    window.iter().copied().fold(f32::NEG_INFINITY, f32::max)
                };
                let expected: Vec<f32> = (0..length).map(expected).collect();
                assert_eq!(line(values, reach, f32::max), expected, "reach {reach}, length {length}");
            }
        }
    }

    #[test]
    fn a_thin_line_is_filled_and_a_step_stays() {
        let (width, height) = (30, 20);
        let gray: Vec<f32> = (0..width * height)
            .map(|pixel| match pixel % width {
                8 | 9 => 10.0,
                x if x < 15 => 200.0,
                _ => 90.0,
            })
            .collect();
        let expected: Vec<f32> =
            (0..width * height).map(|pixel| if pixel % width < 15 { 200.0 } else { 90.0 }).collect();
        assert_eq!(closing(&gray, width, 3), expected);
    }
}
