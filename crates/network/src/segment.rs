//! Runs of layers that fused kernels compute as one operation.

use std::ops::Range;

use crate::{ClassCode, HeadKind, LayerKind, Network, Node, Shape};

/// A part of a network that is computed as one operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Segment<'a> {
    /// Convolution blocks, one after the other.
    Trunk {
        /// The blocks, at least one.
        blocks: Vec<ConvBlock<'a>>,
        /// Whether a global average pool ends the run.
        global_average: bool,
        /// The nodes that the run takes up.
        nodes: Range<usize>,
    },
    /// Everything from here to the heads, which it includes.
    Dense {
        /// The hidden layers; none where the heads stand alone.
        layers: Vec<DenseLayer<'a>>,
        /// The one-hot input, and the index of the hidden layer that it joins the inputs of.
        one_hot: Option<(usize, &'a Node)>,
        /// The nodes that the run takes up, without the heads.
        nodes: Range<usize>,
    },
    /// A layer on its own.
    Layer(usize),
}

/// A convolution block: 3x3 of stride 1 without bias -> ReLU -> batch norm -> dropout, if any -> 2x2 max pool, if any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvBlock<'a> {
    /// The convolution.
    pub conv: &'a Node,
    /// The batch norm.
    pub norm: &'a Node,
    /// The dropout.
    pub dropout: Option<&'a Node>,
    /// The max pool.
    pub pool: Option<&'a Node>,
}

/// A hidden layer: linear without bias -> batch norm -> ReLU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DenseLayer<'a> {
    /// The linear layer.
    pub linear: &'a Node,
    /// The batch norm.
    pub norm: &'a Node,
}

impl Segment<'_> {
    /// The nodes that it takes up.
    pub fn nodes(&self) -> Range<usize> {
        match self {
            Self::Trunk { nodes, .. } | Self::Dense { nodes, .. } => nodes.clone(),
            Self::Layer(index) => *index..*index + 1,
        }
    }
}

impl Network {
    /// The network cut into parts, as large as fused kernels take them, in the order in which they are computed. A
    /// [`Segment::Dense`] comes last where the heads and what stands before them can be one; else the heads stand alone, behind
    /// all segments.
    pub fn segments(&self) -> Vec<Segment<'_>> {
        self.segments_to(self.dense_segment(false))
    }

    /// The parts that prediction takes: as [`segments`](Self::segments), but hidden layers and heads are one also where a class has
    /// another code than one-hot and heads are no softmax or have a bias. Tables of codes and ways to logits are linear, so a trained
    /// network has them in its weights.
    pub fn folded_segments(&self) -> Vec<Segment<'_>> {
        self.segments_to(self.dense_segment(true))
    }

    fn segments_to<'a>(&'a self, dense: Option<Segment<'a>>) -> Vec<Segment<'a>> {
        let end = dense.as_ref().map_or(self.nodes().len(), |segment| segment.nodes().start);
        let mut segments = segments(&self.nodes()[..end]);
        segments.extend(dense);
        segments
    }

    /// The longest run of hidden layers that ends in the heads: of those that train as one, or of those that can be `folded` into one.
    fn dense_segment(&self, folded: bool) -> Option<Segment<'_>> {
        let plain = |(node, kind): (&Node, &HeadKind)| {
            matches!(node.kind, LayerKind::Linear { bias: false, .. }) && *kind == HeadKind::Softmax
        };
        if !folded && !self.heads().iter().zip(self.head_kinds()).all(plain) {
            return None;
        }
        let nodes = self.nodes();
        let (mut start, mut layers, mut one_hot) = (nodes.len(), Vec::new(), None);
        while let [.., linear, norm, relu] = &nodes[self.image_nodes().min(start)..start] {
            let kinds = (&linear.kind, &norm.kind, &relu.kind);
            let (LayerKind::Linear { bias: false, .. }, LayerKind::BatchNorm {}, LayerKind::Relu {}) = kinds
            else {
                break;
            };
            let joined = start.checked_sub(4).map(|index| &nodes[index]);
            let joins = |node: &&Node| match node.kind {
                LayerKind::OneHot { code, .. } => folded || code == ClassCode::OneHot,
                _ => false,
            };
            match joined.filter(joins) {
                // The kernels take one one-hot input.
                Some(_) if one_hot.is_some() => break,
                Some(node) => {
                    one_hot = Some((layers.len(), node));
                    start -= 4;
                }
                None => start -= 3,
            }
            layers.push(DenseLayer { linear, norm });
        }
        layers.reverse();
        let one_hot = one_hot.map(|(behind, node)| (layers.len() - 1 - behind, node));
        Some(Segment::Dense { layers, one_hot, nodes: start..nodes.len() })
    }
}

