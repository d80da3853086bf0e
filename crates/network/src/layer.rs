//! The kinds of layers and the rules of each: shapes, parameters, work and words.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{ClassCode, Shape};

/// One layer as a person writes it, in code or in a configuration.
///
/// In TOML it is a table with the key `kind`, those of [`LayerKind`], and a `name` if it is to have one of its own:
///
/// ```toml
/// [[model.layers]]
/// kind = "conv2d"
/// out_channels = 32
/// kernel = 5
/// bias = true
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// The name that its parameters begin with; without one, its kind and its number among its kind, such as `conv2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The kind of layer, and its numbers.
    #[serde(flatten)]
    pub kind: LayerKind,
}

/// The kinds of layers. Maps are `[b, channels, height, width]`, vectors `[b, features]`.
///
/// Not `#[non_exhaustive]`, on purpose: a new kind is a new minor version, and the compiler names every match that lacks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerKind {
    /// A convolution of a map (cross-correlation, as in PyTorch): weight `[out, in, kernel, kernel]`.
    Conv2d {
        /// Channels of the output.
        out_channels: usize,
        /// Rows and columns of the kernel.
        kernel: usize,
        /// The distance between two outputs' inputs.
        #[serde(default = "one")]
        stride: usize,
        /// Zeros on each side of the input.
        #[serde(default)]
        padding: usize,
        /// Whether each output channel has an offset.
        #[serde(default)]
        bias: bool,
    },
    /// `max(x, 0)`; its gradient at 0 is 0, as in PyTorch.
    Relu {},
    /// `x` where it is above 0, else `negative_slope * x`, which is its gradient at 0 too, as in PyTorch (Maas, Hannun and Ng,
    /// "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013).
    LeakyRelu {
        /// The factor of values below 0.
        #[serde(default = "one_hundredth")]
        negative_slope: f32,
    },
    /// Batch norm over every axis but the channels' (Ioffe and Szegedy, 2015), with PyTorch's defaults.
    BatchNorm {},
    /// Elements become 0 with this probability in training, the others are scaled up.
    Dropout {
        /// At least 0 and less than 1.
        probability: f32,
    },
    /// The maximum of square windows; of equal values the first gets the gradient.
    MaxPool2d {
        /// Rows and columns of a window.
        kernel: usize,
        /// The distance between windows; without it, they lie side by side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// The mean of square windows.
    AvgPool2d {
        /// Rows and columns of a window.
        kernel: usize,
        /// The distance between windows; without it, they lie side by side.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
    },
    /// The mean of each channel's pixels: a map to a vector.
    GlobalAveragePool {},
    /// A map as a vector, channel by channel and row by row.
    Flatten {},
    /// A linear layer of a vector: weight `[out, in]`.
    Linear {
        /// Values of the output.
        out_features: usize,
        /// Whether each output has an offset.
        #[serde(default)]
        bias: bool,
    },
    /// A class given from outside, as a one-hot vector behind the features: `[b, features + classes]`; or in another code, as many
    /// numbers as it has.
    OneHot {
        /// The name of the input that gives the class.
        input: String,
        /// Number of classes, 1 to 256.
        classes: usize,
        /// The numbers that stand for the class.
        #[serde(default, skip_serializing_if = "ClassCode::is_one_hot")]
        code: ClassCode,
    },
    /// `x + layers(x)` (He et al., "Deep Residual Learning", 2015).
    Residual {
        /// The layers beside the shortcut; their output has the shape of their input.
        #[serde(deserialize_with = "numbered")]
        layers: Vec<Layer>,
    },
}

/// The distribution that a parameter is drawn from before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initialization {
    /// U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's Kaiming-uniform with a = sqrt(5), and its default for biases.
    Uniform {
        /// Inputs that one output sees.
        fan_in: usize,
    },
    /// The same value everywhere.
    Constant(f32),
}

