//! The table of layers: output shapes, parameters, multiply-adds, receptive fields, and what computes them.

use std::fmt;

use serde::Serialize;

use crate::{LayerKind, Network, Node, Segment};

/// One row of the table: a layer, or layers that share the first part of their names, such as `block1.conv` and `block1.norm`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SummaryRow {
    /// The layers in words.
    pub name: String,
    /// Shape of the output of one image, without the batch.
    pub output: Vec<usize>,
    /// Trained values.
    pub parameters: usize,
    /// Multiply-adds of the convolution or product for one image; norms, activations and pools are not counted.
    pub multiply_adds: usize,
    /// Side of the square of pixels that one output sees, zero padding included; the whole image from the first vector on.
    pub receptive_field: usize,
    /// The number of the fused operation that computes it on the kernels, from 1; nothing for a layer on its own.
    pub fused: Option<usize>,
}

/// All layers of a network, from the image to the heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The rows.
    pub layers: Vec<SummaryRow>,
    /// Trained values of the whole network.
    pub parameters: usize,
    /// Multiply-adds of one image.
    pub multiply_adds: usize,
}

impl Network {
    /// The table of layers.
    pub fn summary(&self) -> Summary {
        let mut table = Table { network: self, rows: Vec::new(), group: (None, 0, None), fused: 0 };
        table.segments(self.nodes(), &self.segments(), 0, None);
        if !matches!(self.segments().last(), Some(Segment::Dense { .. })) {
            table.heads(None);
        }
        Summary {
            parameters: self.parameter_count(),
            multiply_adds: self.nodes().iter().chain(self.heads()).map(|node| node.multiply_adds).sum(),
            layers: table.rows,
        }
    }
}

/// The table while it grows.
struct Table<'a> {
    network: &'a Network,
    rows: Vec<SummaryRow>,
    /// The last row's: the first part of its names, its depth in residuals, its fused operation.
    group: (Option<&'a str>, usize, Option<usize>),
    /// Fused operations so far.
    fused: usize,
}

impl<'a> Table<'a> {
    /// Adds layers that are `depth` residuals deep.
    fn segments(&mut self, nodes: &'a [Node], segments: &[Segment<'a>], depth: usize, around: Option<usize>) {
        for segment in segments {
            let fused = match segment {
                Segment::Layer(_) => around,
                Segment::Trunk { .. } | Segment::Dense { .. } => {
                    self.fused += 1;
                    Some(self.fused)
                }
            };
            for node in &nodes[segment.nodes()] {
                self.segments(&node.body, &node.segments(), depth + 1, fused);
                self.push(node, depth, fused);
            }
            if matches!(segment, Segment::Dense { .. }) {
                self.heads(fused);
            }
        }
    }

    fn heads(&mut self, fused: Option<usize>) {
        for (head, kind) in self.network.heads().iter().zip(self.network.head_kinds()) {
            let label = head.kind.label().unwrap_or_default();
            let name = format!("{} head: {label}{}", head.name, kind.label());
            self.rows.push(self.row(name, head, fused));
        }
    }

    /// Adds a layer to the row of its group, or as a row of its own.
    fn push(&mut self, node: &'a Node, depth: usize, fused: Option<usize>) {
        let Some(label) = node.kind.label() else { return };
        let (parameters, prefix) =
            (self.own_parameters(node), node.name.split_once('.').map(|(prefix, _)| prefix));
        let group = (prefix, depth, fused);
        let joins = prefix.is_some() && group == self.group && node.body.is_empty();
        if let (Some(row), true) = (self.rows.last_mut(), joins) {
            row.name.push_str(&format!(", {label}"));
            row.output = node.output.dims();
            row.parameters += parameters;
            row.multiply_adds += node.multiply_adds;
            row.receptive_field = node.receptive_field;
            return;
        }
        // Nothing joins a residual's row.
        self.group = if node.body.is_empty() { group } else { (None, depth, fused) };
        let name = match prefix {
            Some(prefix) => format!("{prefix}: {label}"),
            None if node.parameters.is_empty() || !node.body.is_empty() => label,
            None => format!("{}: {label}", node.name),
        };
        let mut row = self.row(format!("{}{name}", "  ".repeat(depth)), node, fused);
        if matches!(node.kind, LayerKind::Residual { .. }) {
            // The layers in it have rows of their own.
            row.multiply_adds = 0;
        }
        self.rows.push(row);
    }

    fn row(&self, name: String, node: &Node, fused: Option<usize>) -> SummaryRow {
        SummaryRow {
            name,
            output: node.output.dims(),
            parameters: self.own_parameters(node),
            multiply_adds: node.multiply_adds,
            receptive_field: node.receptive_field,
            fused,
        }
    }

    /// Trained values of a layer, without those of the layers in it, which have rows of their own.
    fn own_parameters(&self, node: &Node) -> usize {
        if !node.body.is_empty() {
            return 0;
        }
        let parameters = &self.network.parameters()[node.parameters.clone()];
        parameters.iter().map(|parameter| parameter.range.len()).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.layers.iter().map(|layer| layer.name.len()).max().unwrap_or(0);
        writeln!(
            f,
            "{:width$}  {:>10}  {:>10}  {:>13}  {:>15}  {:>5}",
            "layer", "output", "parameters", "multiply-adds", "receptive field", "fused"
        )?;
        for layer in &self.layers {
            let output: Vec<String> = layer.output.iter().map(usize::to_string).collect();
            let fused = layer.fused.map_or("-".into(), |number| number.to_string());
            writeln!(
                f,
                "{:width$}  {:>10}  {:>10}  {:>13}  {:>15}  {fused:>5}",
                layer.name,
                output.join("x"),
                thousands(layer.parameters as u64),
                thousands(layer.multiply_adds as u64),
                layer.receptive_field
            )?;
        }
        write!(
            f,
            "{:width$}  {:>10}  {:>10}  {:>13}",
            "total",
            "",
            thousands(self.parameters as u64),
            thousands(self.multiply_adds as u64)
        )
    }
}

