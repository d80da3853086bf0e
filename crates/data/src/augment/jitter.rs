//! Brightness and contrast of pixels in 0..=255, as torchvision's `adjust_brightness` and `adjust_contrast`.

use crate::PIXELS;

const WHITE: f32 = 255.0;

/// Multiplies every pixel.
pub(super) fn adjust_brightness(pixels: &mut [f32; PIXELS], factor: f32) {
    if factor == 1.0 {
        return;
    }
    for pixel in pixels {
        *pixel = (*pixel * factor).clamp(0.0, WHITE);
    }
}

/// Multiplies every pixel's distance from the mean.
pub(super) fn adjust_contrast(pixels: &mut [f32; PIXELS], factor: f32) {
    if factor == 1.0 {
        return;
    }
    let grey = (1.0 - factor) * mean(pixels);
    for pixel in pixels {
        *pixel = (*pixel * factor + grey).clamp(0.0, WHITE);
    }
}

/// The mean by 16 running sums: one sum would wait for each addition, and the order must not depend on the compiler.
fn mean(pixels: &[f32; PIXELS]) -> f32 {
    let (rows, rest) = pixels.as_chunks::<16>();
    debug_assert!(rest.is_empty());
    let mut sums = [0.0; 16];
    for row in rows {
        for (sum, pixel) in sums.iter_mut().zip(row) {
            *sum += pixel;
        }
    }
    sums.iter().sum::<f32>() / PIXELS as f32
}
