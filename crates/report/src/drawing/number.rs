//! Numbers as drawings hold them.

/// At most two places behind the point, and no more than needed: `1.5`, `-3`, `0`.
pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_longer_than_needed() {
        let numbers = [1.5, -3.0, 0.0, -0.001, 100.0, 2.006, 1e4];
        assert_eq!(numbers.map(short), ["1.5", "-3", "0", "0", "100", "2.01", "10000"]);
    }
}
