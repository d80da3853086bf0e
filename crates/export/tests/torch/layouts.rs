//! How tensors lie in their storages, and what their elements are.

use crate::common::{StateDict, f32_bytes, file, flat, refused, state_dict, strides, taken};
use crate::writer::{Packing, Pickle, Strided, archive, zip};

/// One storage for each tensor, with values put where `stride` says, as `class` and in its bytes.
fn each(
    state: &StateDict,
    class: &'static str,
    size: usize,
    stride: impl Fn(&[usize]) -> Vec<usize>,
    encode: impl Fn(f32) -> Vec<u8>,
) -> Vec<u8> {
    let mut pickle = Pickle::new(2);
    let mut storages = Vec::new();
    pickle.raw(b"}(");
    for (number, (name, (shape, values))) in state.iter().enumerate() {
        let stride = stride(shape);
        let mut storage = vec![0; values.len() * size];
        for (at, &value) in values.iter().enumerate() {
            let index =
                strides(shape).iter().zip(shape).map(|(stride, size)| at / stride % size).collect::<Vec<_>>();
            let place: usize = index.iter().zip(&stride).map(|(index, stride)| index * stride).sum();
            storage[place * size..][..size].copy_from_slice(&encode(value));
        }
        let (key, count) = (number.to_string(), values.len());
        let tensor = Strided { key: key.clone(), class, count, offset: 0, shape: shape.clone(), stride };
        pickle.text(name).parameter(|pickle| {
            pickle.tensor(&tensor, None);
        });
        storages.push((key, storage));
    }
    zip(&archive("m", &pickle.raw(b"u").done(), &storages), Packing::default())
}

fn channels_last(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [_, c, h, w] => vec![h * w * c, 1, w * c, c],
        _ => strides(shape),
    }
}

fn reversed(shape: &[usize]) -> Vec<usize> {
    (0..shape.len()).map(|axis| shape[..axis].iter().product()).collect()
}

fn as_f32(value: f32) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

#[test]
fn tensors_of_any_strides_are_read() {
    for stride in [strides, channels_last, reversed] {
        taken(&each(&state_dict(), "FloatStorage", 4, stride, as_f32), None);
    }
}

#[test]
fn double_precision_is_converted_and_said() {
    let file =
        each(&state_dict(), "DoubleStorage", 8, strides, |value| f64::from(value).to_le_bytes().to_vec());
    assert!(taken(&file, None).ends_with("converted F64 to F32"));
}

#[test]
fn half_precision_is_converted_and_said() {
    // Values that both have.
    let mut state = state_dict();
    state.values_mut().flat_map(|(_, values)| values).for_each(|value| *value = (*value * 8.0).round() / 8.0);
    let expected = crate::common::safetensors(&state, &[]);
    let expected = crate::common::bits(&crate::common::decode(&expected, None).unwrap().model);
    let bf16 =
        each(&state, "BFloat16Storage", 2, strides, |value| value.to_bits().to_le_bytes()[2..].to_vec());
    let f16 =
        each(&state, "HalfStorage", 2, strides, |value| half::f16::from_f32(value).to_le_bytes().to_vec());
    for (file, name) in [(bf16, "BF16"), (f16, "F16")] {
        let loaded = crate::common::decode(&file, None).unwrap();
        assert!(crate::common::bits(&loaded.model) == expected, "{name}");
        assert_eq!(loaded.notes.last().unwrap(), &format!("converted {name} to F32"));
    }
}

#[test]
fn a_double_beyond_single_precision_is_not_finite() {
    let file = each(&state_dict(), "DoubleStorage", 8, strides, |_| 1e300f64.to_le_bytes().to_vec());
    refused(&file, None, &["element 0 is inf, expected finite numbers"]);
}

#[test]
fn types_that_no_weight_has_are_refused_by_name() {
    for (class, size, name) in [
        ("IntStorage", 4, "I32"),
        ("BoolStorage", 1, "BOOL"),
        ("ComplexFloatStorage", 8, "complex64"),
        ("QInt8Storage", 1, "QInt8Storage"),
        ("Float6Storage", 1, "Float6Storage"),
    ] {
        let file = each(&state_dict(), class, size, strides, |_| vec![0; size]);
        refused(
            &file,
            None,
            &["conv1.0.weight", "expected F32 [1, 1, 3, 3]", &format!("found {name} [1, 1, 3, 3]")],
        );
    }
}

/// The plain file, with other bytes for the tensor of this name.
fn with(name: &str, write: impl Fn(&mut Pickle, &Strided)) -> Vec<u8> {
    file(|pickle, flat| {
        pickle.raw(b"}(");
        for (other, tensor) in &flat.tensors {
            pickle.text(other);
            if other == name {
                write(pickle, tensor);
            } else {
                pickle.tensor(tensor, None);
            }
        }
        pickle.raw(b"u");
    })
}

const BIAS: &str = "conv1.2.bias";

