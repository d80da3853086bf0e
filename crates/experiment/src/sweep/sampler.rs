//! The values that a trial tries.

use std::collections::BTreeMap;

use adder_random::{Purpose, Stream};
use adder_train::config::whole_number;
use toml::Value;
use tpe::TpeOptimizerBuilder;
use tpe::density_estimation::DefaultEstimatorBuilder;

use super::dimension::{Dimension, Values};
use super::plan::{Method, SweepPlan};
use super::trial::{Trial, ranked};

/// Trials drawn at random before the estimator has something to estimate from.
const RANDOM_FIRST: usize = 8;
/// The part of the trials that counts as good: a quarter, since a sweep here has tens of trials and not thousands.
const GOOD: f64 = 0.25;

/// The values of the trial that `done` others came before, by their keys.
pub(super) fn propose(plan: &SweepPlan, done: u64, trials: &[Trial]) -> BTreeMap<String, Value> {
    let mut rng = Stream::new(plan.seed, Purpose::Sweep, 0, done);
    let mut combination = done;
    let ranked = ranked(trials);
    // The last dimension is the fastest of a grid.
    let mut values: Vec<_> = plan
        .dimensions
        .iter()
        .rev()
        .map(|dimension| match (plan.method, dimension.options()) {
            (Method::Grid, Some(options)) => {
                let place = combination % options.len() as u64;
                combination /= options.len() as u64;
                (dimension, options[place as usize].clone())
            }
            (Method::Tpe, _) if ranked.len() >= RANDOM_FIRST => {
                (dimension, dimension.estimated(&ranked, &mut rng))
            }
            _ => (dimension, dimension.drawn(&mut rng)),
        })
        .collect();
    values.reverse();
    values.into_iter().map(|(dimension, value)| (dimension.key.clone(), value)).collect()
}

