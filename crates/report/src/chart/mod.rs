//! Charts: numbers over an axis.

mod curve;
mod panel;
mod scale;

pub(crate) use curve::smooth;
pub(crate) use panel::{Axis, Panel, Shape};
pub(crate) use scale::{Scale, ScaleKind, rounded};
