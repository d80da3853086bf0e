//! What each key of a configuration is for and what it takes, for those who write one.
//!
//! Tests hold this table to the structs, key by key, and the words of each range to the errors of its validation.

use toml::{Table, Value};

use super::{Config, Recipe};

/// A key of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The dotted name, as `--set` takes it.
    pub name: &'static str,
    /// The values that it takes.
    pub takes: &'static str,
    /// What it is for, in sentences.
    pub comment: &'static str,
}

/// The key of that name, what it takes, and what it is for.
const fn key(name: &'static str, takes: &'static str, comment: &'static str) -> Key {
    Key { name, takes, comment }
}

impl Key {
    /// All keys, section by section.
    pub const ALL: &[Self] = &[
        key(
            "seed",
            "a whole number from 0 to 18446744073709551615",
            "Seeds the split, the initial weights, the order of the images, their addends, augmentation and dropout. One of \
             2^63 or more is written in quotes.",
        ),
        key(
            "data.source",
            "embedded, download, hub or a path",
            "The images: those inside the program, the official files, those of the Hugging Face Hub, or a data set in files, \
             of which docs/data.md says what is taken.",
        ),
        key(
            "data.transpose",
            "true or false",
            "Exchange rows and columns of every image, as EMNIST's files need.",
        ),
        key("data.invert", "true or false", "Make dark digits on light ground light ones on dark."),
        key(
            "data.validation_fraction",
            "a number above 0 and below 1",
            "Part of the training file that is held back for validation.",
        ),
        key(
            "data.limit",
            "a whole number, zero or more",
            "Use only the first so many images of each set, as a smoke test; 0 for all.",
        ),
        key(
            "data.addends_per_image",
            "1 to 10 addends",
            "Different addends that go with an image each time it is read: so many pairs for one pass through the convolutions.",
        ),
        key(
            "data.clean_epochs",
            "0 to 1,000,000 epochs",
            "Epochs at the end in which training images are read as they are.",
        ),
        key(
            "data.held_out_pairs",
            "a list such as [[3, 4], [7, 2]], a table such as { share = 0.3, seed = 1 }, or a rule such as \"digit < addend\" or \"sum = 9 and digit < 5\"",
            "The pairs of a digit and an addend that training never shows; evaluation reports them apart, see docs/adding.md.",
        ),
        key(
            "data.augmentation.rotation_degrees",
            "0 to 180",
            "Rotation by up to this many degrees either way.",
        ),
        key(
            "data.augmentation.translation",
            "0 to 1",
            "Shift by up to this part of the side along each axis, rounded to whole pixels.",
        ),
        key(
            "data.augmentation.scale",
            "[low, high] with 0 < low <= high <= 10",
            "Scale about the center, from the first to the second.",
        ),
        key(
            "data.augmentation.grid_displacement_pixels",
            "0 to 28",
            "Elastic displacement of each node of a grid of 5x5: by up to this many pixels along each axis, bilinear between \
             the nodes.",
        ),
        key(
            "data.augmentation.interpolation",
            "\"nearest\" or \"bilinear\"",
            "How values between pixels are read.",
        ),
        key(
            "data.augmentation.brightness",
            "0 to 1",
            "A factor on brightness, drawn from 1 minus this to 1 plus this.",
        ),
        key(
            "data.augmentation.contrast",
            "0 to 1",
            "A factor on contrast about the mean gray, drawn from 1 minus this to 1 plus this.",
        ),
        key(
            "model.channels",
            "1 to 64 blocks, each a width of 1 to 4096",
            "Output channels of each 3x3 convolution block; the length is the depth.",
        ),
        key(
            "model.pool_after",
            "block numbers from 1 to the number of blocks",
            "The blocks, counted from 1, that a 2x2 max pool follows.",
        ),
        key(
            "model.unpadded",
            "block numbers from 1 to the number of blocks",
            "The blocks whose convolution has no padding and so shrinks the image by two.",
        ),
        key("model.dropout", "a probability in [0, 1)", "Probability of dropping an element after a block."),
        key(
            "model.dropout_free",
            "block numbers from 1 to the number of blocks",
            "The blocks without dropout.",
        ),
        key("model.embedding", "a width of 1 to 4096", "Width of the embedding of an image."),
        key(
            "model.hidden",
            "a width of 1 to 4096",
            "Width of the hidden layer that sees the embedding and the addend.",
        ),
        key(
            "model.addend",
            "\"one-hot\" or \"scalar\" or \"thermometer\"",
            "The numbers that stand for the addend: ten of which one is 1, the addend divided by nine, or nine of which as many are \
             1 as it says.",
        ),
        key(
            "model.sum_head",
            "\"softmax\" or \"ordinal\" or \"regression\"",
            "The sum head: a softmax over the 19 sums, which knows nothing of their order, or 18 thresholds or one number, which \
             do; see docs/adding.md.",
        ),
        key(
            "model.layers",
            "a list of layers",
            "The network layer by layer, in place of all other keys of this section: docs/experiments.md shows how. None for \
             the network of those keys.",
        ),
        key(
            "optimizer.kind",
            "\"sgd\" or \"adamw\" or \"muon\"",
            "The rule of a step: SGD as PyTorch has it, without dampening; AdamW; or Muon for the filters of all convolutions \
             but the first, with AdamW for the rest.",
        ),
        key(
            "optimizer.learning_rate",
            "a number above 0, up to 1000",
            "The rate that the schedule's factor multiplies.",
        ),
        key(
            "optimizer.momentum",
            "a number from 0 to below 1",
            "Of SGD and Muon: how much of the last step's velocity stays.",
        ),
        key(
            "optimizer.nesterov",
            "true or false",
            "Of SGD and Muon: whether the step looks ahead along the new velocity. It takes a momentum above 0.",
        ),
        key(
            "optimizer.betas",
            "two numbers from 0 to below 1",
            "Of AdamW: how much of the running means of the gradient and of its square stays.",
        ),
        key(
            "optimizer.epsilon",
            "a number above 0, up to 1",
            "Of AdamW: added to the root of the mean square.",
        ),
        key(
            "optimizer.adamw_factor",
            "a number above 0, up to 1000",
            "Of Muon: the rate of its AdamW, as a part of the learning rate.",
        ),
        key(
            "optimizer.weight_decay",
            "a number from 0 to below 1",
            "Weight decay; norms and biases never decay. SGD adds this much of the weight to its gradient (coupled); AdamW \
             and Muon take the learning rate times this from the weight itself (decoupled).",
        ),
        key(
            "schedule.kind",
            "\"constant\" or \"linear\" or \"cosine\" or \"step\" or \"one_cycle\"",
            "The curve of the learning rate over the run.",
        ),
        key(
            "schedule.warmup",
            "a number from 0 to below 1",
            "Part of all steps in which the rate rises to its full height.",
        ),
        key("schedule.warmup_from", "a number from 0 to 1", "The factor that the warm-up starts from."),
        key(
            "schedule.final_factor",
            "a number from 0 to 1",
            "The factor that linear, cosine and one_cycle end at.",
        ),
        key(
            "schedule.step_epochs",
            "1 to 1,000,000 epochs",
            "Of step: epochs between two falls of the rate.",
        ),
        key(
            "schedule.step_factor",
            "a number above 0, up to 1",
            "Of step: the factor of the rate in a fall.",
        ),
        key(
            "schedule.momentum_range",
            "two numbers from 0 to below 1",
            "Of one_cycle: the momentum, or AdamW's first beta, at the highest rate and at the lowest.",
        ),
        key("training.epochs", "1 to 1,000,000 epochs", "How often every training image is seen."),
        key(
            "training.batch_size",
            "2 to 65,536 images",
            "Images in a batch; the last batch of an epoch may have fewer.",
        ),
        key(
            "training.evaluate",
            "\"last\" or \"best\"",
            "The weights that the evaluation set sees in the end: the last ones, or the best by the accuracy of both heads in \
             validation.",
        ),
        key(
            "training.label_smoothing",
            "a number from 0 to below 1",
            "Part of each label that is spread evenly over all classes.",
        ),
        key(
            "training.clip_norm",
            "a number from 0 to 1e9",
            "The norm that a larger gradient is scaled down to, over all parameters; 0 for none.",
        ),
        key(
            "training.accumulation",
            "1 to 65,536 batches",
            "Batches whose gradients make one step: the mean over all of their pairs.",
        ),
        key(
            "training.ema_decay",
            "a number from 0 to below 1",
            "How much of the exponential moving average of the weights stays in a step; the average is then what is validated, \
             evaluated and saved. 0 for no average.",
        ),
        key(
            "training.patience",
            "0 to 1,000,000 epochs",
            "Epochs without a better validation accuracy after which training ends; 0 for never.",
        ),
        key(
            "distillation.teachers",
            "0 to 100 networks",
            "Networks that are trained first, on the same images, and learned from: the mean of their probabilities takes the \
             place of the labels. 0 for none.",
        ),
        key(
            "distillation.weight",
            "a number from 0 to 1",
            "Part of each target that comes from the teachers; the rest is the label's.",
        ),
        key(
            "distillation.mixup",
            "a number from 0 to 0.5",
            "Largest share of another image of the batch in each image that is learned from. It takes a weight of 1.",
        ),
        key(
            "distillation.marginalize",
            "true or false",
            "Whether the teachers' answers for an image become one distribution over its digit, for both heads and every addend.",
        ),
        key(
            "distillation.teacher_epochs",
            "0 to 1,000,000 epochs",
            "Epochs of each teacher; 0 for the student's.",
        ),
        key(
            "distillation.teacher_channels",
            "as many blocks as in model.channels, or none",
            "Output channels of the teachers' blocks; [] for the student's.",
        ),
        key(
            "distillation.teacher_embedding",
            "0 or a width of 1 to 4096",
            "Width of the teachers' embedding; 0 for the student's.",
        ),
        key(
            "distillation.teacher_hidden",
            "0 or a width of 1 to 4096",
            "Width of the teachers' hidden layer; 0 for the student's.",
        ),
        key(
            "compute.algorithm",
            "\"direct\" or \"winograd\" or \"auto\"",
            "The algorithm of convolutions on the fused backend, which decides the last bits: the sum of products everywhere, \
             Winograd's wherever it can be, or Winograd's where it is faster, in wide networks.",
        ),
    ];

