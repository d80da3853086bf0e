//! The known name that a mistyped one was meant to be.

/// The candidate nearest to `name`, if it is near enough: about one slip of the finger in three letters.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let allowed = name.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// The dotted key that `key` was meant to be, out of all `known` ones: the same name in another section (`epochs` for
/// `training.epochs`), else the nearest spelling of the whole, else of its last part anywhere.
pub(super) fn nearest_key(key: &str, known: &[String]) -> Option<String> {
    let last_part = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let name = last_part(key);
    let same_name = known.iter().find(|candidate| last_part(candidate) == name).cloned();
    same_name.or_else(|| nearest(key, known.iter().map(String::as_str))).or_else(|| {
        let near =
            nearest(&name, known.iter().map(|candidate| candidate.rsplit('.').next().unwrap_or_default()))?;
        known.iter().find(|candidate| last_part(candidate) == near).cloned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggestion(key: &str) -> Option<String> {
        nearest_key(
            key,
            &["seed", "optimizer", "optimizer.momentum", "training", "training.epochs"].map(String::from),
        )
    }

    #[test]
    fn slips_are_seen_through() {
        for (key, meant) in [
            ("optimizer.momentun", "optimizer.momentum"),
            ("optimiser.momentum", "optimizer.momentum"),
            ("epochs", "training.epochs"),
            ("training.momentum", "optimizer.momentum"),
            ("epoch", "training.epochs"),
            ("sede", "seed"),
            ("trainning", "training"),
        ] {
            assert_eq!(suggestion(key).as_deref(), Some(meant), "{key}");
        }
    }

    #[test]
    fn a_far_name_gets_no_suggestion() {
        assert_eq!(suggestion("colour"), None);
        assert_eq!(suggestion(""), None);
    }
}
