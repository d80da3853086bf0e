//! The convolutions to time, with their operands and the right results.

use std::fmt;

use adder_kernels::conv::ConvShape;
use adder_network::naive::conv as naive;
use adder_network::{LayerKind, ModelConfig};

use crate::inputs::values;

/// The convolutions of the notebook's network, first to last.
pub fn network() -> Vec<ConvShape> {
    let network = ModelConfig::default().network().expect("the default network is a possible one");
    let shapes = network.nodes().iter().filter_map(|node| {
        let (LayerKind::Conv2d { kernel, stride, padding, .. }, Some([in_channels, height, width])) =
            (&node.kind, node.input.map())
        else {
            return None;
        };
        let (kernel, stride, padding) = (*kernel, *stride, *padding);
        let out_channels = node.output.channels();
        Some(ConvShape { in_channels, out_channels, height, width, kernel, stride, padding })
    });
    shapes.collect()
}

/// Wider ones, 32 to 128 channels.
pub fn wide() -> Vec<ConvShape> {
    let shape = |channels| ConvShape {
        in_channels: channels,
        out_channels: channels,
        height: 14,
        width: 14,
        kernel: 3,
        stride: 1,
        padding: 1,
    };
    [32, 64, 128].map(shape).into()
}

/// The second one of candle's example mnist-training.
pub fn candle_mnist() -> ConvShape {
    ConvShape { in_channels: 32, out_channels: 64, height: 12, width: 12, kernel: 5, stride: 1, padding: 0 }
}

/// A shape in a bench's name, as in `16->16 14x14 pad 1`.
pub fn name(shape: &ConvShape) -> String {
    let ConvShape { in_channels, out_channels, height, width, padding, .. } = shape;
    format!("{in_channels}->{out_channels} {height}x{width} pad {padding}")
}

/// One of the three computations that training does with a convolution. Each has the same number of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The output from input and weight.
    Forward,
    /// The gradient of the input from that of the output.
    InputGradient,
    /// The gradient of the weight from that of the output.
    WeightGradient,
}

impl Pass {
    /// All three, in the order of training.
    pub const ALL: [Self; 3] = [Self::Forward, Self::InputGradient, Self::WeightGradient];
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "forward",
            Self::InputGradient => "input gradient",
            Self::WeightGradient => "weight gradient",
        })
    }
}

/// The tensors that a convolution and its gradients are computed from.
#[derive(Clone, Debug)]
pub struct Operands {
    /// The sizes of an image.
    pub shape: ConvShape,
    /// Images.
    pub batch: usize,
    /// `[b, in, h, w]`.
    pub input: Vec<f32>,
    /// `[out, in, k, k]`.
    pub weight: Vec<f32>,
    /// `[b, out, h', w']`.
    pub grad_output: Vec<f32>,
}

impl Operands {
    /// Seeded operands for `batch` images of `shape`.
    pub fn new(shape: ConvShape, batch: usize) -> Self {
        let input = values(0, batch * shape.input_len());
        let weight = values(1, shape.weight_len());
        let grad_output = values(2, batch * shape.output_len());
        Self { shape, batch, input, weight, grad_output }
    }

    /// The result of a pass by naive loops in double precision.
    pub fn result(&self, pass: Pass) -> Vec<f32> {
        let ConvShape { in_channels, out_channels, height, width, kernel, stride, padding } = self.shape;
        let batch = self.batch;
        let shape = &naive::Conv { batch, in_channels, out_channels, height, width, kernel, stride, padding };
        let wide = |values: &[f32]| values.iter().map(|&value| value.into()).collect::<Vec<_>>();
        let (input, weight, grad_output) = (wide(&self.input), wide(&self.weight), wide(&self.grad_output));
        let result = match pass {
            Pass::Forward => naive::conv2d(&input, &weight, shape),
            Pass::InputGradient => naive::conv2d_input_gradient(&weight, &grad_output, shape),
            Pass::WeightGradient => naive::conv2d_weight_gradient(&input, &grad_output, shape),
        };
        result.into_iter().map(|value| value as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_shapes_are_those_of_its_table() {
        let names: Vec<String> = network().iter().map(name).collect();
        assert_eq!(
            names,
            [
                "1->8 28x28 pad 1",
                "8->8 28x28 pad 1",
                "8->16 14x14 pad 1",
                "16->16 14x14 pad 1",
                "16->16 7x7 pad 1",
                "16->16 7x7 pad 0"
            ]
        );
    }

    #[test]
    fn operands_have_the_lengths_of_their_shape() {
        for shape in network().into_iter().chain(wide()) {
            let operands = Operands::new(shape, 2);
            let lengths = Pass::ALL.map(|pass| operands.result(pass).len());
            assert_eq!(lengths, [operands.grad_output.len(), operands.input.len(), operands.weight.len()]);
        }
    }
}
