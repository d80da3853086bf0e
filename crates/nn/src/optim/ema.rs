//! The exponential moving average of variables.

use candle_core::{Error, Result, Var, bail};

use super::elementwise::lerp;
use super::error::describe;

/// The exponential moving average of variables (Polyak and Juditsky 1992), whose decay rises as TensorFlow's
/// `ExponentialMovingAverage` has it: after the step that t others came before,
///
/// ```text
/// average = average + (1 - min(decay, (1 + t) / (10 + t))) * (value - average)
/// ```
///
/// Give it running statistics beside the weights: a norm's statistics belong to its weights. Variables that are not of floats
/// are copied, not averaged.
///
/// ```
/// use adder_nn::optim::Ema;
/// use candle_core::{Device, Tensor, Var};
///
/// # fn main() -> candle_core::Result<()> {
/// let var = Var::new(1f32, &Device::Cpu)?;
/// let average = Ema::new(&[("weight".into(), var.clone())], 0.999)?;
/// for done in 0..3 {
///     var.set(&(var.as_tensor() + 1.0)?)?; // A step.
///     average.update(done)?;
/// }
/// // Validate with the average, then train on.
/// average.swap()?;
/// assert!(var.to_scalar::<f32>()? > 3.0);
/// average.swap()?;
/// assert_eq!(var.to_scalar::<f32>()?, 4.0);
/// # Ok(())
/// # }
/// ```
///
/// # Differences from candle-nn
/// candle-nn has no average of weights.
#[derive(Debug)]
pub struct Ema {
    vars: Vec<Var>,
    averages: Vec<(String, Var)>,
    decay: f64,
}

impl Ema {
    /// The average of named variables, such as those of a `VarMap`, that starts as their values are.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn new(vars: &[(String, Var)], decay: f64) -> Result<Self> {
        let copy = |(name, var): &(String, Var)| Ok((name.clone(), Var::from_tensor(&var.copy()?)?));
        let averages = vars.iter().map(copy).collect::<Result<_>>()?;
        Self::with_averages(vars, averages, decay)
    }

    /// The average of named variables that is kept in others, such as those of a second network, and starts as they are.
    ///
    /// # Errors
    /// Where both are not of the same names, shapes and element types in the same order.
    pub fn with_averages(vars: &[(String, Var)], averages: Vec<(String, Var)>, decay: f64) -> Result<Self> {
        if vars.len() != averages.len() {
            bail!("an average of {} variables in {}", vars.len(), averages.len());
        }
        for ((name, var), (other, average)) in vars.iter().zip(&averages) {
            if name != other || var.shape() != average.shape() || var.dtype() != average.dtype() {
                let (of, found) = (describe(var), describe(average));
                return Err(Error::msg(format!("the average of `{name}`, {of}, in `{other}`, {found}")));
            }
        }
        Ok(Self { vars: vars.iter().map(|(_, var)| var.clone()).collect(), averages, decay })
    }

    /// Moves the averages towards the variables as they are after the step that `done` others came before.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn update(&self, done: u64) -> Result<()> {
        let done = done as f64;
        let decay = self.decay.min((1.0 + done) / (10.0 + done));
        for (average, var) in self.pairs() {
            if var.dtype().is_float() {
                lerp(average, var, 1.0 - decay)?;
            } else {
                average.set(var)?;
            }
        }
        Ok(())
    }

    /// The averages by name: to read, save or load.
    pub fn vars(&self) -> &[(String, Var)] {
        &self.averages
    }

    /// Sets the variables to their averages.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn copy_to_vars(&self) -> Result<()> {
        self.pairs().try_for_each(|(average, var)| var.set(average))
    }

    /// Exchanges the variables with their averages; a second time, back.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn swap(&self) -> Result<()> {
        self.pairs().try_for_each(|(average, var)| {
            let value = var.copy()?;
            var.set(average)?;
            average.set(&value)
        })
    }

    fn pairs(&self) -> impl Iterator<Item = (&Var, &Var)> {
        self.averages.iter().map(|(_, average)| average).zip(&self.vars)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;

    fn vars() -> Vec<(String, Var)> {
        let zeros = |name: &str, shape: &[usize]| {
            (name.to_owned(), Var::zeros(shape, DType::F32, &Device::Cpu).unwrap())
        };
        vec![zeros("weight", &[2, 3]), zeros("running_mean", &[4])]
    }

    fn fill(vars: &[(String, Var)], value: f32) {
        for (_, var) in vars {
            var.set(&Tensor::full(value, var.shape(), &Device::Cpu).unwrap()).unwrap();
        }
    }

    fn assert_all(vars: &[(String, Var)], expected: f64) {
        for (name, var) in vars {
            for found in var.flatten_all().unwrap().to_vec1::<f32>().unwrap() {
                assert!((f64::from(found) - expected).abs() < 1e-5, "{name}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn the_average_follows_its_formula() {
        let vars = vars();
        fill(&vars, 1.0);
        let ema = Ema::new(&vars, 0.5).unwrap();
        let mut expected = 1.0;
        // The decays are 0.1, 2/11, 3/12 ... and 0.5 from step 8 on.
        for done in 0..12 {
            let value = 2.0 + done as f32;
            fill(&vars, value);
            ema.update(done).unwrap();
            let decay = f64::min(0.5, (1.0 + done as f64) / (10.0 + done as f64));
            expected = decay * expected + (1.0 - decay) * f64::from(value);
            assert_all(ema.vars(), expected);
        }
    }

    #[test]
    fn other_element_types_follow_it_too() {
        let var = Var::new(&[0f64, 1.0], &Device::Cpu).unwrap();
        let count = Var::new(3u32, &Device::Cpu).unwrap();
        let ema = Ema::new(&[("a".into(), var.clone()), ("b".into(), count.clone())], 0.9).unwrap();
        var.set(&Tensor::new(&[1f64, 1.0], &Device::Cpu).unwrap()).unwrap();
        count.set(&Tensor::new(7u32, &Device::Cpu).unwrap()).unwrap();
        ema.update(0).unwrap();
        assert_eq!(ema.vars()[0].1.to_vec1::<f64>().unwrap(), [0.9, 1.0]);
        assert_eq!(ema.vars()[1].1.to_scalar::<u32>().unwrap(), 7);
    }

    #[test]
    fn values_and_averages_change_places() {
        let vars = vars();
        fill(&vars, 1.0);
        let ema = Ema::new(&vars, 0.5).unwrap();
        fill(&vars, 7.0);
        assert_all(ema.vars(), 1.0);
        ema.swap().unwrap();
        assert_all(&vars, 1.0);
        assert_all(ema.vars(), 7.0);
        ema.copy_to_vars().unwrap();
        assert_all(&vars, 7.0);
    }

    #[test]
    fn averages_of_other_variables_are_refused() {
        let refusal = |averages| Ema::with_averages(&vars(), averages, 0.5).unwrap_err().to_string();
        assert!(refusal(vars()[..1].to_vec()).contains("2 variables in 1"));
        assert!(refusal(vars().into_iter().rev().collect()).contains("`running_mean`"));
        let mut misshapen = vars();
        misshapen[1].1 = Var::zeros(5, DType::F32, &Device::Cpu).unwrap();
        assert!(refusal(misshapen).contains("[5]"));
    }
}
