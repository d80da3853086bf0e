//! The dashboard drawn, at any size of the terminal.

use adder_data::SIDE;
use adder_model::thousands;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph};

use super::state::{DashboardState, Mistake};
use adder_report::format::duration;

/// Below this there is room for words only.
const LEAST: (u16, u16) = (60, 16);
/// Columns and rows of a mistake's picture: two columns of pixels a character, two pairs of rows.
const PICTURE: (u16, u16) = (14, 7);
/// Rows that mistakes take, with their words and frame.
const MISTAKES: u16 = PICTURE.1 + 4;

pub(super) fn draw(frame: &mut Frame<'_>, state: &DashboardState) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        frame.render_widget(Paragraph::new(words(state)), area);
        return;
    }
    let mistakes = if area.height >= LEAST.1 + MISTAKES { MISTAKES } else { 0 };
    let rows =
        [Constraint::Length(3), Constraint::Min(6), Constraint::Length(mistakes), Constraint::Length(4)];
    let [head, charts, shown, foot] = area.layout(&Layout::vertical(rows));
    draw_head(frame, head, state);
    let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]);
    let [left, right] = charts.layout(&halves);
    draw_losses(frame, left, state);
    draw_accuracies(frame, right, state);
    if mistakes > 0 {
        draw_mistakes(frame, shown, &state.mistakes);
    }
    frame.render_widget(Paragraph::new(words(state)).block(Block::new().title(keys())), foot);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, state: &DashboardState) {
    let done = state.step as f64 / (state.epochs * state.steps_per_epoch).max(1) as f64;
    let label = format!(
        "epoch {}/{}, step {}/{}",
        state.epoch, state.epochs, state.step_in_epoch, state.steps_per_epoch
    );
    let gauge = Gauge::default()
        .block(Block::bordered().title(format!(" {} ", state.title)))
        .gauge_style(Style::new().fg(Color::Blue))
        .ratio(done.clamp(0.0, 1.0))
        .label(label);
    frame.render_widget(gauge, area);
}

fn keys() -> Line<'static> {
    Line::from("p pause   q or s stop and save").style(Modifier::DIM)
}

/// The numbers, shortest first, for a tiny terminal cuts off the rest.
fn words(state: &DashboardState) -> Vec<Line<'static>> {
    let doing = if state.paused { "paused".bold().yellow() } else { Span::from(state.doing) };
    let best = state.best.map_or_else(String::new, |(epoch, accuracy)| {
        format!("  best validation {accuracy:.2} % after epoch {epoch}")
    });
    vec![
        Line::from(vec![doing, Span::from(format!("  epoch {}/{}", state.epoch, state.epochs))]),
        Line::from(format!(
            "loss {:.4}  both {:.2} %  rate {:.2e}{best}",
            state.losses.last(),
            state.accuracies.last(),
            state.learning_rate
        )),
        Line::from(format!(
            "{} images/s  {} left",
            thousands(state.images_per_second() as u64),
            duration(state.seconds_left())
        )),
    ]
}

fn draw_losses(frame: &mut Frame<'_>, area: Rect, state: &DashboardState) {
    let curves = [("training", Color::Blue, &state.losses.points[..])];
    let highest = state.losses.points.iter().map(|point| point.1).fold(0.1, f64::max);
    draw_chart(frame, area, " loss, moving average ", &curves, highest);
}

fn draw_accuracies(frame: &mut Frame<'_>, area: Rect, state: &DashboardState) {
    let curves = [
        ("training", Color::Blue, &state.accuracies.points[..]),
        ("validation", Color::Yellow, &state.validation[..]),
    ];
    draw_chart(frame, area, " both right (%) ", &curves, 100.0);
}

/// A curve's name, color and points.
type Named<'a> = (&'static str, Color, &'a [(f64, f64)]);

/// Curves over the steps, from zero to `high`.
fn draw_chart(frame: &mut Frame<'_>, area: Rect, title: &'static str, curves: &[Named<'_>], high: f64) {
    let steps = curves.iter().flat_map(|curve| curve.2).map(|point| point.0);
    let (first, last) =
        steps.fold((f64::INFINITY, 0.0), |(first, last), step| (f64::min(first, step), f64::max(last, step)));
    let (first, last) = if first < last { (first, last) } else { (last, last + 1.0) };
    let datasets = curves.iter().map(|&(name, color, points)| {
        Dataset::default()
            .name(name)
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(Style::new().fg(color))
            .data(points)
    });
    let steps = [first, last].map(|step| thousands(step as u64));
    let values = [0.0, high / 2.0, high]
        .map(|value| if high >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") });
    let chart = Chart::new(datasets.collect())
        .block(Block::bordered().title(title))
        .x_axis(Axis::default().bounds([first, last]).labels(steps).style(Modifier::DIM))
        .y_axis(Axis::default().bounds([0.0, high]).labels(values).style(Modifier::DIM));
    frame.render_widget(chart, area);
}

fn draw_mistakes(frame: &mut Frame<'_>, area: Rect, mistakes: &[Mistake]) {
    let block = Block::bordered().title(" mistakes in validation, after the last epoch ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let fitting = usize::from(inner.width / (PICTURE.0 + 2));
    for (place, mistake) in mistakes.iter().take(fitting).enumerate() {
        let left = inner.x + place as u16 * (PICTURE.0 + 2) + 1;
        let mut lines = picture(mistake);
        lines.push(Line::from(mistake.asked.clone()).bold());
        lines.push(Line::from(format!("said {}", mistake.answered)));
        let place = Rect::new(left, inner.y, PICTURE.0, inner.height.min(PICTURE.1 + 2));
        frame.render_widget(Text::from(lines), place);
    }
}

/// The image with a quarter of its columns and rows of pixels in each half of a character.
fn picture(mistake: &Mistake) -> Vec<Line<'static>> {
    let gray = |row: usize, column: usize| {
        let at = |y: usize, x: usize| u16::from(mistake.pixels[(2 * row + y) * SIDE + 2 * column + x]);
        let mean = ((at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4) as u8;
        Color::Rgb(mean, mean, mean)
    };
    let half = |row: usize, column: usize| {
        Span::styled("\u{2580}", Style::new().fg(gray(2 * row, column)).bg(gray(2 * row + 1, column)))
    };
    let (columns, rows) = (usize::from(PICTURE.0), usize::from(PICTURE.1));
    (0..rows)
        .map(|row| Line::from((0..columns).map(|column| half(row, column)).collect::<Vec<_>>()))
        .collect()
}