    /// The section that the key is in, dotted; empty at the top.
    pub fn section(&self) -> &'static str {
        self.name.rsplit_once('.').map_or("", |(section, _)| section)
    }

    /// The value of the key in `config`, as TOML; `None` where other keys take its place.
    pub fn value(&self, config: &Config) -> Option<Value> {
        self.of(&config.as_read())
    }

    /// Its value in the recipe that a training starts from where none is named.
    pub fn default_value(&self) -> Value {
        self.of(&Recipe::ALL[0].config().as_read()).unwrap_or_else(|| Value::Array(Vec::new()))
    }

    /// Its value in a table.
    fn of(&self, table: &Table) -> Option<Value> {
        let (first, rest) = self.name.split_once('.').unwrap_or((self.name, ""));
        let parts = rest.split('.').filter(|part| !part.is_empty());
        parts.fold(table.get(first), |value, part| value?.get(part)).cloned()
    }
}

impl Config {
    /// The configuration as TOML, each key below its comment, what it takes and its default. What other keys take the place of is
    /// commented out.
    pub fn to_documented_toml(&self) -> String {
        let table = self.as_read();
        let mut text = String::new();
        let mut section = "";
        for key in Key::ALL {
            if key.section() != section {
                section = key.section();
                text += &format!("\n[{section}]\n");
            }
            let name = key.name.rsplit('.').next().unwrap_or(key.name);
            let default = key.default_value();
            for line in wrapped(key.comment, 100) {
                text += &format!("# {line}\n");
            }
            text += &format!("# ({}; default {default})\n", key.takes);
            text += &match key.of(&table) {
                Some(value) => format!("{name} = {}\n", in_lines(&value)),
                None => format!("# {name} = {default}\n"),
            };
        }
        text
    }

