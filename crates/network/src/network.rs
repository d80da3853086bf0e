//! A network: layers that fit one another, with the names, shapes and parameters that follow from them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::layer::{Initialization, Misfit};
use crate::{Error, Head, HeadKind, Layer, LayerKind, Result, Shape};

/// A network whose layers fit together: the input, the layers in order, and the heads.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    input: [usize; 3],
    nodes: Vec<Node>,
    heads: Vec<Node>,
    head_kinds: Vec<HeadKind>,
    classes: Vec<usize>,
    parameters: Vec<Parameter>,
    norms: Vec<Norm>,
    one_hot_inputs: Vec<(String, usize)>,
}

/// A layer in its place in a network: its name, its shapes and the place of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The name, which those of its parameters begin with.
    pub name: String,
    /// The kind of layer.
    pub kind: LayerKind,
    /// The shape of the input.
    pub input: Shape,
    /// The shape of the output.
    pub output: Shape,
    /// The position among the layers of its kind in the whole network, from 0: it numbers the running statistics of norms, the
    /// masks of dropout and the one-hot inputs.
    pub ordinal: usize,
    /// The indices of its parameters in [`Network::parameters`], those of a residual's layers included.
    pub parameters: Range<usize>,
    /// Products that are added up for one image.
    pub multiply_adds: usize,
    /// Side of the square of pixels that one output sees, padding included; that of the image from the first vector on.
    pub receptive_field: usize,
    /// The layers beside the shortcut of a residual; none for other kinds.
    pub body: Vec<Node>,
}

/// A trained tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name it is saved under, such as `block1.conv.weight`.
    pub name: String,
    /// The sizes of its axes.
    pub shape: Vec<usize>,
    /// Whether weight decay applies: to weights of convolutions and linear layers, not to norms and biases.
    pub decays: bool,
    /// The distribution that it is drawn from before training.
    pub initialization: Initialization,
    /// Where it lies when all parameters are laid one behind the other.
    pub range: Range<usize>,
}

/// A batch norm's running statistics, `[channels]` each: tensors that are saved but not trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Norm {
    /// The layer's name; the statistics are `{name}.running_mean` and `{name}.running_var`.
    pub name: String,
    /// Channels of a map or features of a vector.
    pub channels: usize,
}

impl Norm {
    /// The names of mean and variance.
    pub fn buffer_names(&self) -> [String; 2] {
        ["mean", "var"].map(|part| format!("{}.running_{part}", self.name))
    }
}

impl Network {
    /// A network of images `[channels, height, width]`, from its layers to its heads.
    ///
    /// # Errors
    /// [`Error::Layer`] for the first layer that does not fit what comes before it, has a number out of its range or a name that
    /// another has, and where there is no head.
    pub fn new(input: [usize; 3], layers: Vec<Layer>, heads: Vec<Head>) -> Result<Self> {
        let [channels, height, width] = input;
        let shape = Shape::Map { channels, height, width };
        let fields = Fields { receptive_field: 1, jump: 1, whole: height.max(width) };
        let mut walk = Walk { shape, fields, ..Walk::default() };
        if input.contains(&0) {
            return Err(misfit("input", ("at least 1x1x1".into(), shape.to_string())));
        }
        let nodes = walk.nodes(layers)?;
        if heads.is_empty() {
            return Err(misfit("heads", ("at least one head".into(), "none".into())));
        }
        let features = walk.shape;
        let head_kinds = heads.iter().map(|head| head.kind).collect();
        let classes = heads.iter().map(|head| head.classes).collect();
        let heads = heads.into_iter().map(|Head { name, classes, bias, kind }| {
            let fewest = if kind == HeadKind::Softmax { 1 } else { 2 };
            if !(fewest..=256).contains(&classes) {
                return Err(misfit(&name, (format!("{fewest} to 256 classes"), classes.to_string())));
            }
            walk.shape = features;
            let out_features = kind.outputs(classes);
            walk.node(Layer::new(LayerKind::Linear { out_features, bias }).named(name))
        });
        let heads = heads.collect::<Result<Vec<_>>>()?;
        let Walk { parameters, norms, one_hot_inputs, .. } = walk;
        Ok(Self { input, nodes, heads, head_kinds, classes, parameters, norms, one_hot_inputs })
    }