/// A parameter of one kind of layer: the end of its name, its shape, whether weight decay applies, how it is drawn.
pub(crate) type ParameterRule = (&'static str, Vec<usize>, bool, Initialization);

/// A misfit: expected, found.
pub(crate) type Misfit = (String, String);

impl LayerKind {
    /// The shape of the output for this input. The layers of a residual sum are checked by the walk over them.
    pub(crate) fn output(&self, input: Shape) -> Result<Shape, Misfit> {
        let map = || input.map().ok_or_else(|| ("feature maps".to_owned(), format!("a vector of {input}")));
        let vector = || match input {
            Shape::Vector { features } => Ok(features),
            Shape::Map { .. } => Err(("a vector".to_owned(), format!("feature maps of {input}"))),
        };
        match *self {
            Self::Conv2d { out_channels, kernel, stride, padding, .. } => {
                let [_, height, width] = map()?;
                positive("out_channels", out_channels)?;
                if padding >= kernel.max(1) {
                    return Err((format!("a padding below the kernel's {kernel}"), padding.to_string()));
                }
                let padded = [height, width].map(|side| padding.saturating_mul(2).saturating_add(side));
                let [height, width] = windows(padded, kernel, stride)?;
                Ok(Shape::Map { channels: out_channels, height, width })
            }
            Self::MaxPool2d { kernel, stride } | Self::AvgPool2d { kernel, stride } => {
                let [channels, height, width] = map()?;
                let [height, width] = windows([height, width], kernel, stride.unwrap_or(kernel))?;
                Ok(Shape::Map { channels, height, width })
            }
            Self::GlobalAveragePool {} => Ok(Shape::Vector { features: map()?[0] }),
            Self::Flatten {} => {
                map()?;
                Ok(Shape::Vector { features: input.len() })
            }
            Self::Linear { out_features, .. } => {
                vector()?;
                positive("out_features", out_features)?;
                Ok(Shape::Vector { features: out_features })
            }
            Self::OneHot { classes, code, .. } => {
                let fewest = if code == ClassCode::OneHot { 1 } else { 2 };
                if !(fewest..=256).contains(&classes) {
                    return Err((format!("{fewest} to 256 classes"), classes.to_string()));
                }
                Ok(Shape::Vector { features: vector()? + code.width(classes) })
            }
            Self::Dropout { probability } if !(0.0..1.0).contains(&probability) => {
                Err(("a probability in [0, 1)".into(), probability.to_string()))
            }
            Self::LeakyRelu { negative_slope } if !negative_slope.is_finite() => {
                Err(("a finite negative_slope".into(), negative_slope.to_string()))
            }
            Self::Relu {}
            | Self::LeakyRelu { .. }
            | Self::BatchNorm {}
            | Self::Dropout { .. }
            | Self::Residual { .. } => Ok(input),
        }
    }

    /// The parameters of a layer with this input, in their order.
    pub(crate) fn parameters(&self, input: Shape) -> Vec<ParameterRule> {
        let layer = |weight: Vec<usize>, bias: bool| {
            let (out, fan_in) =
                (weight[0], weight[1..].iter().fold(1usize, |all, &size| all.saturating_mul(size)));
            let init = Initialization::Uniform { fan_in };
            let mut parameters = vec![("weight", weight, true, init)];
            parameters.extend(bias.then(|| ("bias", vec![out], false, init)));
            parameters
        };
        match *self {
            Self::Conv2d { out_channels, kernel, bias, .. } => {
                layer(vec![out_channels, input.channels(), kernel, kernel], bias)
            }
            Self::Linear { out_features, bias } => layer(vec![out_features, input.channels()], bias),
            Self::BatchNorm {} => vec![
                ("weight", vec![input.channels()], false, Initialization::Constant(1.0)),
                ("bias", vec![input.channels()], false, Initialization::Constant(0.0)),
            ],
            _ => Vec::new(),
        }
    }

    /// Products that are added up for one image; norms, activations and pools are not counted.
    pub(crate) fn multiply_adds(&self, input: Shape, output: Shape) -> usize {
        match *self {
            Self::Conv2d { kernel, .. } => {
                output.len().saturating_mul(input.channels()).saturating_mul(kernel.saturating_mul(kernel))
            }
            Self::Linear { .. } => input.len().saturating_mul(output.len()),
            _ => 0,
        }
    }

    /// Side and distance of the windows of the input that an output sees.
    pub(crate) fn window(&self) -> [usize; 2] {
        match *self {
            Self::Conv2d { kernel, stride, .. } => [kernel, stride],
            Self::MaxPool2d { kernel, stride } | Self::AvgPool2d { kernel, stride } => {
                [kernel, stride.unwrap_or(kernel)]
            }
            _ => [1, 1],
        }
    }

    /// The name of the kind in names of layers.
    pub(crate) fn short_name(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "conv",
            Self::Relu {} => "relu",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::BatchNorm {} => "norm",
            Self::Dropout { .. } => "dropout",
            Self::MaxPool2d { .. } | Self::AvgPool2d { .. } => "pool",
            Self::GlobalAveragePool {} => "average",
            Self::Flatten {} => "flatten",
            Self::Linear { .. } => "linear",
            Self::OneHot { .. } => "one_hot",
            Self::Residual { .. } => "residual",
        }
    }

    /// The layer in a few words; nothing for a layer that does nothing.
    pub(crate) fn label(&self) -> Option<String> {
        let with_stride = |text: String, stride: usize, usual: usize| {
            if stride == usual { text } else { format!("{text} stride {stride}") }
        };
        let with_bias = |text: String, bias: bool| if bias { format!("{text} bias") } else { text };
        Some(match *self {
            Self::Conv2d { kernel, stride, padding, bias, .. } => {
                let text = with_stride(format!("conv {kernel}x{kernel} pad {padding}"), stride, 1);
                with_bias(text, bias)
            }
            Self::Relu {} => "ReLU".into(),
            Self::LeakyRelu { negative_slope } => format!("leaky ReLU {negative_slope}"),
            Self::BatchNorm {} => "norm".into(),
            Self::Dropout { probability: 0.0 } => return None,
            Self::Dropout { probability } => format!("dropout {probability}"),
            Self::MaxPool2d { kernel, stride } => {
                with_stride(format!("max pool {kernel}x{kernel}"), stride.unwrap_or(kernel), kernel)
            }
            Self::AvgPool2d { kernel, stride } => {
                with_stride(format!("average pool {kernel}x{kernel}"), stride.unwrap_or(kernel), kernel)
            }
            Self::GlobalAveragePool {} => "global average pool".into(),
            Self::Flatten {} => "flatten".into(),
            Self::Linear { bias, .. } => with_bias("linear".into(), bias),
            Self::OneHot { ref input, code, .. } => format!("concat {} {input}", code.label()),
            Self::Residual { .. } => "add the input".into(),
        })
    }
}

