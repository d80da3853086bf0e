//! The notebook's names of our tensors.
//!
//! | ours | the notebook's |
//! | --- | --- |
//! | `block{k}.conv.weight`, `block{k}.norm.*` | `conv{k}.0.weight`, `conv{k}.2.*` |
//! | `embedding.linear.weight`, `embedding.norm.*` | `fc1.0.weight`, `fc1.1.*` |
//! | `hidden.linear.weight`, `hidden.norm.*` | `fc2.0.weight`, `fc2.1.*` |
//! | `digit.weight`, `sum.weight` | `out_num.0.weight`, `out_sum.0.weight` |

use adder_model::ModelConfig;
use adder_network::Network;

/// The name of a norm's count of batches, on which nothing here depends.
pub(crate) const COUNT: &str = "num_batches_tracked";

/// Whose names a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// The notebook's.
    Torch,
    /// Ours, in a file that lost its marks.
    Own,
}

impl Naming {
    pub(crate) const ALL: [Self; 2] = [Self::Torch, Self::Own];

    /// A file's name of one of our tensors.
    pub(crate) fn name(self, config: &ModelConfig, name: &str) -> String {
        match self {
            Self::Torch => torch_name(config, name),
            Self::Own => name.into(),
        }
    }
}

/// A tensor that a network has: our name, and its shape.
pub(crate) struct Expected {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    /// A running variance, which is never negative.
    pub(crate) variance: bool,
}

/// Every parameter and running statistic of a network.
pub(crate) fn expected(network: &Network) -> Vec<Expected> {
    let parameters = network.parameters().iter().map(|parameter| Expected {
        name: parameter.name.clone(),
        shape: parameter.shape.clone(),
        variance: false,
    });
    let statistics = network.norms().iter().flat_map(|norm| {
        let [mean, variance] = norm.buffer_names();
        let shape = vec![norm.channels];
        [
            Expected { name: mean, shape: shape.clone(), variance: false },
            Expected { name: variance, shape, variance: true },
        ]
    });
    parameters.chain(statistics.collect::<Vec<_>>()).collect()
}

/// The notebook's name of one of our tensors. Networks that are given layer by layer have one name everywhere.
pub(crate) fn torch_name(config: &ModelConfig, name: &str) -> String {
    if !config.layers.is_empty() {
        return name.into();
    }
    const LAYERS: [(&str, &str); 6] = [
        ("embedding.linear.", "fc1.0."),
        ("embedding.norm.", "fc1.1."),
        ("hidden.linear.", "fc2.0."),
        ("hidden.norm.", "fc2.1."),
        ("digit.", "out_num.0."),
        ("sum.", "out_sum.0."),
    ];
    for (ours, theirs) in LAYERS {
        if let Some(rest) = name.strip_prefix(ours) {
            return format!("{theirs}{rest}");
        }
    }
    name.replacen("block", "conv", 1).replacen(".conv.", ".0.", 1).replacen(".norm.", ".2.", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_notebooks() {
        for (ours, theirs) in [
            ("block1.conv.weight", "conv1.0.weight"),
            ("block6.norm.running_var", "conv6.2.running_var"),
            ("embedding.linear.weight", "fc1.0.weight"),
            ("hidden.norm.bias", "fc2.1.bias"),
            ("digit.weight", "out_num.0.weight"),
            ("sum.weight", "out_sum.0.weight"),
        ] {
            assert_eq!(torch_name(&ModelConfig::default(), ours), theirs);
        }
    }
}
