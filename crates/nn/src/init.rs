//! Initial values that a seed decides.

use adder_random::{Purpose, Stream};
use candle_core::{DType, Device, Result, Shape, Tensor, Var};
pub use candle_nn::init::{
    DEFAULT_KAIMING_NORMAL, DEFAULT_KAIMING_UNIFORM, FanInOut, Init, NonLinearity, NormalOrUniform, ONE, ZERO,
};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{VarBuilder, VarMap};

/// A [`VarBuilder`] whose new variables are drawn from a seed and their names, in the distributions that the layers ask for, and
/// kept in `varmap` as those of [`VarBuilder::from_varmap`] are. The same network with the same seed has the same values on every
/// machine, in whatever order its layers are made.
///
/// ```
/// use adder_nn::{VarMap, init, linear};
/// use candle_core::{DType, Device};
///
/// let weight = |seed| {
///     let vb = init::seeded(&VarMap::new(), seed, DType::F32, &Device::Cpu);
///     linear(3, 2, vb.pp("head"))?.weight().to_vec2::<f32>()
/// };
/// assert_eq!(weight(7)?, weight(7)?);
/// assert_ne!(weight(7)?, weight(8)?);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Differences from candle-nn
/// `VarBuilder::from_varmap` draws from a generator that cannot be seeded on the CPU.
pub fn seeded(varmap: &VarMap, seed: u64, dtype: DType, device: &Device) -> VarBuilder<'static> {
    let backend = Seeded { varmap: varmap.clone(), seed };
    VarBuilder::from_backend(Box::new(backend), dtype, device.clone())
}

/// Variables of a map; those that it has not are drawn.
struct Seeded {
    varmap: VarMap,
    seed: u64,
}

impl SimpleBackend for Seeded {
    fn get(&self, shape: Shape, name: &str, init: Init, dtype: DType, device: &Device) -> Result<Tensor> {
        let mut vars = lock(&self.varmap);
        if !vars.contains_key(name) {
            let values = draw(init, &shape, &mut Stream::new(self.seed, Purpose::Init, 0, hash(name)));
            let var = Var::from_tensor(&Tensor::from_vec(values, &shape, device)?.to_dtype(dtype)?)?;
            vars.insert(name.to_owned(), var);
        }
        drop(vars);
        // The map checks the shape.
        self.varmap.get(shape, name, init, dtype, device)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> Result<Tensor> {
        let vars = lock(&self.varmap);
        let Some(var) = vars.get(name) else {
            candle_core::bail!("there is no variable {name}, and its shape is not known");
        };
        var.to_device(device)?.to_dtype(dtype)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        lock(&self.varmap).contains_key(name)
    }
}

fn lock(varmap: &VarMap) -> std::sync::MutexGuard<'_, std::collections::HashMap<String, Var>> {
    varmap.data().lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Values of a distribution, in C order; those that are drawn are rounded to f32, so that they are the same in every type.
fn draw(init: Init, shape: &Shape, stream: &mut Stream) -> Vec<f64> {
    let count = shape.elem_count();
    let (kind, mean, spread) = match init {
        Init::Const(value) => return vec![value; count],
        Init::Uniform { lo, up } => (NormalOrUniform::Uniform, (lo + up) / 2.0, (up - lo) / 2.0),
        Init::Randn { mean, stdev } => (NormalOrUniform::Normal, mean, stdev),
        Init::Kaiming { dist, fan, non_linearity } => {
            let deviation = non_linearity.gain() / (fan.for_shape(shape) as f64).sqrt();
            match dist {
                NormalOrUniform::Normal => (dist, 0.0, deviation),
                NormalOrUniform::Uniform => (dist, 0.0, 3f64.sqrt() * deviation),
            }
        }
    };
    let value = |_| {
        let standard = match kind {
            NormalOrUniform::Uniform => f64::from(stream.uniform(-1.0, 1.0)),
            NormalOrUniform::Normal => normal(stream),
        };
        f64::from((mean + spread * standard) as f32)
    };
    (0..count).map(value).collect()
}

/// A number from the standard normal distribution (Box and Muller, 1958).
fn normal(stream: &mut Stream) -> f64 {
    // Above 0, where the logarithm ends.
    let radius = (-2.0 * (1.0 - f64::from(stream.uniform(0.0, 1.0))).ln()).sqrt();
    radius * (std::f64::consts::TAU * f64::from(stream.uniform(0.0, 1.0))).cos()
}

/// FNV-1a of a variable's name: the number of its stream.
fn hash(name: &str) -> u64 {
    let step = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(init: Init, shape: (usize, usize)) -> [f64; 3] {
        let values = draw(init, &Shape::from(shape), &mut Stream::new(1, Purpose::Test, 0, 0));
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|&value| (value - mean).powi(2)).sum::<f64>();
        let largest = values.iter().fold(0f64, |largest, value| largest.max(value.abs()));
        [mean, (squares / values.len() as f64).sqrt(), largest]
    }

