//! The figures, one module each.

mod comparison;
mod confusion;
mod curves;
mod embedding;
mod errors;
mod feature_maps;
mod kernels;
mod learning_rate;
mod matrix;
mod principal;
mod reliability;
mod run;
mod samples;
mod tiles;
mod validation;

pub use comparison::{Compared, comparison};
pub use confusion::confusion;
pub use curves::{curve_charts, training_curves};
pub use embedding::embedding;
pub use errors::error_map;
pub use feature_maps::{FeatureMaps, feature_maps};
pub use kernels::kernels;
pub use learning_rate::{learning_rate, learning_rate_search, momentum};
pub use reliability::reliability;
pub use run::{predictions, run_figures};
pub use samples::{sample_grid, sample_grids};
pub use tiles::{Tile, equation, tiles};
pub use validation::training_and_validation;
