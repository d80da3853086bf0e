//! A network as the kernels know it: convolution blocks, then dense layers and heads.

use std::ops::Range;

use adder_kernels::dropout::DropoutRate;
use adder_network::{ConvBlock, DenseLayer, LayerKind, Network, Node, Segment};

use crate::error::{Error, Result};

/// A block: convolution 3x3 -> ReLU -> batch norm -> dropout -> 2x2 max pool.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) name: String,
    /// Channels, rows and columns of the convolution's input and output.
    pub(crate) input: [usize; 3],
    pub(crate) output: [usize; 3],
    pub(crate) padding: usize,
    pub(crate) pool: bool,
    pub(crate) rate: DropoutRate,
    /// The number of the dropout layer.
    pub(crate) mask: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) norm: NormPlace,
}

/// Where the numbers of a norm lie: gamma and beta among the parameters, mean and variance among the running statistics.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NormPlace {
    pub(crate) channels: usize,
    pub(crate) gamma: Range<usize>,
    pub(crate) beta: Range<usize>,
    /// The first of the means; the variances follow them.
    pub(crate) running: usize,
}

/// A hidden layer: linear -> batch norm -> ReLU.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hidden {
    pub(crate) inputs: usize,
    /// Classes of the one-hot input that joins the others; 0 for none.
    pub(crate) classes: usize,
    pub(crate) outputs: usize,
    pub(crate) weight: Range<usize>,
    pub(crate) norm: NormPlace,
}

/// A whole network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spec {
    pub(crate) blocks: Vec<Block>,
    pub(crate) global_average: bool,
    pub(crate) hidden: Vec<Hidden>,
    /// Classes of each head.
    pub(crate) heads: Vec<usize>,
    /// The weights of all heads.
    pub(crate) head_weight: Range<usize>,
    pub(crate) parameters: usize,
    /// Values of the running statistics of all norms.
    pub(crate) running: usize,
    /// For each parameter, whether it decays.
    pub(crate) decays: Vec<bool>,
}

impl Spec {
    /// The parts of a network that is blocks, perhaps a flattening, and dense layers.
    pub(crate) fn new(network: &Network) -> Result<Self> {
        let segments = network.segments();
        let (trunk, dense) = match &segments[..] {
            [trunk, dense] => (trunk, dense),
            [trunk, Segment::Layer(at), dense] if network.nodes()[*at].kind == (LayerKind::Flatten {}) => {
                (trunk, dense)
            }
            _ => return Err(unfused(network, &segments)),
        };
        let (Segment::Trunk { blocks, global_average, .. }, Segment::Dense { layers, one_hot, .. }) =
            (trunk, dense)
        else {
            return Err(unfused(network, &segments));
        };
        let range =
            |node: &Node, index: usize| network.parameters()[node.parameters.start + index].range.clone();
        let ends = network.heads().iter().map(|head| range(head, 0));
        let head_weight = ends.reduce(|all, next| all.start..next.end).unwrap_or(0..0);
        let parameters = network.parameters();
        Ok(Self {
            blocks: blocks.iter().map(|block| self::block(network, block)).collect::<Result<_>>()?,
            global_average: *global_average,
            hidden: layers.iter().enumerate().map(|layer| hidden(network, layer, *one_hot)).collect(),
            heads: network.classes().collect(),
            head_weight,
            parameters: parameters.last().map_or(0, |last| last.range.end),
            running: running(network, network.norms().len()),
            decays: parameters.iter().flat_map(|each| vec![each.decays; each.range.len()]).collect(),
        })
    }

    /// Values of the dense layers' input.
    pub(crate) fn features(&self) -> usize {
        self.hidden.first().map_or_else(|| self.head_inputs(), |first| first.inputs)
    }

    pub(crate) fn head_inputs(&self) -> usize {
        self.head_weight.len() / self.classes().max(1)
    }

    /// Classes of all heads.
    pub(crate) fn classes(&self) -> usize {
        self.heads.iter().sum()
    }
}

impl Block {
    /// Rows and columns of the block's output.
    pub(crate) fn pooled(&self) -> [usize; 2] {
        let [_, height, width] = self.output;
        [height, width].map(|side| if self.pool { side / 2 } else { side })
    }
}

fn unfused(network: &Network, segments: &[Segment<'_>]) -> Error {
    let alone = segments.iter().find_map(|segment| match segment {
        Segment::Layer(at) if network.nodes()[*at].kind != (LayerKind::Flatten {}) => {
            Some(&network.nodes()[*at].name[..])
        }
        _ => None,
    });
    let expected = "convolution blocks, then hidden layers of linear, norm and ReLU, and heads without bias";
    Error::unsupported(alone.unwrap_or("network"), expected, "another order of layers")
}

/// The place of the first mean of a norm.
fn running(network: &Network, ordinal: usize) -> usize {
    network.norms()[..ordinal].iter().map(|norm| 2 * norm.channels).sum()
}

fn norm(network: &Network, node: &Node) -> NormPlace {
    let range = |index: usize| network.parameters()[node.parameters.start + index].range.clone();
    NormPlace {
        channels: node.output.channels(),
        gamma: range(0),
        beta: range(1),
        running: running(network, node.ordinal),
    }
}

fn block(network: &Network, block: &ConvBlock<'_>) -> Result<Block> {
    let name = block.conv.name.clone();
    let output = block.conv.output.map().unwrap_or_default();
    let rate = DropoutRate::new(block.dropout_probability())
        .map_err(|error| Error::unsupported(&name, "a probability of dropout", error))?;
    Ok(Block {
        name,
        input: block.input(),
        output,
        padding: block.padding(),
        pool: block.pool.is_some(),
        rate,
        mask: block.dropout.map_or(0, |node| node.ordinal),
        weight: network.parameters()[block.conv.parameters.start].range.clone(),
        norm: norm(network, block.norm),
    })
}

fn hidden(
    network: &Network,
    (index, layer): (usize, &DenseLayer<'_>),
    one_hot: Option<(usize, &Node)>,
) -> Hidden {
    let classes = match one_hot.filter(|(at, _)| *at == index).map(|(_, node)| &node.kind) {
        Some(LayerKind::OneHot { classes, .. }) => *classes,
        _ => 0,
    };
    Hidden {
        inputs: layer.linear.input.len() - classes,
        classes,
        outputs: layer.linear.output.len(),
        weight: network.parameters()[layer.linear.parameters.start].range.clone(),
        norm: norm(network, layer.norm),
    }
}

#[cfg(test)]
mod tests {
    use adder_network::{Head, Layer, ModelConfig};

    use super::*;

    #[test]
    fn the_notebooks_network_is_taken() {
        let spec = Spec::new(&ModelConfig::default().network().unwrap()).unwrap();
        assert_eq!((spec.blocks.len(), spec.hidden.len(), spec.parameters), (6, 2, 13_136));
        assert_eq!((spec.features(), spec.head_inputs(), spec.classes()), (16, spec.hidden[1].outputs, 29));
        assert_eq!([spec.hidden[0].classes, spec.hidden[1].classes], [0, 10]);
    }

    #[test]
    fn a_network_with_another_layer_is_refused_by_its_name() {
        let layers = vec![Layer::conv2d(4, 5).named("wide"), Layer::relu(), Layer::flatten()];
        let network = Network::new([1, 12, 12], layers, vec![Head::new("a", 2)]).unwrap();
        let error = Spec::new(&network).unwrap_err();
        assert!(error.to_string().starts_with("wide: the CUDA kernels take convolution blocks"), "{error}");
    }
}