    /// The names of the keys, in order, whose values differ from those in `other`.
    pub fn changed_keys(&self, other: &Self) -> Vec<&'static str> {
        let (own, others) = (self.as_read(), other.as_read());
        Key::ALL.iter().filter(|key| key.of(&own) != key.of(&others)).map(|key| key.name).collect()
    }

    /// The table that its file is read as, whose numbers are those that were written: 0.1 where an `f32` holds a little more.
    fn as_read(&self) -> Table {
        self.to_toml().parse().expect("what was written as TOML is TOML")
    }
}

/// A value, a list of tables with each of them on a line of its own.
fn in_lines(value: &Value) -> String {
    match value {
        Value::Array(items) if items.iter().any(Value::is_table) => {
            let lines: String = items.iter().map(|item| format!("    {item},\n")).collect();
            format!("[\n{lines}]")
        }
        _ => value.to_string(),
    }
}

/// The lines of a text, each of up to `width` characters where its words allow.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always one");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            *line += if line.is_empty() { "" } else { " " };
            *line += word;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::{ConfigError, ConfigSources};

    /// Values of every type, most of them in no range.
    const WRONG: [&str; 14] = [
        "-1",
        "-1.0",
        "1e300",
        "9223372036854775807",
        "0",
        "0.0",
        "'no such'",
        "true",
        "[0]",
        "[99999]",
        "[-1.0, 2.0]",
        "[2.0, 1.0]",
        "[1e300, 1e300]",
        "{}",
    ];

    /// The words for what `key` takes in the errors of wrong values of the right type, and in those of a wrong type.
    fn refusals(key: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let expected_for = |value: &str| {
            let mut sources = ConfigSources::default();
            sources.add_assignment(&format!("{key}={value}")).unwrap();
            match sources.resolve() {
                Err(ConfigError::Value { key: blamed, expected, .. }) if blamed == key => Some(expected),
                _ => None,
            }
        };
        let of_type: BTreeSet<_> = ["{}", "1979-05-27"].into_iter().filter_map(expected_for).collect();
        let all: BTreeSet<_> = WRONG.into_iter().filter_map(expected_for).collect();
        (all.difference(&of_type).cloned().collect(), of_type)
    }

    #[test]
    fn every_key_is_documented_once_and_none_else() {
        let leaves = Config::keys().into_iter().filter(|key| {
            let table = Config::default().to_table();
            let mut parts = key.split('.');
            let first = parts.next().and_then(|part| table.get(part));
            !parts.fold(first, |value, part| value?.get(part)).is_some_and(Value::is_table)
        });
        let documented: BTreeSet<_> = Key::ALL.iter().map(|key| key.name.to_owned()).collect();
        assert_eq!(documented, leaves.collect());
        assert_eq!(documented.len(), Key::ALL.len());
        // Sections are written once.
        let mut sections: Vec<_> = Key::ALL.iter().map(Key::section).collect();
        sections.dedup();
        assert_eq!(sections.len(), sections.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn what_a_key_takes_is_what_its_errors_say() {
        for key in Key::ALL {
            // These say it of one network: "from 1 to 6" where there are six blocks, and the kinds of layers one by one.
            let of_one_network = key.takes.contains("the number of blocks")
                || ["model.layers", "data.source", "distillation.teacher_channels"].contains(&key.name);
            let (ranges, types) = refusals(key.name);
            if of_one_network {
                continue;
            }
            assert!(!types.is_empty(), "{}: nothing is refused", key.name);
            // Of the types within a list or a table the key need not speak.
            let within = ["a whole number", "a number", "an array", "a whole number, zero or more"];
            let ranges: BTreeSet<_> =
                ranges.into_iter().filter(|range| !within.contains(&range.as_str())).collect();
            for said in if ranges.is_empty() { &types } else { &ranges } {
                assert!(key.takes.contains(said.as_str()), "{}: {said:?}", key.name);
            }
        }
    }

    #[test]
    fn a_documented_configuration_is_the_configuration() {
        let read = |text: &str| {
            let mut sources = ConfigSources::default();
            sources.add_toml(crate::config::Origin::Default, text).unwrap();
            sources.resolve().unwrap()
        };
        for recipe in Recipe::ALL {
            let config = recipe.config();
            assert_eq!(read(&config.to_documented_toml()), config, "{}", recipe.name);
        }
        let layers = r#"model.layers = [
            { kind = "conv2d", out_channels = 4, kernel = 3 }, { kind = "global_average_pool" },
            { kind = "one_hot", input = "addend", classes = 10 }]"#;
        let config = read(layers);
        let text = config.to_documented_toml();
        assert!(text.contains("\n# channels = [8, ") && text.contains("\nlayers = [\n    {"), "{text}");
        assert_eq!(read(&text), config);
    }

    #[test]
    fn changed_keys_are_named() {
        let mut config = Recipe::ALL[0].config();
        assert!(config.changed_keys(&Recipe::ALL[0].config()).is_empty());
        config.training.epochs = 3;
        config.data.augmentation.scale = [1.0, 1.0];
        let changed = config.changed_keys(&Recipe::ALL[0].config());
        assert_eq!(changed, ["data.augmentation.scale", "training.epochs"]);
    }

    #[test]
    fn lines_are_wrapped_between_words() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("longer than five", 5), ["longer", "than", "five"]);
    }
}
