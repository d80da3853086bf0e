//! Optimizers, schedules and the average of weights.
