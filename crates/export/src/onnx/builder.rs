//! A graph put together node by node.

use std::collections::BTreeSet;

use super::messages::{
    Attribute, DataType, Dimension, Graph, Node, Shape, TensorType, TensorValue, Type, ValueInfo,
};

/// The name of a value in the graph.
pub(super) type Value = String;

/// A graph that grows. No two of its values have the same name.
#[derive(Default)]
pub(super) struct Builder {
    graph: Graph,
    names: BTreeSet<String>,
}

impl Builder {
    /// A name that no other value has: the one that is wanted, with a number behind it where that is taken.
    pub(super) fn name(&mut self, wanted: &str) -> Value {
        let numbered = (2..).map(|number| format!("{wanted}_{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        let name = names.find(|name| !self.names.contains(name)).unwrap_or_default();
        self.names.insert(name.clone());
        name
    }

    /// An input whose first size is the batch; its name is one of [`Builder::name`].
    pub(super) fn input(&mut self, name: Value, data_type: DataType, shape: &[i64], doc: &str) -> Value {
        self.graph.input.push(batched(&name, data_type, shape, doc));
        name
    }

    /// Makes a value an output, whose first size is the batch.
    pub(super) fn output(&mut self, name: &str, classes: usize, doc: &str) {
        self.graph.output.push(batched(name, DataType::Float, &[classes as i64], doc));
    }

    /// Constant `f32` values.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, DataType::Float, shape, raw_data)
    }

    /// A constant `int64` without axes.
    pub(super) fn integer(&mut self, name: &str, value: i64) -> Value {
        self.constant(name, DataType::Int64, &[], value.to_le_bytes().to_vec())
    }

    fn constant(&mut self, name: &str, data_type: DataType, shape: &[usize], raw_data: Vec<u8>) -> Value {
        let name = self.name(name);
        let dims = shape.iter().map(|&size| size as i64).collect();
        let data_type = data_type as i32;
        self.graph.initializer.push(TensorValue { dims, data_type, name: name.clone(), raw_data });
        name
    }

    /// An operation with one output, which has the name of the node.
    pub(super) fn node(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&Value],
        attributes: Vec<Attribute>,
    ) -> Value {
        let output = self.name(name);
        self.node_of(op, output, inputs, attributes)
    }

    /// An operation whose output has a name of [`Builder::name`].
    pub(super) fn node_of(
        &mut self,
        op: &str,
        output: Value,
        inputs: &[&Value],
        attributes: Vec<Attribute>,
    ) -> Value {
        self.graph.node.push(Node {
            input: inputs.iter().map(|&input| input.clone()).collect(),
            output: vec![output.clone()],
            name: output.clone(),
            op_type: op.into(),
            attribute: attributes,
        });
        output
    }

    /// The finished graph.
    pub(super) fn finish(mut self, name: &str) -> Graph {
        self.graph.name = name.into();
        self.graph
    }
}

fn batched(name: &str, data_type: DataType, shape: &[i64], doc: &str) -> ValueInfo {
    let batch = Dimension { dim_value: None, dim_param: Some("batch".into()) };
    let sizes = shape.iter().map(|&size| Dimension { dim_value: Some(size), dim_param: None });
    let shape = Shape { dim: std::iter::once(batch).chain(sizes).collect() };
    let tensor_type = TensorType { elem_type: data_type as i32, shape: Some(shape) };
    ValueInfo {
        name: name.into(),
        r#type: Some(Type { tensor_type: Some(tensor_type) }),
        doc_string: doc.into(),
    }
}

pub(super) fn integer(name: &str, value: i64) -> Attribute {
    Attribute { name: name.into(), i: Some(value), r#type: 2, ..Attribute::default() }
}

pub(super) fn integers(name: &str, values: &[i64]) -> Attribute {
    Attribute { name: name.into(), ints: values.to_vec(), r#type: 7, ..Attribute::default() }
}

pub(super) fn float(name: &str, value: f32) -> Attribute {
    Attribute { name: name.into(), f: Some(value), r#type: 1, ..Attribute::default() }
}
