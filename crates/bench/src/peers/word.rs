//! How the choices of a competition are spelled for a competitor.

/// The word that stands for a value in a competitor's command line.
pub(super) fn word(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().expect("no value is left out").get_name().into()
}
