//! Tensors and arrays in a pickle: what their constructors would have been called with.

use super::element::Element;
use super::legacy::{self, Legacy};
use super::pickle::{Heap, Node, Object, Value};
use super::tensor::{Content, Tensor, Unreadable};

/// Wrappers of a tensor in one another, such as a parameter around it.
const MOST_WRAPPERS: usize = 8;
/// Bytes of the pickles in front of a single storage, which has some three hundred.
const MOST_WITHIN: usize = 1024;
/// Axes of a tensor. Of a network's none has more than four.
const MOST_AXES: usize = 16;
/// What stands in the place of a tensor of PyTorch's quantization.
pub(crate) const QUANTIZED: &str = "a quantized tensor";
/// Marks of a tensor, of which PyTorch has two.
const MOST_MARKS: usize = 16;

/// The tensor that a value is; nothing for another kind of value, [`Unreadable`] for a tensor that can't be read.
pub(crate) fn tensor<'a>(heap: &Heap<'a>, value: Value) -> Option<Result<Tensor<'a>, Unreadable>> {
    let mut object = heap.object(value)?;
    for _ in 0..MOST_WRAPPERS {
        if let Some(array) = array(heap, object) {
            return Some(array);
        }
        let Some(Node::Global { module, name }) = heap.node(object.class) else { return None };
        let arguments = heap.sequence(object.arguments)?;
        match (*module, *name) {
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state")
            | ("torch._utils", "_rebuild_device_tensor_from_cpu_tensor")
            | ("torch._utils", "_rebuild_device_tensor_from_numpy" | "_rebuild_xla_tensor") => {
                object = heap.object(*arguments.first()?)?;
            }
            // A tensor with attributes of its own, or a subclass, which may mean anything.
            ("torch._tensor", "_rebuild_from_type_v2") => {
                let &[function, class, arguments, _] = arguments else { return None };
                if !heap.is_class(class, "torch", &["Tensor", "Parameter", "Buffer"]) {
                    let class = heap.class_name(class).unwrap_or_default();
                    return Some(Err(format!("a tensor of the class `{class}`")));
                }
                return rebuilt(heap, function, heap.sequence(arguments)?);
            }
            _ => return rebuilt(heap, object.class, arguments),
        }
    }
    None
}

fn rebuilt<'a>(
    heap: &Heap<'a>,
    function: Value,
    arguments: &[Value],
) -> Option<Result<Tensor<'a>, Unreadable>> {
    let Some(&Node::Global { module, name }) = heap.node(function) else { return None };
    let name = name.strip_prefix("_rebuild_").filter(|_| module.starts_with("torch."))?;
    Some(match name {
        "tensor" | "tensor_v2" | "tensor_v3" => strided(heap, name, arguments)
            .unwrap_or_else(|| Err("a tensor with a damaged description".into())),
        "qtensor" => Err(QUANTIZED.into()),
        "sparse_tensor" => Err("a sparse tensor".into()),
        "nested_tensor" => Err("a nested tensor".into()),
        "meta_tensor_no_storage" => Err("a tensor on the device `meta`, which has no values".into()),
        other => Err(format!("a tensor that `_rebuild_{other}` makes")),
    })
}

/// `(storage, offset, size, stride, requires_grad, hooks, dtype in v3, metadata)`.
fn strided<'a>(
    heap: &Heap<'a>,
    function: &str,
    arguments: &[Value],
) -> Option<Result<Tensor<'a>, Unreadable>> {
    let storage = match storage(heap, *arguments.first()?)? {
        Ok(storage) => storage,
        Err(reason) => return Some(Err(reason)),
    };
    let offset = usize_of(*arguments.get(1)?)?.checked_add(storage.offset)?;
    let shape = sizes(heap, *arguments.get(2)?)?;
    let stride = sizes(heap, *arguments.get(3)?)?;
    if shape.len() != stride.len() {
        return None;
    }
    let (mut element, mut metadata) = (storage.element, arguments.get(6));
    if function == "tensor_v3" {
        match heap.node(*arguments.get(6)?)? {
            Node::Global { module: "torch", name } => element = Element::of_torch(name),
            _ => return None,
        }
        metadata = arguments.get(7);
    }
    let mut negated = false;
    let marks = match metadata.and_then(|&metadata| heap.node(metadata)) {
        Some(Node::Dict(marks)) => marks.as_slice(),
        _ => &[],
    };
    if marks.len() > MOST_MARKS {
        return None;
    }
    for &(key, value) in marks {
        match (heap.text(key), value) {
            (_, Value::Bool(false)) => {}
            (Some("neg"), Value::Bool(true)) => negated = true,
            (key, _) => {
                let key = key.unwrap_or("?");
                return Some(Err(format!("a tensor with the mark `{key}`, which is not known here")));
            }
        }
    }
    Some(Ok(Tensor { content: storage.content, element, offset, shape, stride, big_endian: false, negated }))
}

