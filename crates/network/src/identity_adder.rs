//! The IdentityAdder's family: an image and an addend to the digit and the sum, as a documented configuration.

use serde::{Deserialize, Serialize};

use crate::layer::numbered;
use crate::{ClassCode, Error, Head, HeadKind, Layer, Network, Result, Summary};

/// Height and width of an input image, in pixels.
pub const IMAGE_SIDE: usize = 28;
/// Number of addends: the digits 0..=9.
pub const ADDENDS: usize = 10;
/// Classes of the digit head.
pub const DIGITS: usize = 10;
/// Classes of the sum head: 0..=18.
pub const SUMS: usize = 19;

/// The name of the one-hot input.
const ADDEND: &str = "addend";
/// The largest width that a layer may have, so that a configuration cannot ask for unbounded memory.
const MAX_WIDTH: usize = 4096;
const MAX_BLOCKS: usize = 64;
const MAX_LAYERS: usize = 512;
/// Half a gigabyte of `f32`, running statistics counted.
const MAX_PARAMETERS: usize = 1 << 27;
/// Values of one image between two layers: 16 megabytes of `f32`.
const MAX_VALUES: usize = 1 << 22;

/// Widths and depth of the network, or its layers one by one. `ModelConfig::default()` is the notebook's network, with 13,136
/// parameters.
///
/// Without `layers`, blocks are counted from 1, as in the notebook. Every convolution is 3x3 with stride 1 and no bias, and a
/// block is convolution -> ReLU -> batch norm -> dropout, in that order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, into = "WrittenConfig")]
pub struct ModelConfig {
    /// Output channels of each convolution block; the length is the depth.
    pub channels: Vec<usize>,
    /// The blocks that are followed by a 2x2 max pool.
    pub pool_after: Vec<usize>,
    /// The blocks whose convolution has no padding and so shrinks the image by two.
    pub unpadded: Vec<usize>,
    /// Probability of dropping an element after a block, in `[0, 1)`.
    pub dropout: f32,
    /// The blocks without dropout.
    pub dropout_free: Vec<usize>,
    /// Width of the embedding of an image.
    pub embedding: usize,
    /// Width of the hidden layer that sees the embedding and the addend.
    pub hidden: usize,
    /// The numbers that stand for the addend.
    pub addend: ClassCode,
    /// The sum head: a softmax, without bias, over the 19 sums that knows nothing of their order; or 18 thresholds or one number,
    /// with bias, which do.
    pub sum_head: HeadKind,
    /// The layers from the image, `[1, 28, 28]`, to the two heads, in place of all of the above but the sum head. One of them is
    /// `kind = "one_hot", input = "addend", classes = 10`; the heads are linear layers behind the last one.
    #[serde(deserialize_with = "numbered")]
    pub layers: Vec<Layer>,
}

/// A configuration as it is written: the short form, or the layers that take its place.
#[derive(Serialize)]
#[serde(untagged)]
enum WrittenConfig {
    Family {
        channels: Vec<usize>,
        pool_after: Vec<usize>,
        unpadded: Vec<usize>,
        dropout: f32,
        dropout_free: Vec<usize>,
        embedding: usize,
        hidden: usize,
        #[serde(skip_serializing_if = "ClassCode::is_one_hot")]
        addend: ClassCode,
        #[serde(skip_serializing_if = "HeadKind::is_softmax")]
        sum_head: HeadKind,
    },
    Layers {
        #[serde(skip_serializing_if = "HeadKind::is_softmax")]
        sum_head: HeadKind,
        layers: Vec<Layer>,
    },
}

