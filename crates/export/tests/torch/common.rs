//! A small network of the notebook's kind, and its files.

use std::collections::BTreeMap;
use std::path::Path;

use adder_export::weights_file::{self, Loaded};
use adder_export::{Error, FileProblem, torch};
use adder_model::tensor_file::Metadata;
use adder_model::{IdentityAdder, ModelConfig};
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::writer::{Packing, Pickle, Strided, archive, zip};

/// A tensor of a state_dict: its shape and values.
pub(crate) type StateDict = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// So small that a whole file has a few thousand bytes, with running statistics that are not those of the start.
pub(crate) fn model() -> IdentityAdder {
    let config =
        ModelConfig { channels: vec![1, 2, 1, 2, 1, 2], embedding: 2, hidden: 3, ..ModelConfig::default() };
    let model = IdentityAdder::new(&config, 5, &Device::Cpu).unwrap();
    for (number, (_, statistic)) in model.buffers().into_iter().enumerate() {
        let values: Vec<f32> =
            (0..statistic.elem_count()).map(|at| 0.25 + (number * 3 + at) as f32 / 7.0).collect();
        statistic.set(&Tensor::new(values, &Device::Cpu).unwrap()).unwrap();
    }
    model
}

/// The network's tensors under the notebook's names.
pub(crate) fn state_dict() -> StateDict {
    let bytes = torch::to_safetensors(&model(), &Metadata::new()).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let floats = file.iter().filter(|(_, view)| view.dtype() == Dtype::F32);
    let tensors = floats.map(|(name, view)| {
        let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        (name.to_owned(), (view.shape().to_vec(), values))
    });
    tensors.collect()
}

pub(crate) fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The distances between neighbors of each axis in C's order.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect()
}

/// Tensors as views of one storage, which makes small files.
pub(crate) struct Flat {
    pub(crate) tensors: Vec<(String, Strided)>,
    pub(crate) storage: Vec<u8>,
}

pub(crate) fn flat(state: &StateDict) -> Flat {
    let count = state.values().map(|(_, values)| values.len()).sum();
    let mut storage = Vec::new();
    let tensors = state.iter().map(|(name, (shape, values))| {
        let (offset, stride) = (storage.len() / 4, strides(shape));
        storage.extend(f32_bytes(values));
        let view =
            Strided { key: "0".into(), class: "FloatStorage", count, offset, shape: shape.clone(), stride };
        (name.clone(), view)
    });
    let tensors = tensors.collect();
    Flat { tensors, storage }
}

impl Flat {
    /// The dictionary, on top of what `pickle` has.
    pub(crate) fn write(&self, pickle: &mut Pickle, prefix: &str) {
        pickle.global("collections", "OrderedDict").raw(b")R(");
        for (name, tensor) in &self.tensors {
            pickle.text(&format!("{prefix}{name}")).tensor(tensor, None);
        }
        pickle.raw(b"u");
    }

    pub(crate) fn file(&self, pickle: &Pickle) -> Vec<u8> {
        self.packed(pickle, Packing::default())
    }

    pub(crate) fn packed(&self, pickle: &Pickle, packing: Packing) -> Vec<u8> {
        let storages = [("0".to_owned(), self.storage.clone())];
        zip(&archive("model", &pickle.done(), &storages), packing)
    }
}

/// The file that `write` makes with the state_dict of [`model`].
pub(crate) fn file(write: impl FnOnce(&mut Pickle, &Flat)) -> Vec<u8> {
    let flat = flat(&state_dict());
    let mut pickle = Pickle::new(2);
    write(&mut pickle, &flat);
    flat.file(&pickle)
}

pub(crate) fn plain() -> Vec<u8> {
    file(|pickle, flat| flat.write(pickle, ""))
}

pub(crate) fn decode(bytes: &[u8], key: Option<&str>) -> Result<Loaded, Error> {
    weights_file::decode(bytes, Path::new("some.pth"), key, &Device::Cpu)
}

pub(crate) fn bits(model: &IdentityAdder) -> Vec<(String, Vec<u32>)> {
    let bits = |tensor: Tensor| {
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    };
    model.tensors().into_iter().map(|(name, tensor)| (name, bits(tensor))).collect()
}

/// The file is read to the bit; what was said of it.
#[track_caller]
pub(crate) fn taken(bytes: &[u8], key: Option<&str>) -> String {
    let loaded = decode(bytes, key).unwrap_or_else(|error| panic!("{error}"));
    assert!(bits(&loaded.model) == bits(&model()), "other values");
    loaded.notes.join("; ")
}

/// The file is refused; the problem, and its words, which must hold these.
#[track_caller]
pub(crate) fn refused(bytes: &[u8], key: Option<&str>, words: &[&str]) -> FileProblem {
    let error = decode(bytes, key).expect_err("the file should be refused");
    let said = error.to_string();
    assert!(said.starts_with("some.pth: "), "{said}");
    for word in words {
        assert!(said.contains(word), "should say `{word}`: {said}");
    }
    match error {
        Error::File { problem, .. } => *problem,
        other => panic!("{other}"),
    }
}

/// A safetensors file of these tensors.
pub(crate) fn safetensors(state: &StateDict, metadata: &[(&str, &str)]) -> Vec<u8> {
    let tensors: Vec<_> =
        state.iter().map(|(name, (shape, values))| (name, shape.clone(), f32_bytes(values))).collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let metadata = metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    safetensors::serialize(views, Some(metadata)).unwrap()
}
