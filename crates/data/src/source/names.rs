//! The names under which people have the four files of a set in MNIST's form.

/// One of the four files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    TrainImages,
    TrainLabels,
    EvaluationImages,
    EvaluationLabels,
}

impl Part {
    pub(crate) const ALL: [Self; 4] =
        [Self::TrainImages, Self::TrainLabels, Self::EvaluationImages, Self::EvaluationLabels];

    /// MNIST's name of the raw file; a packed one has `.gz` behind it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TrainImages => "train-images-idx3-ubyte",
            Self::TrainLabels => "train-labels-idx1-ubyte",
            Self::EvaluationImages => "t10k-images-idx3-ubyte",
            Self::EvaluationLabels => "t10k-labels-idx1-ubyte",
        }
    }
}

/// What a file's name says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// What stands before the part, in lower case and with hyphens: `emnist-digits`, `qmnist`, or nothing for MNIST.
    pub(crate) family: String,
    pub(crate) part: Part,
}

const TRAIN: [&str; 2] = ["train", "training"];
const EVALUATION: [&str; 3] = ["t10k", "test", "testing"];
const IMAGES: [&str; 3] = ["images", "image", "imgs"];
const LABELS: [&str; 2] = ["labels", "label"];
const FORMAT: [&str; 8] = ["idx", "idx1", "idx2", "idx3", "ubyte", "int", "npz", "npy"];

/// Reads a name such as `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte.gz`, `emnist-digits-test-images-idx3-ubyte` or
/// `qmnist-train-labels-idx2-int` or `kmnist-test-imgs.npz`, in upper or lower case; `None` for a name of another form.
pub(crate) fn parse(name: &str) -> Option<Named> {
    let words = words(name);
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    while let Some(&"gz" | &"gzip") = words.last() {
        words.pop();
    }
    let at = words.iter().position(|word| IMAGES.contains(word) || LABELS.contains(word))?;
    let (before, format) = (words.get(..at)?, words.get(at + 1..)?);
    let (set, family) = before.split_last()?;
    // A browser that saves a name twice counts: `train-images-idx3-ubyte (1).gz`.
    let is_format = |word: &&str| FORMAT.contains(word) || word.bytes().all(|byte| byte.is_ascii_digit());
    if format.is_empty() || !format.iter().all(is_format) || !FORMAT.contains(&format[0]) {
        return None;
    }
    let part = match (TRAIN.contains(set), EVALUATION.contains(set), IMAGES.contains(&words[at])) {
        (true, _, true) => Part::TrainImages,
        (true, _, false) => Part::TrainLabels,
        (_, true, true) => Part::EvaluationImages,
        (_, true, false) => Part::EvaluationLabels,
        _ => return None,
    };
    Some(Named { family: family.join("-"), part })
}

/// A family as a person writes it, in the form of [`Named::family`].
pub(crate) fn family(name: &str) -> String {
    words(name).join("-")
}

/// The words of a name, in lower case.
pub(crate) fn words(name: &str) -> Vec<String> {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_use_are_understood() {
        use Part::*;
        for (name, family, part) in [
            ("train-images-idx3-ubyte", "", TrainImages),
            ("t10k-labels-idx1-ubyte.gz", "", EvaluationLabels),
            ("train-images.idx3-ubyte", "", TrainImages),
            ("T10K-IMAGES-IDX3-UBYTE", "", EvaluationImages),
            ("test-images-idx3-ubyte.gz", "", EvaluationImages),
            ("train_labels.idx", "", TrainLabels),
            ("train-images-idx3-ubyte (1).gz", "", TrainImages),
            ("emnist-digits-train-images-idx3-ubyte", "emnist-digits", TrainImages),
            ("emnist-mnist-test-labels-idx1-ubyte.gz", "emnist-mnist", EvaluationLabels),
            ("qmnist-train-labels-idx2-int", "qmnist", TrainLabels),
            ("qmnist-test-images-idx3-ubyte.gz", "qmnist", EvaluationImages),
            ("kmnist-train-imgs.npz", "kmnist", TrainImages),
            ("test_labels.npy", "", EvaluationLabels),
        ] {
            assert_eq!(parse(name), Some(Named { family: family.into(), part }), "{name}");
        }
        for name in [
            "qmnist-train-labels.tsv",
            "emnist-digits-mapping.txt",
            "images-idx3-ubyte",
            "train-images.csv",
            "train-images",
            "train-images-idx3-ubyte.xz",
            "xnist-images-idx3-xubyte.xz",
            "SHA256SUMS",
            "",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
        assert_eq!(family("EMNIST_digits"), "emnist-digits");
    }
}