    /// Channels, height and width of an image.
    pub fn input(&self) -> [usize; 3] {
        self.input
    }

    /// The layers from the image to the heads.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The heads, each a linear layer on the last layer's features. Its outputs are the logits of its classes but where its
    /// [kind](Self::head_kinds) says otherwise.
    pub fn heads(&self) -> &[Node] {
        &self.heads
    }

    /// The way of each head from its outputs to its classes.
    pub fn head_kinds(&self) -> &[HeadKind] {
        &self.head_kinds
    }

    /// The classes of each head.
    pub fn classes(&self) -> impl ExactSizeIterator<Item = usize> {
        self.classes.iter().copied()
    }

    /// Every trained tensor, layer by layer, the heads last.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Trained values.
    pub fn parameter_count(&self) -> usize {
        self.parameters.last().map_or(0, |parameter| parameter.range.end)
    }

    /// The batch norms, in the order of their [`Node::ordinal`].
    pub fn norms(&self) -> &[Norm] {
        &self.norms
    }

    /// The name and the classes of each one-hot input, in the order of their [`Node::ordinal`].
    pub fn one_hot_inputs(&self) -> &[(String, usize)] {
        &self.one_hot_inputs
    }

    /// Number of layers that an image goes through before it is a vector. The layers behind see a row for each pair of an image and
    /// the classes of the one-hot inputs.
    pub fn image_nodes(&self) -> usize {
        let vector = |node: &Node| matches!(node.output, Shape::Vector { .. });
        self.nodes.iter().position(vector).map_or(self.nodes.len(), |index| index + 1)
    }

    /// Number of layers before the first one-hot input; all of them where there is none. Their output for an image is its
    /// *embedding*.
    pub fn embedding_nodes(&self) -> usize {
        let one_hot = |node: &Node| matches!(node.kind, LayerKind::OneHot { .. });
        self.nodes.iter().position(one_hot).unwrap_or(self.nodes.len())
    }

    /// The shape of what comes in at a layer; the heads' input behind the last one.
    pub fn shape_at(&self, index: usize) -> Shape {
        self.nodes.get(index).map_or(self.heads[0].input, |node| node.input)
    }

    /// The indices of the layers whose outputs show how an image is seen: maps that the next convolution, or what turns maps into
    /// a vector, reads.
    pub fn stages(&self) -> Vec<usize> {
        let starts = |node: &Node| matches!(node.kind, LayerKind::Conv2d { .. } | LayerKind::Residual { .. });
        let image = &self.nodes[..self.image_nodes()];
        let ends = (0..image.len()).filter(|&index| {
            let next_reads = image
                .get(index + 1)
                .is_none_or(|next| starts(next) || matches!(next.output, Shape::Vector { .. }));
            image[index].output.map().is_some() && next_reads && image[..=index].iter().any(starts)
        });
        ends.collect()
    }
}

/// The fields of outputs in the image. `jump` is the distance in pixels between neighboring outputs.
#[derive(Clone, Copy, Default)]
struct Fields {
    receptive_field: usize,
    jump: usize,
    /// The field of whatever sees the whole image.
    whole: usize,
}

/// A walk over layers.
struct Walk {
    shape: Shape,
    fields: Fields,
    names: BTreeSet<String>,
    counts: BTreeMap<&'static str, usize>,
    parameters: Vec<Parameter>,
    norms: Vec<Norm>,
    one_hot_inputs: Vec<(String, usize)>,
    dropouts: usize,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            shape: Shape::Vector { features: 0 },
            fields: Fields::default(),
            names: BTreeSet::new(),
            counts: BTreeMap::new(),
            parameters: Vec::new(),
            norms: Vec::new(),
            one_hot_inputs: Vec::new(),
            dropouts: 0,
        }
    }
}

impl Walk {
    fn nodes(&mut self, layers: Vec<Layer>) -> Result<Vec<Node>> {
        layers.into_iter().map(|layer| self.node(layer)).collect()
    }

