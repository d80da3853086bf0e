//! `adder summary`: the table of layers.

use std::io::{Write, stdout};

use adder_model::ModelConfig;
use anyhow::Result;

use crate::args::{CheckpointChoice, SummaryArgs};
use crate::configuration;
use crate::context::Context;
use crate::loaded_model::LoadedModel;

pub(crate) fn run(args: &SummaryArgs, context: &Context) -> Result<()> {
    let summary = model_config(args, context)?.summary()?;
    if args.json {
        writeln!(stdout(), "{}", serde_json::to_string(&summary)?)?;
    } else {
        writeln!(stdout(), "{summary}")?;
    }
    Ok(())
}

fn model_config(args: &SummaryArgs, context: &Context) -> Result<ModelConfig> {
    if let Some(path) = &args.weights {
        let loaded = LoadedModel::open(Some(path), CheckpointChoice::Last, context)?;
        return Ok(loaded.model.config().clone());
    }
    Ok(configuration::recipe_sources(&args.recipe)?.resolve()?.model)
}