impl Dimension {
    /// Any value.
    fn drawn(&self, stream: &mut Stream) -> Value {
        let (start, end) = self.axis();
        // 2^-53: all bits of a double, where `Stream::unit` has those of a float.
        let unit = (stream.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        self.value_at(start + (end - start) * unit)
    }

    /// A value where good trials are dense and others are not; `ranked` has the best first.
    fn estimated(&self, ranked: &[&Trial], rng: &mut Stream) -> Value {
        let (start, end) = self.axis();
        let estimator: DefaultEstimatorBuilder = match self.values {
            Values::Choices(_) => tpe::histogram_estimator(),
            Values::Range { .. } => tpe::parzen_estimator(),
        };
        let range = tpe::range(start, end).expect("an axis has a start below its end");
        let optimizer = TpeOptimizerBuilder::new().gamma(GOOD).build(estimator, range);
        let mut optimizer = optimizer.expect("a part between 0 and 1, and some candidates");
        // The estimator asks only which of two is better. So it gets ranks: accuracies alone would leave many equal, and of those
        // the first would count as good.
        for (rank, trial) in ranked.iter().enumerate() {
            if let Some(place) = trial.values.get(&self.key).and_then(|value| self.place_of(value)) {
                optimizer.tell(place, rank as f64).expect("a place on the axis and a cost that is a number");
            }
        }
        let Ok(place) = optimizer.ask(rng);
        self.value_at(place)
    }

    /// The axis on which values are equally probable: from its start up to, and without, its end.
    fn axis(&self) -> (f64, f64) {
        match &self.values {
            Values::Choices(choices) => (0.0, choices.len() as f64),
            &Values::Range { low, high, logarithmic, whole } => {
                let high = if whole { high + 1.0 } else { high };
                if logarithmic { (low.ln(), high.ln()) } else { (low, high) }
            }
        }
    }

    fn value_at(&self, place: f64) -> Value {
        match &self.values {
            Values::Choices(choices) => choices[(place.max(0.0) as usize).min(choices.len() - 1)].clone(),
            &Values::Range { low, high, logarithmic, whole } => {
                let number = if logarithmic { place.exp() } else { place };
                match whole {
                    true => whole_value(number.floor().clamp(low, high)),
                    false => Value::Float(four_digits(number).clamp(low, high)),
                }
            }
        }
    }

    /// The place of a value on the axis; `None` of one that is none of its own.
    fn place_of(&self, value: &Value) -> Option<f64> {
        let (start, end) = self.axis();
        let place = match &self.values {
            // The middle of its stretch.
            Values::Choices(choices) => choices.iter().position(|choice| choice == value)? as f64 + 0.5,
            &Values::Range { logarithmic, whole, .. } => {
                let number = match (whole, value) {
                    (true, &Value::Integer(number)) => number as f64 + 0.5,
                    // A seed that TOML has as text.
                    (true, Value::String(digits)) => digits.parse::<u64>().ok()? as f64 + 0.5,
                    (false, &Value::Float(number)) => number,
                    _ => return None,
                };
                if logarithmic { number.ln() } else { number }
            }
        };
        Some(place.clamp(start, end.next_down()))
    }
}

/// A whole number as TOML has it; a positive one up to 2^64 - 1, any other one up to 2^63 - 1.
fn whole_value(number: f64) -> Value {
    if number < 0.0 { Value::Integer(number as i64) } else { whole_number(number as u64) }
}

/// Four digits, so that what is tried is what is read in the table.
fn four_digits(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::trial::TrialOutcome;

    fn plan(method: Method, seed: u64) -> SweepPlan {
        let dimensions = vec![
            Dimension::choices("color=red,green,blue").unwrap(),
            Dimension::range("rate=0.001..1.0:log").unwrap(),
            Dimension::range("size=1..4").unwrap(),
        ];
        SweepPlan { method, seed, dimensions }
    }

    /// Asks for `count` trials and judges each by `accuracy`.
    fn search(
        plan: &SweepPlan,
        count: u64,
        accuracy: impl Fn(&BTreeMap<String, Value>) -> f64,
    ) -> Vec<Trial> {
        let mut trials: Vec<Trial> = Vec::new();
        for done in 0..count {
            let values = propose(plan, done, &trials);
            let outcome = TrialOutcome::Finished {
                validation_both: accuracy(&values),
                validation_loss: 0.0,
                training_seconds: 0.0,
            };
            trials.push(Trial { trial: done + 1, values, outcome });
        }
        trials
    }

    #[test]
    fn a_grid_is_every_combination_once_the_last_fastest() {
        let dimensions = ["a=1,2", "b=x,y,z"].map(|text| Dimension::choices(text).unwrap()).to_vec();
        let plan = SweepPlan { method: Method::Grid, seed: 1, dimensions };
        assert_eq!(plan.combinations(), Some(6));
        let tried: Vec<String> = search(&plan, 6, |_| 0.0)
            .iter()
            .map(|trial| format!("{}{}", trial.values["a"], trial.values["b"].as_str().unwrap()))
            .collect();
        assert_eq!(tried, ["1x", "1y", "1z", "2x", "2y", "2z"]);
    }

    #[test]
    fn random_values_fill_their_ranges_and_are_functions_of_the_seed() {
        let trials = search(&plan(Method::Random, 3), 400, |_| 0.0);
        let rates: Vec<f64> = trials.iter().map(|trial| trial.values["rate"].as_float().unwrap()).collect();
        assert!(rates.iter().all(|rate| (0.001..=1.0).contains(rate)));
        // A third of them in each power of ten: 133, with a deviation of 9.4.
        for decade in [0.001, 0.01, 0.1] {
            let inside = rates.iter().filter(|&&rate| rate >= decade && rate < 10.0 * decade).count();
            assert!((100..170).contains(&inside), "{inside} from {decade} on");
        }
        let sizes = |size| trials.iter().filter(|trial| trial.values["size"] == Value::Integer(size)).count();
        assert!((1..=4).all(|size| sizes(size) > 70) && (1..=4).map(sizes).sum::<usize>() == 400);
        assert_eq!(search(&plan(Method::Random, 3), 20, |_| 0.0), trials[..20]);
        assert_ne!(search(&plan(Method::Random, 4), 1, |_| 0.0)[0].values, trials[0].values);
    }

    /// Best at green, a rate of 0.05 and a size of 3.
    fn hill(values: &BTreeMap<String, Value>) -> f64 {
        let color = if values["color"].as_str() == Some("green") { 0.0 } else { 2.0 };
        let rate = (values["rate"].as_float().unwrap() / 0.05).log10().powi(2);
        let size = (values["size"].as_integer().unwrap() - 3).abs() as f64;
        99.0 - color - rate - 0.5 * size
    }

    #[test]
    fn the_estimator_gathers_where_it_is_good() {
        // Ten searches, since one may be lucky: the mean of the last twenty of sixty trials.
        let late_mean = |method| -> f64 {
            let late = |seed| -> f64 {
                let trials = search(&plan(method, seed), 60, hill);
                trials[40..].iter().map(|trial| hill(&trial.values)).sum::<f64>() / 20.0
            };
            (0..10).map(late).sum::<f64>() / 10.0
        };
        let (random, estimated) = (late_mean(Method::Random), late_mean(Method::Tpe));
        assert!(estimated > random + 1.0, "{estimated} against {random}");
    }

    #[test]
    fn of_equal_accuracies_the_lower_loss_counts_as_good() {
        let plan = plan(Method::Tpe, 1);
        // All are as accurate; the loss is the distance from green, a rate of 0.05 and a size of 3.
        let late_mean = |seed, has_loss: bool| -> f64 {
            let plan = SweepPlan { seed, ..plan.clone() };
            let mut trials: Vec<Trial> = Vec::new();
            for done in 0..60 {
                let values = propose(&plan, done, &trials);
                let validation_loss = if has_loss { 99.0 - hill(&values) } else { 0.0 };
                let outcome =
                    TrialOutcome::Finished { validation_both: 99.0, validation_loss, training_seconds: 0.0 };
                trials.push(Trial { trial: done + 1, values, outcome });
            }
            trials[40..].iter().map(|trial| hill(&trial.values)).sum::<f64>() / 20.0
        };
        let mean = |has_loss| (0..10).map(|seed| late_mean(seed, has_loss)).sum::<f64>() / 10.0;
        let (with, without) = (mean(true), mean(false));
        assert!(with > without + 1.0, "{with} against {without}");
    }

    #[test]
    fn failures_are_avoided_and_do_not_end_it() {
        let plan = plan(Method::Tpe, 1);
        let mut trials = search(&plan, 20, hill);
        for trial in trials.iter_mut().step_by(2) {
            trial.outcome = TrialOutcome::Failed { reason: "the loss is NaN".into() };
        }
        assert_eq!(propose(&plan, 20, &trials), propose(&plan, 20, &trials));
    }

    #[test]
    fn every_value_has_its_place() {
        let mut dimensions = plan(Method::Tpe, 1).dimensions;
        dimensions.push(Dimension::range("seed=0..18446744073709551615").unwrap());
        dimensions.push(Dimension::range("offset=-9000..-8000").unwrap());
        for dimension in dimensions {
            let mut stream = Stream::new(1, Purpose::Test, 0, 0);
            for _ in 0..200 {
                let value = dimension.drawn(&mut stream);
                let place = dimension.place_of(&value).unwrap();
                assert_eq!(dimension.value_at(place), value);
            }
            assert_eq!(dimension.place_of(&Value::String("gray".into())), None);
        }
    }
}
