//! The configuration that recipe, file and flags make together.

use std::path::Path;

use adder_model::ModelConfig;
use adder_train::config::whole_number;
use adder_train::{Config, ConfigError, ConfigSources, Recipe};

use crate::args::{ConfigArgs, RecipeArgs, TrainingArgs};

/// Recipe, file, `--set`: of two that give the same key, the later one counts.
pub(crate) fn recipe_sources(args: &RecipeArgs) -> Result<ConfigSources, ConfigError> {
    let mut sources = ConfigSources::default();
    sources.add_recipe(recipe_name(args))?;
    if let Some(file) = &args.config {
        sources.add_file(file)?;
    }
    for assignment in &args.assignments {
        sources.add_assignment(assignment)?;
    }
    Ok(sources)
}

/// The same, and after it the flags that stand for one key each.
pub(crate) fn sources(args: &ConfigArgs) -> Result<ConfigSources, ConfigError> {
    let mut sources = recipe_sources(&args.recipe)?;
    if let Some(seed) = args.seed {
        sources.add_flag("--seed", "seed", whole_number(seed));
    }
    if let Some(source) = &args.data {
        sources.add_flag("--data", "data.source", source.as_str());
    }
    if let Some(transpose) = args.orientation.transpose {
        sources.add_flag("--transpose", "data.transpose", transpose);
    }
    if let Some(invert) = args.orientation.invert {
        sources.add_flag("--invert", "data.invert", invert);
    }
    if let Some(limit) = args.limit {
        sources.add_flag("--limit", "data.limit", i64::from(limit));
    }
    Ok(sources)
}

/// The configuration of a run, of the network of the weights that it begins with, if there are some.
pub(crate) fn training_config(
    args: &TrainingArgs,
    initial: Option<(&Path, &ModelConfig)>,
) -> Result<Config, ConfigError> {
    let mut sources = training_sources(args)?;
    if let Some((path, model)) = initial {
        sources.add_network(path, model);
    }
    sources.resolve()
}

/// Its sources, for a command that adds to them.
pub(crate) fn training_sources(args: &TrainingArgs) -> Result<ConfigSources, ConfigError> {
    let mut sources = sources(&args.config)?;
    if let Some(epochs) = args.epochs {
        sources.add_flag("--epochs", "training.epochs", whole_number(epochs));
    }
    if let Some(batch_size) = args.batch_size {
        sources.add_flag("--batch-size", "training.batch_size", whole_number(batch_size));
    }
    if let Some(rate) = args.learning_rate {
        sources.add_flag("--learning-rate", "optimizer.learning_rate", rate);
    }
    Ok(sources)
}

/// The name of the recipe that a configuration starts from.
pub(crate) fn recipe_name(args: &RecipeArgs) -> &str {
    args.recipe.as_deref().unwrap_or(Recipe::ALL[0].name)
}
