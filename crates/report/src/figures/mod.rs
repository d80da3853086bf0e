//! The figures.

mod comparison;
mod curves;
mod embedding;
mod feature_maps;
mod kernels;
mod learning_rate;
mod matrix;
mod reliability;
mod run;
mod tiles;

pub use comparison::{Compared, comparison};
pub use curves::{curve_charts, training_and_validation, training_curves};
pub use embedding::embedding;
pub use feature_maps::{FeatureMaps, feature_maps};
pub use kernels::{Kernels, kernels};
pub use learning_rate::{learning_rate, learning_rate_search, momentum};
pub use matrix::{confusion, error_map};
pub use reliability::reliability;
pub use run::{predictions, run_figures};
pub use tiles::{Tile, equation, sample_grid, sample_grids, tiles};
