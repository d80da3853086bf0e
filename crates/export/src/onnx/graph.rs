//! The network as a graph of ONNX's operators, in the order in which it computes.

use adder_model::{ADDENDS, BlockConfig, DIGITS, IMAGE_SIDE, IdentityAdder, SUMS};

use super::Options;
use super::builder::{Builder, Value, float, integer, integers};
use super::messages::{DataType, Graph};
use super::parameters::{Affine, EPSILON, Layer, Parameters};
use crate::Result;

/// A graph in the making, with where its numbers come from.
struct Writer {
    builder: Builder,
    parameters: Parameters,
    fold: bool,
}

/// The whole graph.
pub(super) fn graph(model: &IdentityAdder, options: &Options) -> Result<Graph> {
    let parameters = Parameters::of(model)?;
    let mut writer = Writer { builder: Builder::default(), parameters, fold: options.fold };
    let image = writer.image(options.with_preprocessing);
    let addend = writer.builder.input("addend", DataType::Int64, &[], "the number to add, 0 to 9");
    let (features, last_norm) = writer.trunk(image, &model.config().blocks()?);
    let embedding = writer.dense("embedding", &features, last_norm);
    let joined = writer.with_addend(&embedding, &addend);
    let hidden = writer.dense("hidden", &joined, None);
    for (head, classes, what) in [("digit", DIGITS, "the digit 0 to 9"), ("sum", SUMS, "the sum 0 to 18")] {
        writer.head(head, &hidden, classes, what, options.with_preprocessing);
    }
    Ok(writer.builder.finish("identity_adder"))
}

impl Writer {
    /// The input, normalised.
    fn image(&mut self, from_bytes: bool) -> Value {
        let side = IMAGE_SIDE as i64;
        let shape = [1, side, side];
        if !from_bytes {
            let doc = "light digit on dark ground: (byte / 255 - 0.1307) / 0.3081";
            return self.builder.input("image", DataType::Float, &shape, doc);
        }
        let doc = "light digit on dark ground, 0 to 255";
        let bytes = self.builder.input("image", DataType::Uint8, &shape, doc);
        let to_float = integer("to", DataType::Float as i64);
        let floats = self.builder.node("Cast", "image.float", &[&bytes], vec![to_float]);
        let zero = adder_data::normalize(0.0);
        let factor =
            self.builder.floats("image.factor", &[], &[(adder_data::normalize(255.0) - zero) / 255.0]);
        let offset = self.builder.floats("image.offset", &[], &[zero]);
        let scaled = self.builder.node("Mul", "image.scaled", &[&floats, &factor], vec![]);
        self.builder.node("Add", "image.normalised", &[&scaled, &offset], vec![])
    }

    /// The blocks and the average; where the last norm is folded away, it comes back for the next layer.
    fn trunk(&mut self, mut x: Value, blocks: &[BlockConfig]) -> (Value, Option<Affine>) {
        let mut pending = None;
        for (number, block) in (1..).zip(blocks) {
            let name = format!("block{number}");
            x = self.convolution(&name, &x, block, pending.take());
            x = self.builder.node("Relu", &format!("{name}.relu"), &[&x], vec![]);
            // A norm folds into the layer behind it only where no padding comes in between: the zeros are put in after
            // the norm. The average commutes with it. A pool does where the factor is positive, which nothing says.
            let folds = blocks.get(number).is_none_or(|next| next.padding == 0) && !block.pool;
            if self.fold && folds {
                pending = Some(self.parameters.norm(&name));
            } else {
                x = self.norm(&name, &x);
            }
            if block.pool {
                let window = vec![integers("kernel_shape", &[2, 2]), integers("strides", &[2, 2])];
                x = self.builder.node("MaxPool", &format!("{name}.pool"), &[&x], window);
            }
        }
        let average = self.builder.node("GlobalAveragePool", "average", &[&x], vec![]);
        (self.builder.node("Flatten", "features", &[&average], vec![integer("axis", 1)]), pending)
    }

