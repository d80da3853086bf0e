//! The frame of all pages: head, fonts, colors.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::Figure;
use crate::drawing::data_url;
use crate::drawing::font::{FAMILY, REGULAR_WOFF2, SEMIBOLD_WOFF2};
use crate::drawing::style::{Theme, rules_of_variables};

/// A whole page.
pub(super) fn page(title: &str, body: &Markup, script: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                // Without one, browsers ask for a file beside the page.
                link rel="icon" href="data:,";
                style { (PreEscaped(style())) }
            }
            body {
                (body)
                @if !script.is_empty() { script { (PreEscaped(script)) } }
            }
        }
    };
    page.into_string()
}

fn style() -> String {
    let face = |weight: u16, font: &[u8]| {
        let url = data_url("font/woff2", font);
        format!("@font-face{{font-family:{FAMILY};font-weight:{weight};src:url({url}) format(\"woff2\")}}\n")
    };
    format!(
        "{}{}:root{{{}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}\n{}\n{}",
        face(400, REGULAR_WOFF2),
        face(600, SEMIBOLD_WOFF2),
        Theme::LIGHT.variables(),
        Theme::DARK.variables(),
        rules_of_variables(),
        include_str!("style.css")
    )
}

/// A figure that shrinks with the page, but not until it cannot be read: then it scrolls. A wide one has a row to itself.
pub(super) fn drawing(name: &str, figure: &Figure) -> Markup {
    let least = (figure.width * 0.68).min(620.0);
    let wide = figure.width > 520.0;
    html! {
        div.drawing.wide[wide] data-figure=(name) {
            div style=(format!("min-width:{least:.0}px")) { (PreEscaped(figure.to_inline())) }
        }
    }
}

/// A number that matters, with what it is.
pub(super) fn card(number: &str, words: &str) -> Markup {
    html! { div.card { div.number { (number) } div.words { (words) } } }
}