impl From<ModelConfig> for WrittenConfig {
    fn from(config: ModelConfig) -> Self {
        let ModelConfig { channels, pool_after, unpadded, dropout, dropout_free, embedding, hidden, .. } =
            config;
        let ModelConfig { addend, sum_head, layers, .. } = config;
        if !layers.is_empty() {
            return Self::Layers { sum_head, layers };
        }
        Self::Family {
            channels,
            pool_after,
            unpadded,
            dropout,
            dropout_free,
            embedding,
            hidden,
            addend,
            sum_head,
        }
    }
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            channels: vec![8, 8, 16, 16, 16, 16],
            pool_after: vec![2, 4],
            unpadded: vec![6],
            dropout: 0.1,
            dropout_free: vec![5],
            embedding: 20,
            hidden: 64,
            addend: ClassCode::OneHot,
            sum_head: HeadKind::Softmax,
            layers: Vec::new(),
        }
    }
}

impl ModelConfig {
    /// The network.
    ///
    /// # Errors
    /// [`Error::Config`] where a value is out of its range, the image would shrink to nothing, or layers don't fit one another.
    pub fn network(&self) -> Result<Network> {
        self.check_ranges()?;
        let given = !self.layers.is_empty();
        let layers = if given { self.layers.clone() } else { self.family() };
        let sum = Head::new("sum", SUMS).kind(self.sum_head);
        let sum = if self.sum_head == HeadKind::Softmax { sum } else { sum.bias() };
        let heads = vec![Head::new("digit", DIGITS), sum];
        let network = Network::new([1, IMAGE_SIDE, IMAGE_SIDE], layers, heads)
            .map_err(|error| if given { in_layers(error) } else { in_family(error) })?;
        if network.one_hot_inputs() != [(ADDEND.to_owned(), ADDENDS)] {
            let expected =
                format!("one layer of kind \"one_hot\" with input \"{ADDEND}\" and {ADDENDS} classes");
            return Err(config("layers", expected, format!("{:?}", network.one_hot_inputs())));
        }
        check_size(&network).map_err(|(expected, found)| {
            config(if given { "layers" } else { "channels" }, expected, found)
        })?;
        Ok(network)
    }

    /// Checks every value.
    ///
    /// # Errors
    /// [`Error::Config`] naming the first key whose value cannot be.
    pub fn validate(&self) -> Result<()> {
        self.network().map(|_| ())
    }

    /// The table of layers.
    ///
    /// # Errors
    /// As [`ModelConfig::network`].
    pub fn summary(&self) -> Result<Summary> {
        Ok(self.network()?.summary())
    }

    /// The layers of the short form.
    fn family(&self) -> Vec<Layer> {
        let mut layers = Vec::new();
        for (number, &channels) in (1..).zip(&self.channels) {
            let name = |part: &str| format!("block{number}.{part}");
            let padding = usize::from(!self.unpadded.contains(&number));
            // Where nothing is dropped a layer stands all the same: the masks are numbered by their layers.
            let dropout = if self.dropout_free.contains(&number) { 0.0 } else { self.dropout };
            layers.extend([
                Layer::conv2d(channels, 3).padding(padding).named(name("conv")),
                Layer::relu().named(name("relu")),
                Layer::batch_norm().named(name("norm")),
                Layer::dropout(dropout).named(name("dropout")),
            ]);
            if self.pool_after.contains(&number) {
                layers.push(Layer::max_pool2d(2).named(format!("pool{number}")));
            }
        }
        layers.push(Layer::global_average_pool().named("average"));
        let mut dense = |name: &str, width: usize| {
            layers.extend([
                Layer::linear(width).named(format!("{name}.linear")),
                Layer::batch_norm().named(format!("{name}.norm")),
                Layer::relu().named(format!("{name}.relu")),
            ]);
        };
        dense("embedding", self.embedding);
        dense("hidden", self.hidden);
        let hidden = layers.len() - 3;
        layers.insert(hidden, Layer::coded(ADDEND, ADDENDS, self.addend).named(ADDEND));
        layers
    }