    fn convolution(&mut self, name: &str, x: &Value, block: &BlockConfig, before: Option<Affine>) -> Value {
        let weight_name = format!("{name}.conv.weight");
        let (shape, values) = self.parameters.get(&weight_name);
        let pad = block.padding as i64;
        let attributes = vec![integers("kernel_shape", &[3, 3]), integers("pads", &[pad; 4])];
        let output = format!("{name}.conv");
        let Some(norm) = before else {
            let weight = self.builder.floats(&weight_name, shape, values);
            return self.builder.node("Conv", &output, &[x, &weight], attributes);
        };
        let layer = Layer::after(&norm, values, 9);
        let weight = self.builder.floats(&weight_name, shape, &layer.weight);
        let bias = self.builder.floats(&format!("{name}.conv.bias"), &[layer.bias.len()], &layer.bias);
        self.builder.node("Conv", &output, &[x, &weight, &bias], attributes)
    }

    fn norm(&mut self, name: &str, x: &Value) -> Value {
        let parts = ["weight", "bias", "running_mean", "running_var"].map(|part| {
            let name = format!("{name}.norm.{part}");
            let (shape, values) = self.parameters.get(&name);
            self.builder.floats(&name, shape, values)
        });
        let inputs: Vec<&Value> = std::iter::once(x).chain(&parts).collect();
        let epsilon = vec![float("epsilon", EPSILON)];
        self.builder.node("BatchNormalization", &format!("{name}.norm"), &inputs, epsilon)
    }

    /// Linear -> norm -> ReLU; `before` is a norm of the inputs.
    fn dense(&mut self, name: &str, x: &Value, before: Option<Affine>) -> Value {
        let weight_name = format!("{name}.linear.weight");
        let (shape, values) = self.parameters.get(&weight_name);
        let shape = shape.to_vec();
        let normalised = if self.fold {
            let identity = || Affine { scale: vec![1.0; shape[1]], shift: vec![0.0; shape[1]] };
            let layer = Layer::after(&before.unwrap_or_else(identity), values, 1);
            let layer = layer.before(&self.parameters.norm(name));
            let weight = self.builder.floats(&weight_name, &shape, &layer.weight);
            let bias = self.builder.floats(&format!("{name}.linear.bias"), &shape[..1], &layer.bias);
            self.gemm(&format!("{name}.linear"), &[x, &weight, &bias])
        } else {
            let weight = self.builder.floats(&weight_name, &shape, values);
            let linear = self.gemm(&format!("{name}.linear"), &[x, &weight]);
            self.norm(name, &linear)
        };
        self.builder.node("Relu", &format!("{name}.relu"), &[&normalised], vec![])
    }

    /// `x` times the transposed weight `[out, in]`, with a bias where there is one.
    fn gemm(&mut self, name: &str, inputs: &[&Value]) -> Value {
        self.builder.node("Gemm", name, inputs, vec![integer("transB", 1)])
    }

    /// The embedding and the addend's one-hot side by side.
    fn with_addend(&mut self, embedding: &Value, addend: &Value) -> Value {
        let depth = self.builder.integer("addend.depth", ADDENDS as i64);
        let values = self.builder.floats("addend.values", &[2], &[0.0, 1.0]);
        let inputs = [addend, &depth, &values];
        let one_hot = self.builder.node("OneHot", "addend.one_hot", &inputs, vec![integer("axis", -1)]);
        self.builder.node("Concat", "joined", &[embedding, &one_hot], vec![integer("axis", 1)])
    }

    /// A head, whose logits or probabilities are an output.
    fn head(&mut self, name: &str, hidden: &Value, classes: usize, what: &str, probabilities: bool) {
        let weight_name = format!("{name}.weight");
        let (shape, values) = self.parameters.get(&weight_name);
        let weight = self.builder.floats(&weight_name, shape, values);
        let logits = self.gemm(&format!("{name}_logits"), &[hidden, &weight]);
        if !probabilities {
            return self.builder.output(&logits, classes, &format!("unnormalised, for {what}"));
        }
        let output = format!("{name}_probabilities");
        self.builder.node("Softmax", &output, &[&logits], vec![integer("axis", 1)]);
        self.builder.output(&output, classes, &format!("one for {what}"));
    }
}
