use super::*;

fn factors(config: Schedule, steps: &[u64]) -> Vec<f64> {
    let place = |&done| ScheduleStep { done, total: 100, per_epoch: 10 };
    steps.iter().map(|done| config.at(place(done)).rate_factor).collect()
}

fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }
}

#[test]
fn a_constant_rate_stays() {
    assert_near(&factors(Schedule::default(), &[0, 50, 99]), &[1.0, 1.0, 1.0]);
}

#[test]
fn a_line_rises_to_the_peak_and_falls_to_the_end() {
    let config = Schedule {
        kind: ScheduleKind::Linear,
        warmup: 0.2,
        warmup_from: 0.1,
        final_factor: 0.2,
        ..Schedule::default()
    };
    // 0.1 to 1 over 20 steps, 1 to 0.2 over 80.
    assert_near(&factors(config, &[0, 10, 20, 60, 99]), &[0.1, 0.55, 1.0, 0.6, 0.21]);
}

#[test]
fn a_cosine_falls_slowly_at_both_ends() {
    let config = Schedule { kind: ScheduleKind::Cosine, ..Schedule::default() };
    let quarter = (1.0 + std::f64::consts::FRAC_1_SQRT_2) / 2.0;
    assert_near(&factors(config, &[0, 25, 50, 75]), &[1.0, quarter, 0.5, 1.0 - quarter]);
}

#[test]
fn steps_fall_after_whole_epochs() {
    let config =
        Schedule { kind: ScheduleKind::Step, step_epochs: 3, step_factor: 0.5, ..Schedule::default() };
    assert_near(&factors(config, &[0, 29, 30, 59, 60, 99]), &[1.0, 1.0, 0.5, 0.5, 0.25, 0.125]);
}

/// Numbers of `torch.optim.lr_scheduler.OneCycleLR`; see `tests/golden/one_cycle.py`.
#[test]
fn one_cycle_is_pytorchs() {
    let golden: Vec<[f64; 2]> =
        serde_json::from_str(include_str!("../../../tests/golden/one_cycle.json")).unwrap();
    // PyTorch's curve ends in the last step, and turns at step 0.3 * total - 1; ours ends after it.
    let config = Schedule {
        kind: ScheduleKind::OneCycle,
        warmup: 29.0 / 99.0,
        warmup_from: 1.0 / 25.0,
        final_factor: 1.0 / 25.0 / 1e4,
        ..Schedule::default()
    };
    for (done, [rate, momentum]) in golden.into_iter().take(99).enumerate() {
        let found = config.at(ScheduleStep { done: done as u64, total: 99, per_epoch: 10 });
        assert!((found.rate_factor - rate).abs() < 1e-9, "step {done}: {} is not {rate}", found.rate_factor);
        let found = found.momentum.unwrap();
        assert!((found - momentum).abs() < 1e-9, "step {done}: {found} is not {momentum}");
    }
}

#[test]
fn numbers_out_of_their_range_are_named() {
    let good = Schedule::default();
    good.check().unwrap();
    let bad = [
        ("warmup", Schedule { warmup: 1.0, ..good }),
        ("warmup", Schedule { warmup: f64::NAN, ..good }),
        ("warmup_from", Schedule { warmup_from: -0.1, ..good }),
        ("final_factor", Schedule { final_factor: 1.5, ..good }),
        ("step_epochs", Schedule { step_epochs: 0, ..good }),
        ("step_factor", Schedule { step_factor: 0.0, ..good }),
        ("momentum_range", Schedule { momentum_range: [0.8, 1.0], ..good }),
    ];
    for (field, schedule) in bad {
        assert_eq!(schedule.check().unwrap_err().field, field);
    }
}
