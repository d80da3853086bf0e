//! Colors, by name of a class. A drawing names classes only, so that a page can show it light or dark.

use super::font::FAMILY;

/// The number of colors that lines can have.
pub(crate) const COLORS: usize = 8;

/// The colors of one appearance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    pub(crate) paper: &'static str,
    pub(crate) ink: &'static str,
    pub(crate) muted: &'static str,
    pub(crate) grid: &'static str,
    /// The one color of heat maps, more or less opaque on the paper.
    pub(crate) heat: &'static str,
    /// Colors of curves and groups: after Okabe and Ito, told apart by readers with any color vision; yellow is left out, for it
    /// cannot be seen on white.
    pub(crate) series: [&'static str; COLORS],
}

impl Theme {
    pub(crate) const LIGHT: Self = Self {
        paper: "#ffffff",
        ink: "#1c2330",
        muted: "#5b6575",
        grid: "#e3e7ee",
        heat: "#08519c",
        series: ["#0072b2", "#d55e00", "#009e73", "#b0568a", "#c98500", "#3a9bdc", "#5b6575", "#7a4fb5"],
    };

    pub(crate) const DARK: Self = Self {
        paper: "#161b24",
        ink: "#e8ecf3",
        muted: "#9aa5b5",
        grid: "#2b3340",
        heat: "#7cc4ff",
        series: ["#4fa8e0", "#f2813a", "#2fc79a", "#de9cc1", "#f0b23e", "#9ad4f5", "#9aa5b5", "#b596e6"],
    };

    /// The theme as CSS variables.
    pub(crate) fn variables(&self) -> String {
        let Self { paper, ink, muted, grid, heat, series } = self;
        let mut css = format!("--paper:{paper};--ink:{ink};--muted:{muted};--grid:{grid};--heat:{heat};");
        for (number, color) in series.iter().enumerate() {
            css += &format!("--series-{number}:{color};");
        }
        css
    }

    /// The rules for the classes of drawings with this theme's colors in them.
    pub(crate) fn rules(&self) -> String {
        let Self { paper, ink, muted, grid, heat, series } = self;
        rules(&[paper, ink, muted, grid, heat], &series.map(str::to_owned))
    }
}

/// The rules for the classes of drawings, to be used with [`Theme::variables`].
pub(crate) fn rules_of_variables() -> String {
    let series: [String; COLORS] = std::array::from_fn(|number| format!("var(--series-{number})"));
    rules(&["var(--paper)", "var(--ink)", "var(--muted)", "var(--grid)", "var(--heat)"], &series)
}

fn rules(&[paper, ink, muted, grid, heat]: &[&str; 5], series: &[String]) -> String {
    let mut css = format!(
        "text{{font-family:{FAMILY},sans-serif;font-size:13px;fill:{ink}}}\
         .bold{{font-weight:600}}\
         .ink{{fill:{ink}}}\
         .muted{{fill:{muted}}}\
         .inverse{{fill:{paper}}}\
         .paper{{fill:{paper}}}\
         .grid{{stroke:{grid};stroke-width:1;fill:none}}\
         .axis{{stroke:{muted};stroke-width:1;fill:none}}\
         .guide{{stroke:{muted};stroke-width:1;stroke-dasharray:4 4;fill:none}}\
         .heat{{fill:{heat}}}\
         .through{{pointer-events:none}}"
    );
    for (number, color) in series.iter().enumerate() {
        css += &format!(
            ".line-{number}{{stroke:{color};stroke-width:2;stroke-linejoin:round;stroke-linecap:round;fill:none}}\
             .fill-{number}{{fill:{color}}}\
             .band-{number}{{fill:{color};fill-opacity:.22}}"
        );
    }
    css
}