    fn node(&mut self, Layer { name, kind }: Layer) -> Result<Node> {
        let count = self.counts.entry(kind.short_name()).or_default();
        *count += 1;
        let name = name.unwrap_or_else(|| format!("{}{count}", kind.short_name()));
        if name.is_empty() || name.contains(char::is_control) {
            return Err(misfit(
                &name,
                ("a name of at least one character, none a control character".into(), format!("{name:?}")),
            ));
        }
        if !self.names.insert(name.clone()) {
            return Err(misfit(&name, ("a name of its own".into(), "one that another layer has".into())));
        }
        let input = self.shape;
        let output = kind.output(input).map_err(|wrong| misfit(&name, wrong))?;
        let first = self.parameters.len();
        for (part, shape, decays, initialization) in kind.parameters(input) {
            self.parameter(&name, part, shape, decays, initialization)?;
        }
        let ordinal = self.ordinal(&kind, &name, input)?;
        let [kernel, stride] = kind.window();
        let reach = (kernel - 1).saturating_mul(self.fields.jump);
        self.fields.receptive_field = self.fields.receptive_field.saturating_add(reach);
        self.fields.jump = self.fields.jump.saturating_mul(stride);
        if matches!(output, Shape::Vector { .. }) {
            self.fields.receptive_field = self.fields.whole;
        }
        let mut body = Vec::new();
        if let LayerKind::Residual { layers } = &kind {
            body = self.nodes(layers.clone())?;
            if self.shape != input {
                let expected = format!("layers whose output is their input's {input}");
                return Err(misfit(&name, (expected, self.shape.to_string())));
            }
        }
        self.shape = output;
        let own_work = kind.multiply_adds(input, output);
        let multiply_adds = body.iter().fold(own_work, |all, node| all.saturating_add(node.multiply_adds));
        let (parameters, receptive_field) = (first..self.parameters.len(), self.fields.receptive_field);
        Ok(Node { name, kind, input, output, ordinal, parameters, multiply_adds, receptive_field, body })
    }

    fn parameter(
        &mut self,
        layer: &str,
        part: &str,
        shape: Vec<usize>,
        decays: bool,
        initialization: Initialization,
    ) -> Result<()> {
        let start = self.parameters.last().map_or(0, |parameter| parameter.range.end);
        let end = shape
            .iter()
            .try_fold(1usize, |product, &size| product.checked_mul(size))
            .and_then(|len| start.checked_add(len))
            .ok_or_else(|| misfit(layer, ("a shape that can be counted".into(), format!("{shape:?}"))))?;
        let name = format!("{layer}.{part}");
        self.parameters.push(Parameter { name, shape, decays, initialization, range: start..end });
        Ok(())
    }

    /// The position of a layer among those of its kind.
    fn ordinal(&mut self, kind: &LayerKind, name: &str, input: Shape) -> Result<usize> {
        Ok(match kind {
            LayerKind::BatchNorm {} => {
                self.norms.push(Norm { name: name.into(), channels: input.channels() });
                self.norms.len() - 1
            }
            LayerKind::OneHot { input, classes, .. } => {
                if self.one_hot_inputs.iter().any(|(known, _)| known == input) {
                    return Err(misfit(name, ("an input of its own".into(), format!("`{input}` again"))));
                }
                self.one_hot_inputs.push((input.clone(), *classes));
                self.one_hot_inputs.len() - 1
            }
            LayerKind::Dropout { .. } => {
                self.dropouts += 1;
                self.dropouts - 1
            }
            _ => self.counts[kind.short_name()] - 1,
        })
    }
}

