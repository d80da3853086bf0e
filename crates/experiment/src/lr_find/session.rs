//! Training while the rate grows.

use std::ops::ControlFlow;

use adder_data::{Dataset, LoaderConfig, Position, TrainLoader};
use adder_model::IdentityAdder;
use adder_train::config::TrainingConfig;
use adder_train::optim::{AnyOptimizer, ScheduleKind, Settings};
use adder_train::trainer::gradients::next_gradients;
use adder_train::{Config, Machine, RunImages, TrainError};

use super::curve::{Curve, End, Point, Recorder};
use super::{LrFindError, RangeTest};

/// Makes the range test with a new network of `config`, which it throws away, on labels alone. `watch` sees each point and may
/// end it.
///
/// # Errors
/// [`LrFindError::Setting`], or [`LrFindError::Train`] where the data do not fit the configuration or a step cannot be
/// computed. A loss that explodes is no error but the end of the curve.
pub fn find_learning_rate(
    test: &RangeTest,
    config: &Config,
    data: &Dataset,
    machine: &Machine,
    mut watch: impl FnMut(&Point) -> ControlFlow<()>,
) -> Result<Curve, LrFindError> {
    test.check()?;
    let mut training = Training::new(config, data, machine)?;
    sweep(test, |rate| training.step(rate), &mut watch)
}

/// The parts of a configuration that a range test leaves aside, in words; a training of the same configuration has them.
pub fn left_aside(config: &Config) -> Vec<&'static str> {
    let parts = [
        // Rates, and the momentum that moves with them, are the test's own.
        (config.schedule.kind != ScheduleKind::Constant || config.schedule.warmup > 0.0, "schedule"),
        // The loss of a step is that of the weights that are trained.
        (config.training.ema_decay > 0.0, "averaged weights"),
        // A test has no last epochs.
        (config.data.clean_epochs > 0, "clean last epochs"),
        // They would have to be trained first.
        (config.distillation.teachers > 0, "teachers"),
    ];
    parts.into_iter().filter_map(|(is_there, part)| is_there.then_some(part)).collect()
}

/// One step at each rate; `step` gives the loss before its update.
pub(super) fn sweep(
    test: &RangeTest,
    mut step: impl FnMut(f64) -> Result<f64, TrainError>,
    watch: &mut impl FnMut(&Point) -> ControlFlow<()>,
) -> Result<Curve, LrFindError> {
    let mut recorder = Recorder::default();
    for done in 0..test.steps {
        let rate = test.rate(done);
        let loss = step(rate)?;
        if !recorder.record(rate, loss) {
            return Ok(recorder.finish(*test, End::Diverged));
        }
        if recorder.last().is_some_and(|point| watch(point).is_break()) {
            return Ok(recorder.finish(*test, End::Stopped));
        }
    }
    Ok(recorder.finish(*test, End::Reached))
}

/// A training that leaves nothing behind.
struct Training<'a> {
    config: &'a Config,
    model: IdentityAdder,
    optimizer: Box<dyn AnyOptimizer>,
    batches: TrainLoader,
}

impl<'a> Training<'a> {
    fn new(config: &'a Config, data: &Dataset, machine: &Machine) -> Result<Self, TrainError> {
        let images = RunImages::new(config, data, None)?;
        let model = machine.new_model(config)?;
        let optimizer = config.optimizer.build(model.parameters())?;
        // See `left_aside`.
        let loader = LoaderConfig { clean_from_epoch: None, ..config.loader(machine.loader_workers) };
        let train = images.split.train().to_vec();
        let batches = TrainLoader::new(data.train.clone(), train, loader, Position::default())?;
        Ok(Self { config, model, optimizer, batches })
    }

    /// One update at `rate`; the loss per pair before it.
    fn step(&mut self, rate: f64) -> Result<f64, TrainError> {
        let TrainingConfig { accumulation, clip_norm, .. } = self.config.training;
        let (gradients, tally) =
            next_gradients(&self.model, None, &mut self.batches, accumulation, self.config)?;
        let norm = gradients.norm()?;
        let gradients = gradients.clipped(norm, clip_norm)?;
        let rate_factor = rate / self.config.optimizer.learning_rate;
        self.optimizer.step_with(&gradients, Settings { rate_factor, momentum: None })?;
        Ok(tally.metrics().both.loss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gradient descent on `curvature / 2 * w^2 + 0.1`, which diverges above a rate of `2 / curvature`. A jolt in each step
    /// keeps it off the bottom, where nothing could be seen to diverge.
    fn bowl(test: &RangeTest, curvature: f64) -> Curve {
        let mut weight = 1.0;
        let step = |rate: f64| {
            let loss = curvature / 2.0 * weight * weight + 0.1;
            weight -= rate * curvature * weight + 1e-3;
            Ok(loss)
        };
        sweep(test, step, &mut |_| ControlFlow::Continue(())).unwrap()
    }

    #[test]
    fn a_bowl_is_descended_and_left_where_theory_says() {
        let test = RangeTest { from: 1e-5, to: 100.0, steps: 400 };
        for curvature in [1.0, 20.0, 100.0] {
            let limit = 2.0 / curvature;
            let curve = bowl(&test, curvature);
            assert_eq!(curve.end, End::Diverged);
            // From the limit on the loss grows; that it has grown fourfold is seen within a few steps.
            let last = curve.points.last().unwrap().rate;
            assert!(last > limit && last < 6.0 * limit, "{last} against {limit}");
            for rate in [curve.suggestions.steepest, curve.suggestions.valley] {
                let rate = rate.unwrap();
                assert!(rate < limit && rate > limit / 1000.0, "{rate} against {limit}");
            }
        }
    }

    #[test]
    fn a_gentle_range_is_gone_through_to_its_end() {
        let test = RangeTest { from: 1e-5, to: 1e-2, steps: 50 };
        let curve = bowl(&test, 1.0);
        assert_eq!((curve.end, curve.points.len()), (End::Reached, 50));
        assert!(curve.points.windows(2).all(|pair| pair[1].smoothed < pair[0].smoothed));
    }

    #[test]
    fn what_is_left_aside_is_named() {
        let mut config = Config::default();
        assert_eq!(left_aside(&config), [""; 0]);
        config.schedule.warmup = 0.1;
        assert_eq!(left_aside(&config), ["schedule"]);
        config.schedule.kind = ScheduleKind::Cosine;
        config.training.ema_decay = 0.99;
        config.data.clean_epochs = 1;
        config.distillation.teachers = 2;
        assert_eq!(left_aside(&config), ["schedule", "averaged weights", "clean last epochs", "teachers"]);
    }

    #[test]
    fn a_watcher_may_end_it() {
        let mut seen = 0;
        let mut watch = |_: &Point| {
            seen += 1;
            if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let curve = sweep(&RangeTest::default(), |_| Ok(1.0), &mut watch).unwrap();
        assert_eq!((curve.end, curve.points.len()), (End::Stopped, 3));
    }
}
