//! Bits: the order of blocks and threads changes none, nor does what a buffer held before.

use adder_cuda::{AdamW, Engine, Muon, OptimizerKind, Settings, UpdateNumbers};

use crate::case::{Block, Case, Sketch};
use crate::device::HostDevice;

fn case(rows: usize, seed: u64) -> Case {
    let block = |channels, padding, pool| Block { channels, padding, dropout: 0.2, pool };
    let sketch = Sketch {
        input: [2, 13, 11],
        blocks: vec![block(5, 1, false), block(6, 2, true), block(7, 0, false)],
        global_average: false,
        hidden: vec![9, 6],
        one_hot: Some(1),
        heads: vec![4, 3],
    };
    let settings = Settings {
        batch: 7,
        optimizer: OptimizerKind::Muon,
        average: true,
        soft_targets: true,
        ..Settings::default()
    };
    let mut case = Case::new(sketch.network().unwrap(), rows, settings, seed);
    let adamw = AdamW { rate: 1e-3, betas: [0.9, 0.999], epsilon: 1e-8, weight_decay: 0.1 };
    let muon = Muon { rate: 2e-2, momentum: 0.95, nesterov: true, weight_decay: 0.1 };
    case.step.update = UpdateNumbers::muon(muon, adamw, 0);
    case.step.average_share = 0.5;
    case.step.norm_limit = 0.5;
    case
}

/// All bits that a step leaves.
fn bits(case: &Case, engine: &mut Engine<HostDevice>) -> Vec<u32> {
    let metrics = engine.metrics(case.step.number).unwrap();
    assert!(metrics.is_finite() && metrics.rows == case.rows);
    let values = [engine.state().unwrap(), engine.average().unwrap().unwrap(), engine.moments().unwrap()];
    let mut bits: Vec<u32> = values.as_flattened().iter().flatten().map(|value| value.to_bits()).collect();
    bits.extend(engine.gradients().unwrap().iter().map(|value| value.to_bits()));
    bits.extend(
        metrics.heads.iter().flat_map(|(loss, _)| [loss.to_bits() as u32, (loss.to_bits() >> 32) as u32]),
    );
    bits
}

#[test]
fn the_order_of_blocks_and_threads_changes_no_bit() {
    let case = case(7, 21);
    let run = |order: u64| {
        let mut engine = case.engine(order);
        case.train(&mut engine);
        bits(&case, &mut engine)
    };
    let expected = run(0);
    for order in [1, 2, 3, 12_345] {
        assert!(run(order) == expected, "order {order}");
    }
}

#[test]
fn what_a_larger_batch_left_behind_changes_no_bit() {
    let (larger, smaller) = (case(7, 3), case(2, 4));
    let mut fresh = smaller.engine(5);
    smaller.train(&mut fresh);
    let mut used = smaller.engine(6);
    larger.train(&mut used);
    let zeros = vec![0.0; used.moments().unwrap()[0].len()];
    used.set_moments([&zeros, &zeros]).unwrap();
    used.set_state(&smaller.parameters, &smaller.running).unwrap();
    let [parameters, running] = used.average().unwrap().unwrap();
    used.set_average(&parameters, &running).unwrap();
    smaller.train(&mut used);
    assert!(bits(&smaller, &mut used) == bits(&smaller, &mut fresh));
}
