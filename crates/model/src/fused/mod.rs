//! Runs of layers on `adder-kernels`, inside candle's autograd: convolution blocks are one operation, dense layers with heads
//! and loss another.
//!
//! The operations are those of [`adder_nn::fused`]; here is which layers of a description they take up.

mod dense;
mod trunk;

use std::ops::Range;

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_network::{Network, Node, Segment};

pub(crate) use dense::DensePart;
pub(crate) use trunk::TrunkPart;

use crate::Result;
use crate::specs::{dense_spec, trunk_spec};

/// The planned kernels of one network.
#[derive(Debug)]
pub(crate) struct Fused {
    pub(crate) isa: Isa,
    /// The layers before the dense part, in their order.
    pub(crate) parts: Vec<Part>,
    /// The last hidden layers with the heads and their loss, where the kernels know them.
    pub(crate) dense: Option<DensePart>,
}

/// Layers that are computed as one operation, or one layer.
#[derive(Debug)]
pub(crate) enum Part {
    /// Convolution blocks.
    Trunk(TrunkPart),
    /// A layer on its own, and the parts of the layers in it.
    Layer {
        /// Its index among the nodes.
        index: usize,
        /// The parts of a residual; none for other kinds.
        body: Vec<Part>,
    },
}

impl Part {
    /// The nodes that it takes up.
    pub(crate) fn nodes(&self) -> Range<usize> {
        match self {
            Self::Trunk(trunk) => trunk.nodes.clone(),
            Self::Layer { index, .. } => *index..*index + 1,
        }
    }
}

impl Fused {
    pub(crate) fn new(network: &Network, isa: Isa, algorithm: Algorithm) -> Result<Self> {
        let (mut parts, mut dense) = (Vec::new(), None);
        for segment in network.segments() {
            match segment {
                Segment::Dense { layers, one_hot, nodes } => {
                    let spec = dense_spec(network, &layers, one_hot, nodes.start);
                    dense = Some(DensePart::new(network, spec, &layers, one_hot, nodes, isa)?);
                }
                other => parts.push(part(network.nodes(), other, (isa, algorithm))?),
            }
        }
        Ok(Self { isa, parts, dense })
    }
}

fn part(nodes: &[Node], segment: Segment<'_>, (isa, algorithm): (Isa, Algorithm)) -> Result<Part> {
    Ok(match segment {
        Segment::Trunk { blocks, global_average, nodes: range } => {
            let spec = trunk_spec(&blocks, global_average, algorithm);
            Part::Trunk(TrunkPart::new(spec, &blocks, range, isa)?)
        }
        Segment::Dense { .. } => unreachable!("only the end of a network is a dense part"),
        Segment::Layer(index) => {
            let node = &nodes[index];
            let body = node.segments().into_iter().map(|segment| part(&node.body, segment, (isa, algorithm)));
            Part::Layer { index, body: body.collect::<Result<_>>()? }
        }
    })
}
