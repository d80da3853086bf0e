//! A graph put together node by node.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use super::messages::{
    Attribute, DataType, Dimension, Graph, Node, Shape, TensorType, TensorValue, Type, ValueInfo,
};

/// The name of a value in the graph.
pub(super) type Value = String;

/// A graph that grows. No two of its values have the same name.
pub(super) struct Builder {
    graph: Graph,
    names: BTreeSet<String>,
    batch: Dimension,
}

impl Builder {
    /// An empty graph, for batches of one size or of any.
    pub(super) fn new(batch: Option<NonZeroU32>) -> Self {
        let batch = match batch {
            Some(size) => size_of(size.get().into()),
            None => Dimension { dim_value: None, dim_param: Some("batch".into()) },
        };
        Self { graph: Graph::default(), names: BTreeSet::new(), batch }
    }

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
        let info = self.batched(&name, data_type, shape, doc);
        self.graph.input.push(info);
        name
    }

    /// Makes a value an output, whose first size is the batch.
    pub(super) fn output(&mut self, name: &str, classes: usize, doc: &str) {
        let info = self.batched(name, DataType::Float, &[classes as i64], doc);
        self.graph.output.push(info);
    }

    /// Constant `f32` values.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, DataType::Float, shape, raw_data)
    }

    /// Constant `int64` values.
    pub(super) fn integers(&mut self, name: &str, shape: &[usize], values: &[i64]) -> Value {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(name, DataType::Int64, shape, raw_data)
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

    fn batched(&self, name: &str, data_type: DataType, shape: &[i64], doc: &str) -> ValueInfo {
        let sizes = shape.iter().map(|&size| size_of(size));
        let shape = Shape { dim: std::iter::once(self.batch.clone()).chain(sizes).collect() };
        let tensor_type = TensorType { elem_type: data_type as i32, shape: Some(shape) };
        ValueInfo {
            name: name.into(),
            r#type: Some(Type { tensor_type: Some(tensor_type) }),
            doc_string: doc.into(),
        }
    }

    /// The finished graph.
    pub(super) fn finish(mut self, name: &str) -> Graph {
        self.graph.name = name.into();
        self.graph
    }
}

fn size_of(size: i64) -> Dimension {
    Dimension { dim_value: Some(size), dim_param: None }
}
