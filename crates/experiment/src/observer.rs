//! Watching a run and the training of its teachers.

use std::fmt;

use adder_train::Observer;

/// One of the networks that a run learns from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TeacherNumber {
    /// Counted from 1.
    pub number: u64,
    /// Number of them.
    pub count: u64,
}

impl fmt::Display for TeacherNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "teacher {} of {}", self.number, self.count)
    }
}

/// An observer of a run, which may watch the training of its teachers too.
pub trait RunObserver: Observer {
    /// The observer of the training of a teacher, before the run itself starts. By default nothing watches it.
    fn teacher(&mut self, _teacher: TeacherNumber) -> Box<dyn Observer + '_> {
        Box::new(())
    }
}

impl RunObserver for () {}
