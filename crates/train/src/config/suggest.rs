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

/// The dotted key that `key` was meant to be, out of all `known` ones. In this order: the same name in another section (`epochs`
/// for `training.epochs`), one that it shortens in its section and else anywhere (`optimizer.lr` for `optimizer.learning_rate`),
/// the nearest spelling in its section or, where there is none such, of the whole, and the nearest spelling of its last part anywhere.
pub(super) fn nearest_key(key: &str, known: &[String]) -> Option<String> {
    let (section, name) = parts(key);
    let first = |is_meant: &dyn Fn(&str, &str) -> bool| {
        let meant = |candidate: &&String| {
            let (section, name) = parts(candidate);
            is_meant(section, name)
        };
        known.iter().find(meant).cloned()
    };
    let is_section = known.iter().any(|candidate| candidate == section);
    let spelled_near = || {
        if !is_section {
            return nearest(key, known.iter().map(String::as_str));
        }
        let beside = known.iter().map(|candidate| parts(candidate)).filter(|(other, _)| *other == section);
        nearest(name, beside.map(|(_, name)| name)).map(|near| format!("{section}.{near}"))
    };
    let near_anywhere = || {
        let near = nearest(name, known.iter().map(|candidate| parts(candidate).1))?;
        first(&|_, candidate| candidate == near)
    };
    first(&|_, candidate| candidate == name)
        .or_else(|| first(&|other, candidate| other == section && shortens(name, candidate)))
        .or_else(|| first(&|_, candidate| shortens(name, candidate)))
        .or_else(spelled_near)
        .or_else(near_anywhere)
}

/// The section of a dotted key, empty at the top, and its last part.
fn parts(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}

/// Whether `name` is the first letters of the words of `full`, two or more, or some of its words.
fn shortens(name: &str, full: &str) -> bool {
    let words: Vec<&str> = full.split('_').collect();
    let initials: String = words.iter().filter_map(|word| word.chars().next()).collect();
    let own: Vec<&str> = name.split('_').collect();
    words.len() > 1 && (initials == name || words.windows(own.len()).any(|some| some == own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suggestion(key: &str) -> Option<String> {
        nearest_key(
            key,
            &[
                "seed",
                "optimizer",
                "optimizer.kind",
                "optimizer.learning_rate",
                "optimizer.momentum",
                "training",
                "training.batch_size",
                "training.epochs",
            ]
            .map(String::from),
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
            ("optimizer.lr", "optimizer.learning_rate"),
            ("lr", "optimizer.learning_rate"),
            ("training.lr", "optimizer.learning_rate"),
            ("optimizer.rate", "optimizer.learning_rate"),
            ("training.batch", "training.batch_size"),
            ("batchsize", "training.batch_size"),
        ] {
            assert_eq!(suggestion(key).as_deref(), Some(meant), "{key}");
        }
    }

    #[test]
    fn a_far_name_gets_no_suggestion() {
        assert_eq!(suggestion("colour"), None);
        // The section alone makes no name near.
        assert_eq!(suggestion("optimizer.foo"), None);
        assert_eq!(suggestion(""), None);
    }
}