/// A number as people read it: `13136` as `13,136`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things, `thing` being the word for one: `1 epoch`, `2,000 epochs`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", thousands(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_no_many() {
        let said = [0, 1, 2, 1001].map(|number| counted(number, "epoch"));
        assert_eq!(said, ["0 epochs", "1 epoch", "2 epochs", "1,001 epochs"]);
    }
    use crate::{Head, Layer, ModelConfig};

    #[test]
    fn the_default_is_the_notebooks_table() {
        let summary = ModelConfig::default().network().unwrap().summary();
        assert_eq!(summary.parameters, 13_136);
        let parameters: Vec<_> =
            summary.layers.iter().map(|l| l.parameters).filter(|&count| count > 0).collect();
        assert_eq!(parameters, [88, 592, 1184, 2336, 2336, 2336, 360, 2048, 640, 1216]);
        let fields: Vec<_> = summary.layers.iter().take(8).map(|l| l.receptive_field).collect();
        assert_eq!(fields, [3, 5, 6, 10, 14, 16, 24, 32]);
        assert_eq!(summary.layers[3].output, [16, 14, 14]);
        let names: Vec<&str> = summary.layers.iter().map(|layer| &layer.name[..]).collect();
        let expected = [
            "block1: conv 3x3 pad 1, ReLU, norm, dropout 0.1",
            "block2: conv 3x3 pad 1, ReLU, norm, dropout 0.1",
            "max pool 2x2",
            "block3: conv 3x3 pad 1, ReLU, norm, dropout 0.1",
            "block4: conv 3x3 pad 1, ReLU, norm, dropout 0.1",
            "max pool 2x2",
            "block5: conv 3x3 pad 1, ReLU, norm",
            "block6: conv 3x3 pad 0, ReLU, norm, dropout 0.1",
            "global average pool",
            "embedding: linear, norm, ReLU",
            "concat one-hot addend",
            "hidden: linear, norm, ReLU",
            "digit head: linear",
            "sum head: linear",
        ];
        assert_eq!(names, expected);
        let fused: Vec<_> = summary.layers.iter().map(|layer| layer.fused).collect();
        assert_eq!((fused[0], fused[8], fused[9], fused[13]), (Some(1), Some(1), Some(2), Some(2)));
        assert!(summary.to_string().contains("total"));
    }

    #[test]
    fn a_residual_counts_its_layers_once() {
        let body = vec![Layer::conv2d(3, 3).padding(1), Layer::relu(), Layer::batch_norm()];
        let layers = vec![Layer::residual(body), Layer::global_average_pool()];
        let network = Network::new([3, 8, 8], layers, vec![Head::new("a", 2).bias()]).unwrap();
        let summary = network.summary();
        assert_eq!(summary.layers.iter().map(|row| row.parameters).sum::<usize>(), summary.parameters);
        assert_eq!(summary.layers.iter().map(|row| row.multiply_adds).sum::<usize>(), summary.multiply_adds);
        let names: Vec<&str> = summary.layers.iter().map(|layer| &layer.name[..]).collect();
        let expected = [
            "  conv1: conv 3x3 pad 1",
            "  ReLU",
            "  norm1: norm",
            "add the input",
            "global average pool",
            "a head: linear bias",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn rows_join_layers_of_one_name_depth_and_operation() {
        let named = |layer: Layer, name: &str| layer.named(name);
        let body = vec![named(Layer::conv2d(1, 3).padding(1), "b.conv")];
        let layers = vec![
            named(Layer::residual(body), "b.sum"),
            named(Layer::conv2d(2, 5), "b.wide"),
            named(Layer::relu(), "b.relu"),
            named(Layer::conv2d(2, 3), "b.narrow"),
            named(Layer::relu(), "b.relu2"),
            named(Layer::batch_norm(), "b.norm"),
            Layer::flatten(),
        ];
        let summary = Network::new([1, 12, 12], layers, vec![Head::new("a", 2)]).unwrap().summary();
        let rows: Vec<(&str, Option<usize>)> =
            summary.layers.iter().map(|row| (&row.name[..], row.fused)).collect();
        let expected = [
            ("  b: conv 3x3 pad 1", None),
            ("b: add the input", None),
            ("b: conv 5x5 pad 0, ReLU", None),
            ("b: conv 3x3 pad 0, ReLU, norm", Some(1)),
            ("flatten", None),
            ("a head: linear", Some(2)),
        ];
        assert_eq!(rows, expected);
        assert_eq!(summary.layers.iter().map(|row| row.multiply_adds).sum::<usize>(), summary.multiply_adds);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 13_136, 1_234_567].map(thousands),
            ["0", "999", "1,000", "13,136", "1,234,567"]
        );
    }
}