/// A storage as a pickle names it.
struct Storage<'a> {
    content: Content<'a>,
    element: Element,
    /// The first element of a view into it.
    offset: usize,
}

/// `('storage', class, key, location, elements)`, and before 2018 a view as sixth.
fn storage<'a>(heap: &Heap<'a>, value: Value) -> Option<Result<Storage<'a>, Unreadable>> {
    let name = match heap.node(value)? {
        Node::Persistent(name) => name,
        Node::Object(object) if heap.is_class(object.class, "torch.storage", &["_load_from_bytes"]) => {
            let file = heap.node(*heap.sequence(object.arguments)?.first()?)?;
            let alone =
                "a tensor that Python's `pickle` wrote without PyTorch's `torch.save`; save it with that";
            let inner = match file {
                Node::Bytes(file) if heap.may_read_within() => within(file),
                _ => None,
            };
            return Some(inner.ok_or_else(|| alone.into()));
        }
        _ => return None,
    };
    let parts = heap.sequence(*name)?;
    if heap.text(*parts.first()?) != Some("storage") {
        return None;
    }
    let Some(Node::Global { name: class, .. }) = heap.node(*parts.get(1)?) else { return None };
    let content = Content::Storage(heap.text(*parts.get(2)?)?);
    let view = parts.get(5).and_then(|&view| heap.sequence(view));
    let offset = match view {
        Some(view) => usize_of(*view.get(1)?)?,
        None => 0,
    };
    if heap.text(*parts.get(3)?) == Some("meta") {
        return Some(Err("a tensor on the device `meta`, which has no values".into()));
    }
    Some(Ok(Storage { content, element: Element::of_storage(class), offset }))
}

/// A storage as Python's own pickler has it: a file in the file.
fn within(file: &[u8]) -> Option<Storage<'_>> {
    let Legacy { heap, root, storages } = legacy::read(file, MOST_WITHIN).ok()?;
    let Some(Node::Persistent(_)) = heap.node(root) else { return None };
    let mut storage = storage(&heap, root)?.ok()?;
    if let Content::Storage(key) = storage.content {
        storage.content = Content::Bytes(storages.get(key)?);
    }
    Some(storage)
}

/// NumPy's array, from `_reconstruct` and its state, or from a buffer as protocol 5 has it.
fn array<'a>(heap: &Heap<'a>, object: &Object) -> Option<Result<Tensor<'a>, Unreadable>> {
    let (data, dtype, shape, fortran);
    if heap.is_class(object.class, "numpy", &["_reconstruct"]) {
        let &[_, size, kind, order, content] = heap.sequence(object.state)? else { return None };
        (data, dtype, shape, fortran) = (content, kind, size, order == Value::Bool(true));
    } else if heap.is_class(object.class, "numpy", &["_frombuffer"]) {
        let &[content, kind, size, order] = heap.sequence(object.arguments)? else { return None };
        (data, dtype, shape, fortran) = (content, kind, size, heap.text(order) == Some("F"));
    } else {
        return None;
    }
    let kind = heap.object(dtype)?;
    let code = heap.text(*heap.sequence(kind.arguments)?.first()?);
    let order = heap.sequence(kind.state).and_then(|state| heap.text(*state.get(1)?));
    let Some(code) = code.filter(|_| heap.is_class(kind.class, "numpy", &["dtype"])) else {
        return Some(Err("an array of NumPy whose elements are no numbers".into()));
    };
    let Some(content) = bytes(heap, data) else {
        return Some(Err("an array of NumPy without numbers in it".into()));
    };
    let mut tensor = Tensor::contiguous(content, Element::of_numpy(code), sizes(heap, shape)?, fortran);
    tensor.big_endian = order == Some(">");
    Some(Ok(tensor))
}

/// Bytes, or what stands for them in protocol 2: a text and the order to encode it.
fn bytes<'a>(heap: &Heap<'a>, value: Value) -> Option<Content<'a>> {
    match heap.node(value)? {
        Node::Bytes(bytes) => Some(Content::Bytes(bytes)),
        // Python 2's strings are bytes, of which ours took those for text that can be one.
        Node::Text(text) => Some(Content::Bytes(text.as_bytes())),
        Node::Object(object) if heap.is_class(object.class, "_codecs", &["encode"]) => {
            let arguments = heap.sequence(object.arguments)?;
            Some(Content::Latin1(heap.text(*arguments.first()?)?))
        }
        _ => None,
    }
}

fn sizes(heap: &Heap<'_>, value: Value) -> Option<Vec<usize>> {
    let sizes = match heap.object(value) {
        // `torch.Size` around a tuple.
        Some(object) => heap.sequence(*heap.sequence(object.arguments)?.first()?)?,
        None => heap.sequence(value)?,
    };
    if sizes.len() > MOST_AXES {
        return None;
    }
    sizes.iter().map(|&size| usize_of(size)).collect()
}

fn usize_of(value: Value) -> Option<usize> {
    match value {
        Value::Integer(integer) => integer.try_into().ok(),
        _ => None,
    }
}