/// A sequence of layers, of a network or of a residual, cut into parts.
pub(crate) fn segments(nodes: &[Node]) -> Vec<Segment<'_>> {
    let (mut segments, mut at) = (Vec::new(), 0);
    while at < nodes.len() {
        let (start, mut blocks) = (at, Vec::new());
        while let Some((block, len)) = conv_block(&nodes[at..]) {
            blocks.push(block);
            at += len;
        }
        if blocks.is_empty() {
            segments.push(Segment::Layer(at));
            at += 1;
            continue;
        }
        let global_average = nodes.get(at).is_some_and(|node| node.kind == LayerKind::GlobalAveragePool {});
        at += usize::from(global_average);
        segments.push(Segment::Trunk { blocks, global_average, nodes: start..at });
    }
    segments
}

impl Node {
    /// The layers of a residual, cut into parts.
    pub fn segments(&self) -> Vec<Segment<'_>> {
        segments(&self.body)
    }
}

/// The block at the start of `nodes`, and how many nodes it takes up.
fn conv_block(nodes: &[Node]) -> Option<(ConvBlock<'_>, usize)> {
    let [conv, relu, norm, rest @ ..] = nodes else { return None };
    let LayerKind::Conv2d { kernel: 3, stride: 1, padding: 0..=2, bias: false, .. } = conv.kind else {
        return None;
    };
    if !matches!((&relu.kind, &norm.kind), (LayerKind::Relu {}, LayerKind::BatchNorm {})) {
        return None;
    }
    // Dropout numbers the elements of an image with 32 bits.
    u32::try_from(conv.output.len()).ok()?;
    let dropout = rest.first().filter(|node| matches!(node.kind, LayerKind::Dropout { .. }));
    let rest = &rest[usize::from(dropout.is_some())..];
    let pool = rest.first().filter(|node| match node.kind {
        LayerKind::MaxPool2d { kernel: 2, stride } => stride.unwrap_or(2) == 2,
        _ => false,
    });
    let len = 3 + usize::from(dropout.is_some()) + usize::from(pool.is_some());
    Some((ConvBlock { conv, norm, dropout, pool }, len))
}

impl ConvBlock<'_> {
    /// Channels, height and width of the block's input.
    pub fn input(&self) -> [usize; 3] {
        map(self.conv.input)
    }

    /// Channels, height and width of the block's output, after the pool where there is one.
    pub fn output(&self) -> [usize; 3] {
        map(self.pool.unwrap_or(self.conv).output)
    }

    /// Zeros on each side of the convolution's input.
    pub fn padding(&self) -> usize {
        match self.conv.kind {
            LayerKind::Conv2d { padding, .. } => padding,
            _ => 0,
        }
    }

    /// The probability of dropping an element; 0 without dropout.
    pub fn dropout_probability(&self) -> f32 {
        match self.dropout.map(|node| &node.kind) {
            Some(LayerKind::Dropout { probability }) => *probability,
            _ => 0.0,
        }
    }
}

fn map(shape: Shape) -> [usize; 3] {
    shape.map().expect("convolutions and pools have maps on both sides")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Head, Layer, ModelConfig};

    #[test]
    fn the_notebooks_network_is_a_trunk_and_a_dense_part() {
        let network = ModelConfig::default().network().unwrap();
        let segments = network.segments();
        let [Segment::Trunk { blocks, global_average: true, .. }, Segment::Dense { layers, one_hot, .. }] =
            &segments[..]
        else {
            panic!("{segments:?}");
        };
        assert_eq!(blocks.len(), 6);
        assert_eq!(
            blocks.iter().map(ConvBlock::output).collect::<Vec<_>>()[3..],
            [[16, 7, 7], [16, 7, 7], [16, 5, 5]]
        );
        let names: Vec<&str> = layers.iter().map(|layer| &layer.linear.name[..]).collect();
        assert_eq!(names, ["embedding.linear", "hidden.linear"]);
        assert_eq!(one_hot.map(|(layer, node)| (layer, &node.name[..])), Some((1, "addend")));
    }

    #[test]
    fn other_layers_stand_alone() {
        let block = || vec![Layer::conv2d(4, 3).padding(1), Layer::relu(), Layer::batch_norm()];
        let mut layers = vec![Layer::conv2d(4, 5), Layer::relu()];
        layers.extend(block());
        layers.push(Layer::max_pool2d(2));
        layers.push(Layer::residual(block()));
        layers.extend([Layer::flatten(), Layer::linear(8).bias(), Layer::relu()]);
        let network = Network::new([1, 12, 12], layers.clone(), vec![Head::new("a", 2)]).unwrap();
        let segments = network.segments();
        let ranges: Vec<Range<usize>> = segments.iter().map(Segment::nodes).collect();
        assert_eq!(ranges, [0..1, 1..2, 2..6, 6..7, 7..8, 8..9, 9..10, 10..10]);
        assert!(matches!(network.nodes()[6].segments()[..], [Segment::Trunk { global_average: false, .. }]));
        let biased = Network::new([1, 12, 12], layers, vec![Head::new("a", 2).bias()]).unwrap();
        assert!(matches!(biased.segments().last(), Some(Segment::Layer(9))));
    }
}
