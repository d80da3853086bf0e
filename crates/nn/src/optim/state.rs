//! The memory of an optimizer, loaded.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var};

use super::error::{StateError, describe};

/// Sets `vars` to `tensors`, which must be exactly these; sets none where anything is wrong.
pub(crate) fn load(vars: &[(String, Var)], tensors: &HashMap<String, Tensor>) -> Result<(), StateError> {
    let is_unknown = |name: &&String| !vars.iter().any(|(known, _)| known == *name);
    if let Some(name) = tensors.keys().filter(is_unknown).min() {
        return Err(StateError::Unknown(name.clone()));
    }
    let loaded = vars.iter().map(|(name, var)| {
        let tensor = tensors.get(name).ok_or_else(|| StateError::Missing(name.clone()))?;
        if tensor.shape() != var.shape() || tensor.dtype() != var.dtype() {
            let (name, expected, found) = (name.clone(), describe(var), describe(tensor));
            return Err(StateError::Mismatch { name, expected, found });
        }
        if !is_finite(tensor)? {
            return Err(StateError::NotFinite(name.clone()));
        }
        // A copy, so that a tensor which is one of the variables can be given too.
        Ok(tensor.copy()?.to_device(var.device())?)
    });
    for ((_, var), tensor) in vars.iter().zip(loaded.collect::<Result<Vec<_>, _>>()?) {
        var.set(&tensor)?;
    }
    Ok(())
}

/// Whether all elements are finite numbers.
fn is_finite(tensor: &Tensor) -> candle_core::Result<bool> {
    let values = tensor.to_device(&Device::Cpu)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    Ok(values.iter().all(|value| value.is_finite()))
}