fn one() -> usize {
    1
}

fn one_hundredth() -> f32 {
    0.01
}

fn positive(what: &str, found: usize) -> Result<(), Misfit> {
    if found > 0 { Ok(()) } else { Err((format!("{what} of at least 1"), found.to_string())) }
}

/// Number of windows from top to bottom and from left to right.
fn windows(sides: [usize; 2], kernel: usize, stride: usize) -> Result<[usize; 2], Misfit> {
    positive("kernel", kernel)?;
    positive("stride", stride)?;
    if sides.iter().any(|&side| side < kernel) {
        let [height, width] = sides;
        return Err((format!("at least {kernel}x{kernel} pixels"), format!("{height}x{width}")));
    }
    Ok(sides.map(|side| (side - kernel) / stride + 1))
}

/// Layers as code writes them; [`Layer::named`], [`Layer::padding`], [`Layer::stride`] and [`Layer::bias`] refine them.
impl Layer {
    /// A layer without a name of its own.
    pub fn new(kind: LayerKind) -> Self {
        Self { name: None, kind }
    }

    /// A convolution of stride 1 without padding and bias.
    pub fn conv2d(out_channels: usize, kernel: usize) -> Self {
        Self::new(LayerKind::Conv2d { out_channels, kernel, stride: 1, padding: 0, bias: false })
    }

    /// A ReLU.
    pub fn relu() -> Self {
        Self::new(LayerKind::Relu {})
    }

