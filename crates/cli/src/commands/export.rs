//! `adder export`: a trained network as a file for other programs.

use std::io::Write;

use adder_data::whole_file::write_whole;
use adder_export::{onnx, torch};
use anyhow::{Context as _, Result};

use crate::args::{AddendInput, ExportArgs, ExportFormat};
use crate::context::Context;
use crate::error::UsageError;
use crate::loaded_model::LoadedModel;
use crate::output::{say, shown};

pub(crate) fn run(args: &ExportArgs, context: &Context) -> Result<()> {
    let options = onnx_options(args);
    let any_option = options != onnx::Options::default() || args.opset.is_some() || args.addend.is_some();
    if args.format == ExportFormat::TorchSafetensors && any_option {
        let problem = "--fold, --opset, --with-preprocessing, --batch and --addend are for --format onnx";
        return Err(UsageError(problem.into()).into());
    }
    let loaded = LoadedModel::open(args.weights.as_deref(), args.checkpoint, context)?;
    let bytes = match args.format {
        ExportFormat::Onnx => onnx::encode(&loaded.model, &options, &loaded.facts)?,
        ExportFormat::TorchSafetensors => torch::to_safetensors(&loaded.model, &loaded.facts)?,
    };
    let unwritable = || format!("{}: cannot be written", shown(&args.out));
    write_whole(&args.out, |file| file.write_all(&bytes)).with_context(unwritable)?;
    if !context.quiet {
        say(format_args!("weights: {}", shown(&loaded.path)));
        say(format_args!("written: {} ({:.1} kB)", shown(&args.out), bytes.len() as f64 / 1000.0));
    }
    Ok(())
}

fn onnx_options(args: &ExportArgs) -> onnx::Options {
    let default = onnx::Options::default();
    onnx::Options {
        fold: args.fold,
        opset: args.opset.unwrap_or(default.opset),
        with_preprocessing: args.with_preprocessing,
        batch: args.batch,
        class_inputs: match args.addend {
            Some(AddendInput::OneHot) => onnx::ClassInputs::OneHot,
            Some(AddendInput::Index) | None => onnx::ClassInputs::Index,
        },
    }
}
