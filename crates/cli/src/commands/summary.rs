//! `adder summary`: the table of layers.

use adder_model::ModelConfig;
use anyhow::Result;

use crate::args::{CheckpointChoice, SummaryArgs};
use crate::configuration;
use crate::context::Context;
use crate::loaded_model::LoadedModel;
use crate::output::{print, print_json};

pub(crate) fn run(args: &SummaryArgs, context: &Context) -> Result<()> {
    let summary = model_config(args, context)?.summary()?;
    if args.json { print_json(&summary) } else { print(format_args!("{summary}\n")) }
}

fn model_config(args: &SummaryArgs, context: &Context) -> Result<ModelConfig> {
    if let Some(path) = &args.weights {
        let loaded = LoadedModel::open(Some(path), CheckpointChoice::Last, context)?;
        return Ok(loaded.model.config().clone());
    }
    Ok(configuration::recipe_sources(&args.recipe)?.resolve()?.model)
}
