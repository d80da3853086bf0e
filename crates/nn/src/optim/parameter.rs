//! Trained tensors with their names.

use candle_core::Var;
use candle_nn::VarMap;

/// The ends of the names of variables that are saved and not trained: the running statistics of norms.
const STATISTICS: [&str; 3] = ["running_mean", "running_var", "num_batches_tracked"];

/// A trained tensor.
///
/// ```
/// use adder_nn::optim::Parameter;
/// use candle_core::{DType, Device, Var};
///
/// # fn main() -> candle_core::Result<()> {
/// let weight = Var::zeros((3, 4), DType::F32, &Device::Cpu)?;
/// let parameter = Parameter { name: "linear.weight".into(), var: weight, decays: true };
/// assert_eq!(parameter.var.dims(), [3, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Differences from candle-nn
/// candle's optimizers take variables without names, all of which decay.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name it is saved under, such as `block1.conv.weight`.
    pub name: String,
    /// The values.
    pub var: Var,
    /// Whether weight decay applies: usually to the weights of convolutions and linear layers, not to norms and biases.
    pub decays: bool,
}

/// The trained tensors of a map of variables, in the order of their names.
///
/// candle's [`VarMap`] is a hash map: its `all_vars` come in another order in every process. Running statistics of norms
/// (names that end in `running_mean`, `running_var` or `num_batches_tracked`) and variables that are not of floats are left
/// out. Tensors of two axes or more decay and others do not, which is the usual rule: weights of convolutions, linear layers
/// and embeddings on the one side, biases and norms on the other.
///
/// ```
/// use adder_nn::{Optimizer, ParamsAdamW, AdamW, optim};
/// use candle_core::{DType, Device};
/// use candle_nn::{VarBuilder, VarMap, linear};
///
/// # fn main() -> candle_core::Result<()> {
/// let varmap = VarMap::new();
/// linear(3, 2, VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu).pp("head"))?;
/// let parameters = optim::parameters(&varmap);
/// let listed: Vec<_> = parameters.iter().map(|parameter| (&parameter.name[..], parameter.decays)).collect();
/// assert_eq!(listed, [("head.bias", false), ("head.weight", true)]);
/// let optimizer = AdamW::with_parameters(parameters, ParamsAdamW { weight_decay: 0.05, ..Default::default() })?;
/// assert_eq!(optimizer.learning_rate(), 0.001);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// Where another thread panicked while it held the map's lock, as `VarMap`'s own methods do.
pub fn parameters(varmap: &VarMap) -> Vec<Parameter> {
    let vars = varmap.data().lock().expect("no thread panicked while it held the map");
    let is_trained = |name: &str, var: &Var| {
        let last = name.rsplit('.').next().unwrap_or(name);
        var.dtype().is_float() && !STATISTICS.contains(&last)
    };
    let mut parameters: Vec<_> = vars
        .iter()
        .filter(|(name, var)| is_trained(name, var))
        .map(|(name, var)| Parameter { name: name.clone(), var: var.clone(), decays: var.rank() >= 2 })
        .collect();
    parameters.sort_by(|a, b| a.name.cmp(&b.name));
    parameters
}

/// Bare variables as parameters: their numbers are their names, and all decay, as in candle. Others than floats are left out.
pub(crate) fn numbered(vars: Vec<Var>) -> Vec<Parameter> {
    let floats = vars.into_iter().filter(|var| var.dtype().is_float());
    let parameter = |(index, var): (usize, Var)| Parameter { name: index.to_string(), var, decays: true };
    floats.enumerate().map(parameter).collect()
}
