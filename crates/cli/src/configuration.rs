//! The configuration that recipe, file and flags make together.

use adder_train::{Config, ConfigError, Layers, Recipe};

use crate::args::{ConfigArgs, RecipeArgs, TrainingArgs};

/// Recipe, file, `--set`: of two that give the same key, the later one counts.
pub(crate) fn layers_of_recipe(args: &RecipeArgs) -> Result<Layers, ConfigError> {
    let mut layers = Layers::default();
    layers.add_recipe(recipe_name(args))?;
    if let Some(file) = &args.config {
        layers.add_file(file)?;
    }
    for assignment in &args.assignments {
        layers.add_assignment(assignment)?;
    }
    Ok(layers)
}

/// The same, and after it the flags that stand for one key each.
pub(crate) fn layers(args: &ConfigArgs) -> Result<Layers, ConfigError> {
    let mut layers = layers_of_recipe(&args.recipe)?;
    if let Some(seed) = args.seed {
        layers.add_flag("--seed", "seed", whole_number(seed));
    }
    if let Some(source) = &args.data {
        layers.add_flag("--data", "data.source", source.as_str());
    }
    if let Some(limit) = args.limit {
        layers.add_flag("--limit", "data.limit", i64::from(limit));
    }
    Ok(layers)
}

/// The configuration of a run.
pub(crate) fn of_training(args: &TrainingArgs) -> Result<Config, ConfigError> {
    layers_of_training(args)?.resolve()
}

/// What makes it, for a command that adds to it.
pub(crate) fn layers_of_training(args: &TrainingArgs) -> Result<Layers, ConfigError> {
    let mut layers = layers(&args.config)?;
    if let Some(epochs) = args.epochs {
        layers.add_flag("--epochs", "training.epochs", whole_number(epochs));
    }
    if let Some(batch_size) = args.batch_size {
        layers.add_flag("--batch-size", "training.batch_size", whole_number(batch_size));
    }
    if let Some(rate) = args.learning_rate {
        layers.add_flag("--learning-rate", "optimizer.learning_rate", rate);
    }
    Ok(layers)
}

/// The name of the recipe that a configuration starts from.
pub(crate) fn recipe_name(args: &RecipeArgs) -> &str {
    args.recipe.as_deref().unwrap_or(Recipe::ALL[0].name)
}

/// TOML's whole numbers are signed; what does not fit is out of every range, and said so by the check of ranges.
pub(crate) fn whole_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(-1)
}
