//! Draws every figure of a run as SVG and PNG.
//!
//! `cargo run --release -p adder-report --example figures -- runs/NAME folder`

use std::error::Error;
use std::path::PathBuf;

use adder_data::load;
use adder_model::weights;
use adder_report::{Inspection, Record, run_figures};
use adder_train::{CheckpointName, RunDirectory};
use candle_core::Device;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let run = RunDirectory::open(arguments.next().ok_or("the run directory is missing")?)?;
    let folder = arguments.next().ok_or("the folder for the figures is missing")?;
    std::fs::create_dir_all(&folder)?;
    let mut record = Record::read(&run)?;
    let data = load(&record.config.data.source, &mut |_| {})?.evaluation;
    let (model, _) = weights::load(&run.weights(CheckpointName::Last)?, &Device::Cpu)?;
    record.inspection = Some(Inspection::new(&model, &data, &data.indices(), record.config.seed)?);
    for (name, figure) in run_figures(&record) {
        std::fs::write(folder.join(format!("{name}.svg")), figure.to_svg())?;
        std::fs::write(folder.join(format!("{name}.png")), figure.to_png(2.0)?)?;
    }
    Ok(())
}
