//! A trained tensor with the name it is saved under.

use candle_core::Var;

/// A parameter of the network. Parameters are always listed in the order of the layers, never in that of a hash map.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name it is saved under, such as `block1.conv.weight`.
    pub name: String,
    /// The values.
    pub var: Var,
    /// Whether weight decay applies: to the weights of convolutions and linear layers, not to those of norms.
    pub decays: bool,
}
