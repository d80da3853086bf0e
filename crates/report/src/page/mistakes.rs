//! The mistakes, to be paged through.

use adder_data::{DIGITS, PIXELS, SIDE};
use adder_model::argmax;
use adder_train::analysis::WorstImage;
use maud::{Markup, html};

use crate::drawing::{data_url, encode_gray};

/// All mistakes as tiles, with the buttons that a script brings to life.
pub(super) fn mistakes(mistakes: &[(WorstImage, [u8; PIXELS])]) -> Markup {
    html! {
        div.pager hidden {
            button type="button" { "Previous" }
            button type="button" { "Next" }
            label { "Digit " select {
                option value="" { "all" }
                @for digit in 0..DIGITS { option value=(digit) { (digit) } }
            } }
            span.muted role="status" {}
        }
        div.tiles.mistakes {
            @for (worst, pixels) in mistakes { (tile(worst, pixels)) }
        }
    }
}

fn tile(worst: &WorstImage, pixels: &[u8; PIXELS]) -> Markup {
    let image = data_url("image/png", &encode_gray(pixels, SIDE));
    let (digit, digit_percent) = answer(&worst.digit_probabilities);
    let (sum, sum_percent) = answer(&worst.sum_probabilities);
    let addends: Vec<String> = worst.failed_addends.iter().map(u8::to_string).collect();
    html! {
        figure.tile data-digit=(worst.digit) {
            img src=(image) width="112" height="112" loading="lazy" alt=(format!("image {}, a {}", worst.index, worst.digit));
            figcaption {
                b { "a " (worst.digit) } span.muted { " #" (worst.index) } br;
                (format!("read as {digit}, {digit_percent:.0} %")) br;
                (format!("added as {sum}, {sum_percent:.0} %")) br;
                span.muted {
                    @if addends.len() as u64 == worst.pairs { "wrong with all " (worst.pairs) }
                    @else { "wrong with + " (addends.join(", ")) }
                }
            }
        }
    }
}

/// The most probable class, and its probability in percent.
pub(crate) fn answer(probabilities: &[f64]) -> (usize, f64) {
    let class = argmax(probabilities);
    (class, 100.0 * probabilities[class])
}
