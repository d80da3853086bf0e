//! Runs side by side: first what was different, then what came of it.

use std::collections::BTreeMap;

use adder_model::thousands;
use maud::{Markup, html};

use super::frame::{drawing, page};
use crate::Record;
use crate::drawing::style::COLORS;
use crate::figures::{Compared, comparison};
use crate::format::duration;

/// A comparison of runs as one HTML file: the keys of the configuration that differ, results, curves.
pub fn compare_page(records: &[Record]) -> String {
    let compared: Vec<Compared<'_>> =
        records.iter().map(|record| Compared { name: &record.name, history: &record.history }).collect();
    let body = html! {
        header {
            h1 { (records.len()) " runs compared" }
        }
        main {
            h2 { "What was different" }
            (differences_table(records))
            h2 { "What came of it" }
            (results(records))
            div.figures { (drawing("comparison", &comparison(&compared))) }
        }
        footer { "Validation is for choosing, evaluation for reporting." }
    };
    page("Runs compared \u{b7} identity-adder", &body, "")
}

fn swatch(number: usize) -> Markup {
    html! { span.swatch style=(format!("background:var(--series-{})", number % COLORS)) {} }
}

fn differences_table(records: &[Record]) -> Markup {
    let differences = differences(records);
    html! {
        @if differences.is_empty() { p { "Nothing: all runs have the same configuration." } }
        @else { div.scroll { table {
            tr { th { "key" } @for (number, record) in records.iter().enumerate() { th { (swatch(number)) (record.name) } } }
            @for (key, values) in differences {
                tr { td { (key) } @for value in values { td { (value) } } }
            }
        } } }
    }
}

/// The keys of the configuration that are not the same in all runs, with each run's value.
pub(crate) fn differences(records: &[Record]) -> BTreeMap<String, Vec<String>> {
    let tables: Vec<BTreeMap<String, String>> =
        records.iter().map(|record| flat(&record.config.to_toml())).collect();
    let keys: BTreeMap<&String, ()> = tables.iter().flat_map(BTreeMap::keys).map(|key| (key, ())).collect();
    keys.into_keys()
        .map(|key| (key.clone(), tables.iter().map(|table| value_of(table, key)).collect::<Vec<_>>()))
        .filter(|(_, values)| values.iter().any(|value| *value != values[0]))
        .collect()
}

fn value_of(table: &BTreeMap<String, String>, key: &str) -> String {
    table.get(key).cloned().unwrap_or_else(|| "\u{2013}".into())
}

/// Every dotted key with its value.
fn flat(text: &str) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        collect("", &table, &mut values);
    }
    values
}

fn collect(prefix: &str, table: &toml::Table, values: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        match value {
            toml::Value::Table(section) => collect(&format!("{prefix}{name}."), section, values),
            other => {
                values.insert(format!("{prefix}{name}"), other.to_string());
            }
        }
    }
}

fn results(records: &[Record]) -> Markup {
    let percent = |value: Option<f64>| value.map_or("\u{2013}".into(), |value| format!("{value:.2} %"));
    html! {
        div.scroll { table {
            tr {
                th { "run" } th { "epochs" } th { "best validation" } th { "digit" } th { "sum" } th { "both, evaluation" }
                th { "time" } th { "images/s" }
            }
            @for (number, record) in records.iter().enumerate() {
                @let evaluation = record.evaluation.map(|report| report.metrics);
                tr {
                    td { (swatch(number)) (record.name) }
                    td { (record.history.epochs.len()) " of " (record.config.training.epochs) }
                    td { (percent(record.history.best().map(|best| best.validation.both.accuracy))) }
                    td { (percent(evaluation.map(|metrics| metrics.digit.accuracy))) }
                    td { (percent(evaluation.map(|metrics| metrics.sum.accuracy))) }
                    td { (percent(evaluation.map(|metrics| metrics.both.accuracy))) }
                    td { (duration(record.seconds())) }
                    td { (thousands(record.images_per_second() as u64)) }
                }
            }
        } }
    }
}