    #[test]
    fn distributions_have_the_moments_that_they_ask_for() {
        let [mean, deviation, largest] = moments(Init::Randn { mean: 2.0, stdev: 0.5 }, (200, 500));
        assert!((mean - 2.0).abs() < 0.01 && (deviation - 0.5).abs() < 0.01 && largest > 3.5);
        let [mean, deviation, largest] = moments(Init::Uniform { lo: -1.0, up: 3.0 }, (200, 500));
        assert!((mean - 1.0).abs() < 0.02 && (deviation - 4.0 / 12f64.sqrt()).abs() < 0.02 && largest <= 3.0);
        // sqrt(2 / 500) for ReLU and 500 inputs.
        let [mean, deviation, _] = moments(candle_nn::init::DEFAULT_KAIMING_NORMAL, (200, 500));
        assert!(mean.abs() < 0.001 && (deviation - 0.0632).abs() < 0.001, "{mean}, {deviation}");
        let [_, deviation, largest] = moments(candle_nn::init::DEFAULT_KAIMING_UNIFORM, (200, 500));
        assert!((deviation - 0.0632).abs() < 0.001 && largest <= 0.1096, "{deviation}, {largest}");
        assert_eq!(moments(Init::Const(0.25), (3, 2)), [0.25, 0.0, 0.25]);
    }

    #[test]
    fn a_variable_depends_on_its_name_alone_and_stays_in_the_map() -> Result<()> {
        let (varmap, other) = (VarMap::new(), VarMap::new());
        let [vb, other] = [&varmap, &other].map(|varmap| seeded(varmap, 3, DType::F32, &Device::Cpu));
        let get = |vb: &VarBuilder<'_>, name| vb.get_with_hints(5, name, Init::Uniform { lo: 0.0, up: 1.0 });
        let (a, b) = (get(&vb, "a")?, get(&vb, "b")?);
        assert_ne!(a.to_vec1::<f32>()?, b.to_vec1::<f32>()?);
        assert_eq!(get(&other, "b")?.to_vec1::<f32>()?, b.to_vec1::<f32>()?);
        assert_eq!(get(&vb, "a")?.id(), a.id());
        assert_eq!(varmap.all_vars().len(), 2);
        assert!(vb.get(6, "a").is_err());
        Ok(())
    }

    /// Files and published results depend on these numbers: they must not change.
    #[test]
    fn values_are_frozen() -> Result<()> {
        let vb = seeded(&VarMap::new(), 42, DType::F32, &Device::Cpu).pp("conv1");
        let weight = vb.get_with_hints((2, 3), "weight", candle_nn::init::DEFAULT_KAIMING_NORMAL)?;
        let bias = vb.get_with_hints(3, "bias", Init::Uniform { lo: -0.5, up: 0.5 })?;
        let expected = [-0.8858138, 1.1994687, -0.27842352, 0.4439958, 0.3412798, -0.21185149];
        assert_eq!(weight.flatten_all()?.to_vec1::<f32>()?, expected);
        let largest = bias.abs()?.max(0)?.to_scalar::<f32>()?;
        assert!(largest > 0.0 && largest <= 0.5);
        Ok(())
    }

    #[test]
    fn what_the_map_has_is_left_as_it_is() -> Result<()> {
        let varmap = VarMap::new();
        let held = Var::from_tensor(&Tensor::new(&[1f64, 2.0], &Device::Cpu)?)?;
        lock(&varmap).insert("a".into(), held.clone());
        let vb = seeded(&varmap, 3, DType::F64, &Device::Cpu);
        let found = vb.get_with_hints(2, "a", Init::Const(0.0))?;
        assert_eq!((found.id(), found.to_vec1::<f64>()?), (held.id(), vec![1.0, 2.0]));
        assert!(vb.contains_tensor("a") && !vb.contains_tensor("b"));
        assert!(vb.get_with_hints(3, "a", Init::Const(0.0)).is_err());
        assert!(vb.get_unchecked("b").unwrap_err().to_string().contains("no variable b"));
        // A constant is what it was asked for, in f64 too.
        assert_eq!(vb.get_with_hints(1, "c", Init::Const(0.1))?.to_vec1::<f64>()?, [0.1]);
        Ok(())
    }

    /// Layers that are made at once on several threads share the variables of one map.
    #[test]
    fn a_variable_is_made_once() {
        let varmap = VarMap::new();
        for round in 0..50 {
            let name = format!("weight{round}");
            let get = || {
                let vb = seeded(&varmap, 3, DType::F32, &Device::Cpu);
                vb.get_with_hints(1000, &name, candle_nn::init::DEFAULT_KAIMING_NORMAL).unwrap().id()
            };
            let ids = std::thread::scope(|scope| {
                let threads = [(); 4].map(|()| scope.spawn(get));
                threads.map(|thread| thread.join().unwrap())
            });
            assert!(ids.iter().all(|&id| id == ids[0]));
        }
    }
}