    fn check_ranges(&self) -> Result<()> {
        if !self.layers.is_empty() {
            return check_layers(&self.layers);
        }
        let depth = self.channels.len();
        if !(1..=MAX_BLOCKS).contains(&depth) {
            return Err(config("channels", format!("1 to {MAX_BLOCKS} blocks"), format!("{depth}")));
        }
        let widths = self.channels.iter().map(|&width| ("channels", width));
        for (field, width) in widths.chain([("embedding", self.embedding), ("hidden", self.hidden)]) {
            if !(1..=MAX_WIDTH).contains(&width) {
                return Err(config(field, format!("a width of 1 to {MAX_WIDTH}"), format!("{width}")));
            }
        }
        let lists = [
            ("pool_after", &self.pool_after),
            ("unpadded", &self.unpadded),
            ("dropout_free", &self.dropout_free),
        ];
        for (field, list) in lists {
            if let Some(number) = list.iter().find(|number| !(1..=depth).contains(number)) {
                return Err(config(field, format!("block numbers from 1 to {depth}"), format!("{number}")));
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(config("dropout", "a probability in [0, 1)", format!("{}", self.dropout)));
        }
        Ok(())
    }
}

/// Refuses networks that would fill the memory: expected and found.
fn check_size(network: &Network) -> Result<(), (String, String)> {
    let statistics = network.norms().iter().fold(0usize, |all, norm| all.saturating_add(2 * norm.channels));
    let parameters = network.parameter_count().saturating_add(statistics);
    if parameters > MAX_PARAMETERS {
        return Err((format!("at most {MAX_PARAMETERS} parameters"), format!("{parameters}")));
    }
    fn largest(nodes: &[crate::Node]) -> Option<&crate::Node> {
        let inner = nodes.iter().filter_map(|node| largest(&node.body));
        nodes.iter().chain(inner).max_by_key(|node| node.output.len())
    }
    match largest(network.nodes()).filter(|node| node.output.len() > MAX_VALUES) {
        Some(node) => Err((
            format!("at most {MAX_VALUES} values an image between two layers"),
            format!("{} behind layer `{}`", node.output, node.name),
        )),
        None => Ok(()),
    }
}

/// Refuses more layers than anyone writes, and nested ones so deep that they are none.
fn check_layers(layers: &[Layer]) -> Result<()> {
    fn count(layers: &[Layer], depth: usize) -> Option<usize> {
        if depth > 8 {
            return None;
        }
        layers.iter().try_fold(0usize, |all, layer| match &layer.kind {
            crate::LayerKind::Residual { layers } => Some(all + 1 + count(layers, depth + 1)?),
            _ => Some(all + 1),
        })
    }
    match count(layers, 0) {
        Some(found) if found <= MAX_LAYERS => Ok(()),
        Some(found) => Err(config("layers", format!("at most {MAX_LAYERS} layers"), format!("{found}"))),
        None => Err(config("layers", "residuals in one another at most 8 deep", "more")),
    }
}

fn in_layers(error: Error) -> Error {
    match error {
        Error::Layer { layer, expected, found } => {
            config("layers", format!("{expected} at layer `{layer}`"), found)
        }
        other => other,
    }
}

/// An image that shrank to nothing: nothing else can fail to fit in the short form.
fn in_family(error: Error) -> Error {
    match error {
        Error::Layer { layer, found, .. } => {
            let field = if layer.starts_with("pool") { "pool_after" } else { "unpadded" };
            let block = layer.split('.').next().unwrap_or_default().replace("pool", "block");
            let number = block.trim_start_matches("block");
            config(
                field,
                "blocks that leave at least one pixel",
                format!("block {number} turns {found} into nothing"),
            )
        }
        other => other,
    }
}

fn config(field: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Error {
    Error::Config { field, expected: expected.into(), found: found.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LayerKind;

    #[test]
    fn the_default_is_the_notebooks_trunk() {
        let network = ModelConfig::default().network().unwrap();
        let convolutions =
            network.nodes().iter().filter(|node| matches!(node.kind, LayerKind::Conv2d { .. }));
        let shapes: Vec<_> = convolutions
            .map(|node| (node.input.channels(), node.output.map().unwrap()[..2].to_vec()))
            .collect();
        let expected = [(1, 8, 28), (8, 8, 28), (8, 16, 14), (16, 16, 14), (16, 16, 7), (16, 16, 5)];
        assert_eq!(shapes, expected.map(|(input, output, side)| (input, vec![output, side])));
        let dropped: Vec<f32> = network
            .nodes()
            .iter()
            .filter_map(|node| match node.kind {
                LayerKind::Dropout { probability } => Some(probability),
                _ => None,
            })
            .collect();
        assert_eq!(dropped, [0.1, 0.1, 0.1, 0.1, 0.0, 0.1]);
    }

    #[test]
    fn impossible_values_name_their_key() {
        let default = ModelConfig::default;
        let one_hot = || Layer::one_hot("addend", 10);
        let mut nested = Layer::relu();
        for _ in 0..10 {
            nested = Layer::residual(vec![nested]);
        }
        let cases = [
            (ModelConfig { channels: vec![], ..default() }, "channels"),
            (ModelConfig { channels: vec![8, 0], ..default() }, "channels"),
            (ModelConfig { channels: vec![1 << 40; 6], ..default() }, "channels"),
            (
                ModelConfig { channels: vec![4096; 8], pool_after: vec![], unpadded: vec![], ..default() },
                "channels",
            ),
            (ModelConfig { pool_after: vec![7], ..default() }, "pool_after"),
            (ModelConfig { unpadded: vec![0], ..default() }, "unpadded"),
            (ModelConfig { pool_after: vec![1, 2, 3, 4, 5], ..default() }, "pool_after"),
            (ModelConfig { dropout: 1.0, ..default() }, "dropout"),
            (ModelConfig { dropout: f32::NAN, ..default() }, "dropout"),
            (ModelConfig { embedding: 0, ..default() }, "embedding"),
            (ModelConfig { hidden: 5000, ..default() }, "hidden"),
            (ModelConfig { layers: vec![Layer::flatten()], ..default() }, "layers"),
            (ModelConfig { layers: vec![Layer::linear(3), one_hot()], ..default() }, "layers"),
            (
                ModelConfig {
                    layers: vec![Layer::flatten(), Layer::linear(1 << 40), one_hot()],
                    ..default()
                },
                "layers",
            ),
            (ModelConfig { layers: vec![Layer::relu(); 600], ..default() }, "layers"),
            (
                ModelConfig {
                    layers: vec![Layer::conv2d(1, 5000).padding(4999), Layer::flatten(), one_hot()],
                    ..default()
                },
                "layers",
            ),
            (
                ModelConfig {
                    layers: vec![Layer::conv2d(9000, 1), Layer::global_average_pool(), one_hot()],
                    ..default()
                },
                "layers",
            ),
            (ModelConfig { layers: vec![nested], ..default() }, "layers"),
        ];
        for (config, key) in cases {
            match config.validate() {
                Err(Error::Config { field, .. }) => assert_eq!(field, key),
                other => panic!("{key}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_configuration_of_today_reads_and_is_written_as_before() {
        let text = serde_json::to_string(&ModelConfig::default()).unwrap();
        let expected = r#"{"channels":[8,8,16,16,16,16],"pool_after":[2,4],"unpadded":[6],"dropout":0.1,"dropout_free":[5],"embedding":20,"hidden":64}"#;
        assert_eq!(text, expected);
        assert_eq!(serde_json::from_str::<ModelConfig>(expected).unwrap(), ModelConfig::default());
        // Layers stand in place of all that.
        let layers = vec![Layer::flatten(), Layer::one_hot("addend", 10)];
        let config = ModelConfig { layers, ..ModelConfig::default() };
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(
            text,
            r#"{"layers":[{"kind":"flatten"},{"kind":"one_hot","input":"addend","classes":10}]}"#
        );
        assert_eq!(serde_json::from_str::<ModelConfig>(&text).unwrap(), config);
        let wrong = text.replace("flatten", "flat");
        let error = serde_json::from_str::<ModelConfig>(&wrong).unwrap_err().to_string();
        assert!(error.contains("layer 1: unknown variant `flat`"), "{error}");
    }
}
