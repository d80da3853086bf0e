//! Small runs from start to end, with a stop, a crash or damage on the way.

mod course;
mod damage;
mod going_on;
mod options;
mod refusals;
mod resume;
mod support;

use std::fs;
use std::sync::Arc;

use adder_data::{EvaluationAddends, Labeled, PIXELS, Source};
use adder_random::{Purpose, Stream};
use candle_core::Device;

use super::*;
use crate::evaluation::{EvaluationSplit, evaluate};
use crate::events::EpochEvent;
use crate::run_directory::IfExists;
use support::*;
