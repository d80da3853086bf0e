//! What a library of layers must offer to have the networks of the competitions built on it.

use anyhow::Result;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use candle_nn::{Module, ModuleT, VarBuilder};

/// A library of layers, and the networks as its user writes them.
pub trait Layers {
    /// The network of candle's example mnist-training, `[b, 1, 28, 28]` to `[b, 10]`.
    ///
    /// # Errors
    /// Where variables have other shapes.
    fn candle_mnist(&self, variables: VarBuilder<'_>, dropout: f32) -> Result<Box<dyn ModuleT>>;

    /// The residual network, `[b, 3, 32, 32]` to `[b, 10]`.
    ///
    /// # Errors
    /// Where variables have other shapes.
    fn residual(&self, variables: VarBuilder<'_>) -> Result<Box<dyn ModuleT>>;

    /// A convolution without bias and padding.
    ///
    /// # Errors
    /// Where the weight is no `[out, in, k, k]`.
    fn convolution(&self, weight: Tensor) -> Result<Box<dyn Module>>;

    /// The mean cross-entropy of logits `[b, classes]` and labels u32 `[b]`.
    ///
    /// # Errors
    /// Where they do not fit.
    fn loss(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor>;

    /// AdamW with candle's defaults.
    ///
    /// # Errors
    /// Where there is no room.
    fn adamw(&self, parameters: Vec<(String, Var)>) -> Result<Update>;

    /// SGD with this rate, momentum and weight decay.
    ///
    /// # Errors
    /// Where there is no room.
    fn sgd(&self, parameters: Vec<(String, Var)>, settings: SgdSettings) -> Result<Update>;
}

/// An optimizer's step.
pub type Update = Box<dyn FnMut(&GradStore) -> Result<()>>;

/// What SGD is told.
#[derive(Clone, Copy, Debug)]
pub struct SgdSettings {
    /// The learning rate.
    pub rate: f64,
    /// The part of the last step that is kept.
    pub momentum: f64,
    /// The part of every parameter that is added to its gradient.
    pub weight_decay: f64,
}