#[test]
fn the_negative_bit_is_heeded_and_other_marks_are_refused() {
    let mut state = state_dict();
    state.get_mut(BIAS).unwrap().1.iter_mut().for_each(|value| *value = -*value - 3.0);
    let flat = flat(&state);
    let mark = |mark: &str| [b"}X\x03\0\0\0", mark.as_bytes(), b"\x88s"].concat();
    let marked = |mark: &[u8]| {
        let mut pickle = Pickle::new(2);
        pickle.raw(b"}(");
        for (name, tensor) in &flat.tensors {
            pickle.text(name).tensor(tensor, (name == BIAS).then_some(mark));
        }
        flat.file(pickle.raw(b"u"))
    };
    let negated = crate::common::decode(&marked(&mark("neg")), None).unwrap();
    let bias = |model: &adder_model::IdentityAdder| {
        let state = model.state();
        let (_, bias) = state.iter().find(|(name, _)| name == "block1.norm.bias").unwrap();
        bias.to_vec1::<f32>().unwrap()
    };
    assert_eq!(bias(&negated.model), [3.0 + bias(&crate::common::model())[0]]);
    refused(&marked(&mark("odd")), None, &[BIAS, "the mark `odd`"]);
    // A mark that is off is none.
    let off = [&b"}X\x03\0\0\0odd\x89s"[..]].concat();
    assert!(crate::common::decode(&marked(&off), None).is_ok());
}

#[test]
fn tensors_that_have_no_values_here_are_refused_in_words() {
    for (function, words) in [
        ("_rebuild_sparse_tensor", "a sparse tensor"),
        ("_rebuild_qtensor", "a quantized tensor"),
        ("_rebuild_nested_tensor", "a nested tensor"),
        ("_rebuild_meta_tensor_no_storage", "`meta`, which has no values"),
        ("_rebuild_wrapper_subclass", "a tensor that `_rebuild_wrapper_subclass` makes"),
        ("_rebuild_tensor_v2", "a tensor with a damaged description"),
    ] {
        let file = with(BIAS, |pickle, _| {
            pickle.global("torch._utils", function).raw(b"K\x01K\x02\x86R");
        });
        refused(&file, None, &[BIAS, words]);
    }
    let subclass = with(BIAS, |pickle, tensor| {
        pickle.global("torch._tensor", "_rebuild_from_type_v2").raw(b"(");
        pickle.global("torch._utils", "_rebuild_tensor_v2").global("library.tensors", "Scaled");
        pickle.raw(b"(").storage(tensor).raw(b"t}tR");
    });
    refused(&subclass, None, &[BIAS, "a tensor of the class `library.tensors.Scaled`"]);
    let number = with(BIAS, |pickle, _| {
        pickle.raw(b"K\x01");
    });
    refused(&number, None, &["tensor `conv1.2.bias` is missing", "41 of the network's 42"]);
}

#[test]
fn a_tensor_with_attributes_is_still_one() {
    let file = with(BIAS, |pickle, tensor| {
        pickle.global("torch._tensor", "_rebuild_from_type_v2").raw(b"(");
        pickle.global("torch._utils", "_rebuild_tensor_v2").global("torch", "Tensor");
        pickle.raw(b"(").storage(tensor).integer(tensor.offset).sizes(&tensor.shape).sizes(&tensor.stride);
        pickle.raw(b"\x89}t}tR");
    });
    taken(&file, None);
}

#[test]
fn tensors_stay_within_their_storages() {
    let all = flat(&state_dict()).storage.len() / 4;
    let moved = |offset: usize| {
        with(BIAS, |pickle, tensor| {
            pickle.tensor(&Strided { offset, ..tensor.clone() }, None);
        })
    };
    assert!(crate::common::decode(&moved(all - 1), None).is_ok());
    let beyond = format!("expected {} bytes of its storage, found {}", 4 * all + 4, 4 * all);
    refused(&moved(all), None, &[BIAS, &beyond]);
    refused(&moved(i64::MAX as usize), None, &[BIAS, "bytes of its storage"]);
}

#[test]
fn values_are_held_to_what_a_network_can_have() {
    let mut state = state_dict();
    let variance = state.get_mut("fc1.1.running_var").unwrap();
    variance.1[1] = -0.5;
    for file in [each(&state, "FloatStorage", 4, strides, as_f32), crate::common::safetensors(&state, &[])] {
        refused(&file, None, &["`fc1.1.running_var`: element 1 is -0.5, expected a variance of 0 or more"]);
    }
    state.get_mut("fc1.1.running_var").unwrap().1[1] = 0.0;
    assert!(crate::common::decode(&each(&state, "FloatStorage", 4, strides, as_f32), None).is_ok());
    state.get_mut("conv2.0.weight").unwrap().1[3] = f32::NAN;
    refused(&each(&state, "FloatStorage", 4, strides, as_f32), None, &["conv2.0.weight", "element 3 is NaN"]);
}

#[test]
fn arrays_of_numpy_are_tensors() {
    let state = state_dict();
    let big = |values: &[f32]| values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<u8>>();
    for (order, encode) in [("<", f32_bytes as fn(&[f32]) -> Vec<u8>), (">", big)] {
        let mut pickle = Pickle::new(2);
        pickle.raw(b"}(");
        for (name, (shape, values)) in &state {
            pickle.text(name).array("f4", order, shape, false, &encode(values));
        }
        taken(&zip(&archive("m", &pickle.raw(b"u").done(), &[]), Packing::default()), None);
    }
    let objects = with(BIAS, |pickle, _| {
        pickle.array("O8", "|", &[1], false, &[0; 8]);
    });
    refused(&objects, None, &[BIAS, "found O8 [1]"]);
}