fn misfit(layer: &str, (expected, found): Misfit) -> Error {
    Error::Layer { layer: layer.into(), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(channels: usize, height: usize, width: usize) -> Shape {
        Shape::Map { channels, height, width }
    }

    #[test]
    fn names_shapes_and_ranges_follow_from_the_layers() {
        let body = vec![Layer::conv2d(6, 3).padding(1), Layer::batch_norm()];
        let layers = vec![
            Layer::conv2d(6, 5).stride(2).padding(2).bias(),
            Layer::relu(),
            Layer::residual(body),
            Layer::max_pool2d(3).stride(2),
            Layer::dropout(0.5),
            Layer::flatten(),
            Layer::one_hot("class", 4),
            Layer::linear(7).named("hidden"),
        ];
        let network =
            Network::new([3, 32, 30], layers, vec![Head::new("a", 2).bias(), Head::new("b", 3)]).unwrap();
        let shapes: Vec<Shape> = network.nodes().iter().map(|node| node.output).collect();
        let vector = |features| Shape::Vector { features };
        let maps = [map(6, 16, 15), map(6, 16, 15), map(6, 16, 15), map(6, 7, 7), map(6, 7, 7)];
        assert_eq!(shapes[..5], maps);
        assert_eq!(shapes[5..], [vector(294), vector(298), vector(7)]);
        let names: Vec<&str> = network.parameters().iter().map(|parameter| &parameter.name[..]).collect();
        let expected = [
            "conv1.weight",
            "conv1.bias",
            "conv2.weight",
            "norm1.weight",
            "norm1.bias",
            "hidden.weight",
            "a.weight",
            "a.bias",
            "b.weight",
        ];
        assert_eq!(names, expected);
        assert_eq!(network.parameters()[2].range, 456..780);
        assert_eq!(network.parameter_count(), 456 + 324 + 12 + 7 * 298 + 14 + 2 + 21);
        assert_eq!(network.nodes()[2].parameters, 2..5);
        let fields: Vec<usize> = network.nodes().iter().map(|node| node.receptive_field).collect();
        assert_eq!(fields, [5, 5, 9, 13, 13, 32, 32, 32]);
        assert_eq!((network.image_nodes(), network.embedding_nodes()), (6, 6));
        assert_eq!(network.stages(), [1, 4]);
        assert_eq!(network.norms()[0].buffer_names()[1], "norm1.running_var");
    }

    #[test]
    fn layers_that_do_not_fit_are_named() {
        let head = || vec![Head::new("head", 2)];
        let cases = [
            (vec![Layer::conv2d(2, 9)], "conv1", "at least 9x9 pixels"),
            (vec![Layer::conv2d(0, 3)], "conv1", "out_channels of at least 1"),
            (vec![Layer::conv2d(2, 3).padding(3)], "conv1", "a padding below the kernel's 3"),
            (vec![Layer::conv2d(2, 3).stride(0)], "conv1", "stride of at least 1"),
            (vec![Layer::linear(3)], "linear1", "a vector"),
            (vec![Layer::flatten(), Layer::max_pool2d(2)], "pool1", "feature maps"),
            (vec![Layer::flatten(), Layer::one_hot("x", 300)], "one_hot1", "1 to 256 classes"),
            (vec![Layer::dropout(1.0)], "dropout1", "a probability in [0, 1)"),
            (vec![Layer::relu().named("a"), Layer::relu().named("a")], "a", "a name of its own"),
            (
                vec![Layer::residual(vec![Layer::max_pool2d(2)])],
                "residual1",
                "layers whose output is their input's 1x8x8",
            ),
            (vec![Layer::flatten(), Layer::linear(1 << 60)], "linear1", "a shape that can be counted"),
            (
                vec![Layer::relu().named("a\nb")],
                "a\nb",
                "a name of at least one character, none a control character",
            ),
            (vec![], "head", "a vector"),
        ];
        for (layers, name, what) in cases {
            match Network::new([1, 8, 8], layers, head()) {
                Err(Error::Layer { layer, expected, .. }) => {
                    assert_eq!((&layer[..], &expected[..]), (name, what))
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        assert!(Network::new([1, 8, 8], vec![Layer::flatten()], vec![]).is_err());
    }

    #[test]
    fn a_layer_is_read_strictly_and_written_as_it_was() {
        let text =
            r#"{"name":"c","kind":"conv2d","out_channels":6,"kernel":5,"stride":1,"padding":0,"bias":true}"#;
        let layer: Layer = serde_json::from_str(text).unwrap();
        assert_eq!(layer, Layer::conv2d(6, 5).bias().named("c"));
        assert_eq!(serde_json::to_string(&layer).unwrap(), text);
        for (wrong, what) in [
            (r#"{"kind":"conv2d","out_channels":6,"kernal":5}"#, "unknown field `kernal`"),
            (r#"{"kind":"relu","slope":1}"#, "unknown field `slope`"),
            (r#"{"kind":"sigmoid"}"#, "unknown variant `sigmoid`"),
            (r#"{"kind":"relu","name":3}"#, "name: expected a word in quotes, found 3"),
        ] {
            let error = serde_json::from_str::<Layer>(wrong).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
