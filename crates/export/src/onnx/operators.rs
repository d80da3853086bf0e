//! The attributes of each operator. Those that have their default are written too, but for two: some runtimes take a missing one for 0. None is
//! written that the operators' version does not know; checkers refuse such files.

use adder_network::EPSILON;

use super::messages::{Attribute, DataType};

/// A window that moves over maps; rows first, then columns.
#[derive(Clone, Copy)]
pub(super) struct Window {
    /// Its rows and columns.
    pub(super) kernel: [usize; 2],
    /// The distance between two windows.
    pub(super) stride: [usize; 2],
    /// Zeros on each side of the map.
    pub(super) padding: usize,
}

impl Window {
    /// A square one.
    pub(super) fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding }
    }

    /// The whole map, which is met once.
    pub(super) fn whole(height: usize, width: usize) -> Self {
        Self { kernel: [height, width], stride: [1; 2], padding: 0 }
    }

    /// What the operators with windows share.
    fn attributes(self) -> Vec<Attribute> {
        let sizes = |sizes: [usize; 2]| sizes.map(|size| size as i64);
        vec![
            text("auto_pad", "NOTSET"),
            integers("kernel_shape", &sizes(self.kernel)),
            integers("pads", &[self.padding as i64; 4]),
            integers("strides", &sizes(self.stride)),
        ]
    }
}

pub(super) fn conv(window: Window) -> Vec<Attribute> {
    let own = [integers("dilations", &[1; 2]), integer("group", 1)];
    window.attributes().into_iter().chain(own).collect()
}

pub(super) fn max_pool(window: Window) -> Vec<Attribute> {
    let own = [integer("ceil_mode", 0), integers("dilations", &[1; 2]), integer("storage_order", 0)];
    window.attributes().into_iter().chain(own).collect()
}

pub(super) fn average_pool(window: Window, opset: i64) -> Vec<Attribute> {
    let own = [integer("ceil_mode", 0), integer("count_include_pad", 0)];
    let since_19 = (opset >= 19).then(|| integers("dilations", &[1; 2]));
    window.attributes().into_iter().chain(own).chain(since_19).collect()
}

/// From version 14 on there is `training_mode` too: onnx2pytorch refuses it, and no runtime that was tried takes a missing one for 1.
pub(super) fn batch_norm() -> Vec<Attribute> {
    vec![float("epsilon", EPSILON as f32), float("momentum", 0.9)]
}

/// `x W^T + c`, with weights `[out, in]`.
pub(super) fn gemm() -> Vec<Attribute> {
    vec![float("alpha", 1.0), float("beta", 1.0), integer("transA", 0), integer("transB", 1)]
}

pub(super) fn leaky_relu(negative_slope: f32) -> Vec<Attribute> {
    vec![float("alpha", negative_slope)]
}

/// From version 19 on there is `saturate` too; it speaks of 8-bit floats alone.
pub(super) fn cast(to: DataType) -> Vec<Attribute> {
    vec![integer("to", to as i64)]
}

/// Concat, Flatten and Softmax along the axis behind the batch.
pub(super) fn features() -> Vec<Attribute> {
    vec![integer("axis", 1)]
}

fn integer(name: &str, value: i64) -> Attribute {
    Attribute { name: name.into(), i: Some(value), r#type: 2, ..Attribute::default() }
}

fn integers(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.into(), ints: values.to_vec(), r#type: 7, ..Attribute::default() }
}

fn float(name: &str, value: f32) -> Attribute {
    Attribute { name: name.into(), f: Some(value), r#type: 1, ..Attribute::default() }
}

fn text(name: &str, value: &str) -> Attribute {
    Attribute { name: name.into(), s: Some(value.into()), r#type: 3, ..Attribute::default() }
}
