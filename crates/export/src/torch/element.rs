//! Element types: PyTorch's, NumPy's and those of safetensors under one name each.

use candle_core::DType;
use half::{bf16, f16};
use safetensors::tensor::Dtype;

/// The type of a tensor's elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// The name that safetensors has for it, or PyTorch's own.
    pub(crate) name: String,
    /// Bytes of one element; 0 where this is not known.
    pub(crate) bytes: usize,
}

impl Element {
    fn new(name: &str, bytes: usize) -> Self {
        Self { name: name.into(), bytes }
    }

    /// By the name of a storage's class, `FloatStorage`.
    pub(crate) fn of_storage(class: &str) -> Self {
        match class.strip_suffix("Storage").unwrap_or(class) {
            "Double" => Self::new("F64", 8),
            "Float" => Self::new("F32", 4),
            "Half" => Self::new("F16", 2),
            "BFloat16" => Self::new("BF16", 2),
            "Long" => Self::new("I64", 8),
            "Int" => Self::new("I32", 4),
            "Short" => Self::new("I16", 2),
            "Char" => Self::new("I8", 1),
            "Byte" | "Untyped" => Self::new("U8", 1),
            "Bool" => Self::new("BOOL", 1),
            "ComplexDouble" => Self::new("complex128", 16),
            "ComplexFloat" => Self::new("complex64", 8),
            "QInt32" => Self::new("qint32", 4),
            "QInt8" | "QUInt8" | "QUInt4x2" | "QUInt2x4" => Self::new(class, 1),
            _ => Self::new(class, 0),
        }
    }

    /// By PyTorch's name, `float32`.
    pub(crate) fn of_torch(name: &str) -> Self {
        match name {
            "float64" => Self::new("F64", 8),
            "float32" => Self::new("F32", 4),
            "float16" => Self::new("F16", 2),
            "bfloat16" => Self::new("BF16", 2),
            "int64" => Self::new("I64", 8),
            "int32" => Self::new("I32", 4),
            "int16" => Self::new("I16", 2),
            "int8" => Self::new("I8", 1),
            "uint8" => Self::new("U8", 1),
            "bool" => Self::new("BOOL", 1),
            _ => Self::new(name, 0),
        }
    }

    /// By NumPy's code, `f4`.
    pub(crate) fn of_numpy(code: &str) -> Self {
        match code {
            "f8" => Self::new("F64", 8),
            "f4" => Self::new("F32", 4),
            "f2" => Self::new("F16", 2),
            "i8" => Self::new("I64", 8),
            "i4" => Self::new("I32", 4),
            "i2" => Self::new("I16", 2),
            "i1" => Self::new("I8", 1),
            "u1" => Self::new("U8", 1),
            "b1" => Self::new("BOOL", 1),
            _ => Self::new(code, 0),
        }
    }

    pub(crate) fn of_safetensors(dtype: Dtype) -> Self {
        Self { name: format!("{dtype:?}"), bytes: dtype.bitsize() / 8 }
    }

    /// How one element becomes an `f32`; nothing for a type that no weight has.
    pub(crate) fn to_f32(&self, big_endian: bool) -> Option<fn(&[u8]) -> f32> {
        macro_rules! read {
            ($type:ty, $convert:expr) => {
                match big_endian {
                    false => |bytes| $convert(<$type>::from_le_bytes(bytes.try_into().unwrap_or_default())),
                    true => |bytes| $convert(<$type>::from_be_bytes(bytes.try_into().unwrap_or_default())),
                }
            };
        }
        Some(match self.name.as_str() {
            "F32" => read!(f32, |value| value),
            "F64" => read!(f64, |value| value as f32),
            "F16" => read!(f16, |value: f16| value.to_f32()),
            "BF16" => read!(bf16, |value: bf16| value.to_f32()),
            _ => return None,
        })
    }

    /// Whether values stay as they are.
    pub(crate) fn is_f32(&self) -> bool {
        self.name == format!("{:?}", DType::F32)
    }
}
