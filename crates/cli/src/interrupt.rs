//! Ctrl-C.

use adder_train::StopFlag;
use anyhow::{Context as _, Result};

use crate::failure::INTERRUPTED;

/// A flag that Ctrl-C raises. Whoever presses it again means it: the program ends at once.
pub(crate) fn stop_flag() -> Result<StopFlag> {
    let stop = StopFlag::default();
    let handler = stop.clone();
    ctrlc::set_handler(move || {
        if handler.is_requested() {
            std::process::exit(INTERRUPTED.into());
        }
        handler.request();
    })
    .context("cannot watch for Ctrl-C")?;
    Ok(stop)
}
