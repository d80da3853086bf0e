//! What the competitions are held on: networks, or one layer.

use std::fmt;

use super::word::word;
use crate::convolution::candle_mnist;

/// A network with its loss and its optimizer, or one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Problem {
    /// The notebook's network on MNIST, trained by SGD with momentum.
    IdentityAdder,
    /// The convolutional network of candle's example mnist-training, trained by AdamW.
    CandleMnist,
    /// A residual network on 3x32x32: a stem, then three stages of two blocks with 32, 64 and 128 channels, trained by SGD with
    /// momentum and weight decay.
    Residual,
    /// A convolution 5x5 from 32 to 64 channels on 12x12, without padding or bias.
    Convolution,
}

impl Problem {
    /// The floating-point operations of a step with `batch` images, where the step is one layer's.
    pub fn operations(self, batch: usize) -> Option<usize> {
        (self == Self::Convolution).then(|| batch * candle_mnist().flops())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&word(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_has_a_number_of_operations() {
        assert_eq!(Problem::Convolution.operations(2), Some(2 * 2 * 64 * 8 * 8 * 32 * 5 * 5));
        assert_eq!(Problem::Residual.operations(2), None);
    }

    #[test]
    fn the_words_are_those_of_the_python_side() {
        assert_eq!(Problem::IdentityAdder.to_string(), "identity-adder");
        assert_eq!(Problem::CandleMnist.to_string(), "candle-mnist");
    }
}
