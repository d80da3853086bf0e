//! What the tests share: a function of tensors with its gradients, in any memory layout and element type.

use candle_core::{DType, Device, Result, Tensor, Var};

/// How an input lies in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Memory {
    Contiguous,
    /// The last two axes are exchanged.
    Transposed,
    /// A part of a larger tensor, along its last axis.
    Narrowed,
}

impl Memory {
    pub(crate) const ALL: [Self; 3] = [Self::Contiguous, Self::Transposed, Self::Narrowed];

    /// A variable that holds `values`, and the view of it that is them.
    fn hold(self, values: &Tensor) -> Result<(Var, Tensor)> {
        let rank = values.rank();
        let (var, view) = match self {
            Self::Transposed if rank >= 2 => {
                let var = Var::from_tensor(&values.transpose(rank - 1, rank - 2)?.contiguous()?)?;
                let view = var.transpose(rank - 1, rank - 2)?;
                (var, view)
            }
            Self::Narrowed if rank >= 1 && values.elem_count() > 0 => {
                let var = Var::from_tensor(&values.pad_with_same(rank - 1, 1, 2)?)?;
                let view = var.narrow(rank - 1, 1, values.dim(rank - 1)?)?;
                (var, view)
            }
            _ => {
                let var = Var::from_tensor(&values.copy()?)?;
                let view = var.as_tensor().clone();
                (var, view)
            }
        };
        Ok((var, view))
    }

    /// The part of a variable's gradient that belongs to its view.
    fn part(self, gradient: &Tensor, values: &Tensor) -> Result<Tensor> {
        let rank = values.rank();
        match self {
            Self::Transposed if rank >= 2 => gradient.transpose(rank - 1, rank - 2)?.contiguous(),
            Self::Narrowed if rank >= 1 && values.elem_count() > 0 => {
                gradient.narrow(rank - 1, 1, values.dim(rank - 1)?)?.contiguous()
            }
            _ => Ok(gradient.clone()),
        }
    }
}

/// The output of `function` and the gradients of `sum(output * upstream)`, a scalar's without upstream, at each input.
pub(crate) fn differentiate(
    inputs: &[Tensor],
    upstream: Option<&Tensor>,
    memory: Memory,
    function: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<(Tensor, Vec<Tensor>)> {
    let held = inputs.iter().map(|input| memory.hold(input)).collect::<Result<Vec<_>>>()?;
    let views: Vec<Tensor> = held.iter().map(|(_, view)| view.clone()).collect();
    let output = function(&views)?;
    let objective = match upstream {
        Some(upstream) => (&output * upstream)?.sum_all()?,
        None => output.clone(),
    };
    let grads = objective.backward()?;
    let gradients = held.iter().zip(inputs).map(|((var, _), input)| {
        let gradient = grads.get(var).expect("every input has a gradient");
        memory.part(gradient, input)
    });
    Ok((output, gradients.collect::<Result<_>>()?))
}

pub(crate) fn flat(values: &Tensor) -> Vec<f64> {
    values.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

/// Fails unless every value is within `bound` times the largest finite one, or 1, of what is right; a NaN where one is.
pub(crate) fn assert_close(what: &str, found: &Tensor, expected: &Tensor, bound: f64) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (flat(found), flat(expected));
    let finite = expected.iter().copied().filter(|value| value.is_finite());
    let largest = finite.fold(1f64, |largest, value| largest.max(value.abs()));
    for (at, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        let is_right = found == expected
            || found.is_nan() && expected.is_nan()
            || (found - expected).abs() <= bound * largest;
        assert!(is_right, "{what}: {found} where {expected} is right, at {at}");
    }
}

/// Numbers from a formula, without a pattern that a layer could hide behind: from -1 to 1.
pub(crate) fn numbers(seed: u64, shape: &[usize]) -> Tensor {
    let mut stream = adder_random::Stream::new(seed, adder_random::Purpose::Test, 0, 0);
    let len = shape.iter().product();
    let values: Vec<f32> = (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}
