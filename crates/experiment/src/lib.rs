//! Trainings of several networks, above the training of one: runs that learn from teachers, one recipe with several seeds, searches of
//! configurations, and the learning-rate range test.
#![forbid(unsafe_code)]

pub mod lr_find;
pub mod observer;
pub mod repeat;
pub mod series;
pub mod sweep;
mod teachers;

pub use observer::{RunObserver, TeacherNumber};
pub use repeat::{Measurements, Repetition};
pub use series::{Series, SeriesError, run};