    /// A leaky ReLU.
    pub fn leaky_relu(negative_slope: f32) -> Self {
        Self::new(LayerKind::LeakyRelu { negative_slope })
    }

    /// A batch norm.
    pub fn batch_norm() -> Self {
        Self::new(LayerKind::BatchNorm {})
    }

    /// Dropout.
    pub fn dropout(probability: f32) -> Self {
        Self::new(LayerKind::Dropout { probability })
    }

    /// A max pool whose windows lie side by side.
    pub fn max_pool2d(kernel: usize) -> Self {
        Self::new(LayerKind::MaxPool2d { kernel, stride: None })
    }

    /// An average pool whose windows lie side by side.
    pub fn avg_pool2d(kernel: usize) -> Self {
        Self::new(LayerKind::AvgPool2d { kernel, stride: None })
    }

    /// A global average pool.
    pub fn global_average_pool() -> Self {
        Self::new(LayerKind::GlobalAveragePool {})
    }

    /// A map as a vector.
    pub fn flatten() -> Self {
        Self::new(LayerKind::Flatten {})
    }

    /// A linear layer without bias.
    pub fn linear(out_features: usize) -> Self {
        Self::new(LayerKind::Linear { out_features, bias: false })
    }

    /// A one-hot input behind the features.
    pub fn one_hot(input: &str, classes: usize) -> Self {
        Self::coded(input, classes, ClassCode::OneHot)
    }

    /// A class given from outside, behind the features, in another code.
    pub fn coded(input: &str, classes: usize, code: ClassCode) -> Self {
        Self::new(LayerKind::OneHot { input: input.into(), classes, code })
    }

    /// The sum of its input and what `layers` make of it.
    pub fn residual(layers: Vec<Layer>) -> Self {
        Self::new(LayerKind::Residual { layers })
    }

    /// The layer under a name of its own.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The convolution with so many zeros on each side of its input; other kinds stay as they are.
    #[must_use]
    pub fn padding(mut self, zeros: usize) -> Self {
        if let LayerKind::Conv2d { padding, .. } = &mut self.kind {
            *padding = zeros;
        }
        self
    }

    /// The convolution or pool with another stride; other kinds stay as they are.
    #[must_use]
    pub fn stride(mut self, distance: usize) -> Self {
        match &mut self.kind {
            LayerKind::Conv2d { stride, .. } => *stride = distance,
            LayerKind::MaxPool2d { stride, .. } | LayerKind::AvgPool2d { stride, .. } => {
                *stride = Some(distance);
            }
            _ => {}
        }
        self
    }

    /// The convolution or linear layer with a bias; other kinds stay as they are.
    #[must_use]
    pub fn bias(mut self) -> Self {
        if let LayerKind::Conv2d { bias, .. } | LayerKind::Linear { bias, .. } = &mut self.kind {
            *bias = true;
        }
        self
    }
}

impl<'de> Deserialize<'de> for Layer {
    /// By way of a JSON value: serde can't refuse unknown keys of a flattened enum.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut table = serde_json::Map::deserialize(deserializer)?;
        // JSON has no numbers that are none.
        if let Some((key, _)) = table.iter().find(|(_, value)| value.is_null()) {
            return Err(de::Error::custom(format!("{key}: expected a finite number, found nan or inf")));
        }
        let name = match table.remove("name") {
            None => None,
            Some(serde_json::Value::String(name)) => Some(name),
            Some(other) => {
                return Err(de::Error::custom(format!("name: expected a word in quotes, found {other}")));
            }
        };
        let kind = LayerKind::deserialize(serde_json::Value::Object(table)).map_err(de::Error::custom)?;
        Ok(Self { name, kind })
    }
}

/// A list of layers, whose errors say which one they are of, counted from 1.
pub(crate) fn numbered<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Layer>, D::Error> {
    let tables = Vec::<serde_json::Value>::deserialize(deserializer)?;
    let layers = (1..).zip(tables).map(|(number, table)| {
        Layer::deserialize(table).map_err(|error| de::Error::custom(format!("layer {number}: {error}")))
    });
    layers.collect()
}
