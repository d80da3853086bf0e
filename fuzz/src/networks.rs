//! Networks as small as they can be, for seeds.

use adder_model::{IdentityAdder, ModelConfig};
use adder_network::Layer;
use candle_core::Device;

/// The notebook's network with a single channel everywhere.
pub(crate) fn config() -> ModelConfig {
    ModelConfig { channels: vec![1; 6], embedding: 1, hidden: 2, ..ModelConfig::default() }
}

/// Such a network, as its seed draws it.
pub(crate) fn network() -> IdentityAdder {
    IdentityAdder::new(&config(), 1, &Device::Cpu).expect("a network of this shape can be")
}

/// A network given layer by layer.
pub(crate) fn layered() -> IdentityAdder {
    let mut config = config();
    let network = config.network().expect("a network of this shape can be");
    config.layers =
        network.nodes().iter().map(|node| Layer::new(node.kind.clone()).named(&node.name)).collect();
    IdentityAdder::new(&config, 1, &Device::Cpu).expect("the same layers, listed")
}
