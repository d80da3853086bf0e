//! The table of layers: output shapes, parameters, multiply-adds and receptive fields, computed from the configuration.

use std::fmt;

use serde::Serialize;

use crate::{ADDENDS, DIGITS, IMAGE_SIDE, ModelConfig, Result, SUMS};

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    /// What the layer is.
    pub name: String,
    /// Shape of the output of one image, without the batch.
    pub output: Vec<usize>,
    /// Trained values.
    pub parameters: usize,
    /// Multiply-adds of the convolution or product for one image; norms, activations and pools are not counted.
    pub multiply_adds: usize,
    /// Side of the square of pixels that one output sees, zero padding included; the whole image from the global pool on.
    pub receptive_field: usize,
}

/// All layers of a network, from the image to the heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The rows.
    pub layers: Vec<Layer>,
    /// Trained values of the whole network.
    pub parameters: usize,
    /// Multiply-adds of one image.
    pub multiply_adds: usize,
}

impl ModelConfig {
    /// The table of layers.
    ///
    /// # Errors
    /// As [`ModelConfig::validate`].
    pub fn summary(&self) -> Result<Summary> {
        let mut table = Table { layers: Vec::new(), receptive_field: 1, jump: 1 };
        let mut features = 1;
        for (number, block) in (1..).zip(self.blocks()?) {
            let (c, side) = (block.out_channels, block.out_side);
            let weights = c * block.in_channels * 9;
            table.receptive_field += 2 * table.jump;
            let pad = block.padding;
            let dropout =
                if block.dropout > 0.0 { format!(", dropout {}", block.dropout) } else { String::new() };
            let name = format!("block {number}: conv 3x3 pad {pad}, ReLU, norm{dropout}");
            table.push(name, vec![c, side, side], weights + 2 * c, weights * side * side);
            if block.pool {
                table.receptive_field += table.jump;
                table.jump *= 2;
                table.push("max pool 2x2".into(), vec![c, side / 2, side / 2], 0, 0);
            }
            features = c;
        }
        // From here on every output sees the whole image.
        table.receptive_field = IMAGE_SIDE;
        table.push("global average pool".into(), vec![features], 0, 0);
        table.dense("embedding: linear, norm, ReLU", features, self.embedding, true);
        table.push("concat one-hot addend".into(), vec![self.embedding + ADDENDS], 0, 0);
        table.dense("hidden: linear, norm, ReLU", self.embedding + ADDENDS, self.hidden, true);
        table.dense("digit head: linear", self.hidden, DIGITS, false);
        table.dense("sum head: linear", self.hidden, SUMS, false);
        let layers = table.layers;
        Ok(Summary {
            parameters: layers.iter().map(|layer| layer.parameters).sum(),
            multiply_adds: layers.iter().map(|layer| layer.multiply_adds).sum(),
            layers,
        })
    }
}

/// The table while it grows. `jump` is the distance in image pixels between neighbouring outputs.
struct Table {
    layers: Vec<Layer>,
    receptive_field: usize,
    jump: usize,
}

impl Table {
    fn push(&mut self, name: String, output: Vec<usize>, parameters: usize, multiply_adds: usize) {
        let receptive_field = self.receptive_field;
        self.layers.push(Layer { name, output, parameters, multiply_adds, receptive_field });
    }

    fn dense(&mut self, name: &str, inputs: usize, outputs: usize, norm: bool) {
        let weights = inputs * outputs;
        self.push(name.into(), vec![outputs], weights + if norm { 2 * outputs } else { 0 }, weights);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.layers.iter().map(|layer| layer.name.len()).max().unwrap_or(0);
        writeln!(
            f,
            "{:width$}  {:>10}  {:>10}  {:>13}  {:>15}",
            "layer", "output", "parameters", "multiply-adds", "receptive field"
        )?;
        for layer in &self.layers {
            let output: Vec<String> = layer.output.iter().map(usize::to_string).collect();
            writeln!(
                f,
                "{:width$}  {:>10}  {:>10}  {:>13}  {:>15}",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_notebooks_table() {
        let summary = ModelConfig::default().summary().unwrap();
        assert_eq!(summary.parameters, 13_136);
        let parameters: Vec<_> =
            summary.layers.iter().map(|l| l.parameters).filter(|&count| count > 0).collect();
        assert_eq!(parameters, [88, 592, 1184, 2336, 2336, 2336, 360, 2048, 640, 1216]);
        let fields: Vec<_> = summary.layers.iter().take(8).map(|l| l.receptive_field).collect();
        assert_eq!(fields, [3, 5, 6, 10, 14, 16, 24, 32]);
        assert_eq!(summary.layers[3].output, [16, 14, 14]);
        assert!(summary.to_string().contains("total"));
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 13_136, 1_234_567].map(thousands),
            ["0", "999", "1,000", "13,136", "1,234,567"]
        );
    }
}
