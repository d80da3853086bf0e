//! The list of cases: values, gradients and bits of every operation.

use adder_random::{Purpose, Stream};
use rayon::prelude::*;

use super::cases::{Case, cases};
use super::oracle::largest;
use super::*;

#[test]
fn results_are_those_of_the_naive_loops() {
    cases().par_iter().for_each(|case| {
        if let Err(error) = case.verify(&case.run(Isa::best()), 1.0) {
            panic!("{error}");
        }
    });
}

#[test]
fn every_instruction_set_and_number_of_threads_gives_the_same_bits() {
    let pools =
        [1, 2, 3].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    for case in cases() {
        let expected = case.run(Isa::SCALAR);
        for isa in Isa::available() {
            for pool in &pools {
                let found = pool.install(|| case.run(isa));
                assert!(found == expected, "{}: {isa}, {} threads", case.name(), pool.current_num_threads());
            }
        }
    }
}

/// A step's results do not depend on those before it.
#[test]
fn steps_leave_no_trace() {
    for case in cases() {
        let mut step = case.step(Isa::best());
        let [mut first, mut second] = [case.results(), case.results()];
        step(&mut first);
        step(&mut second);
        assert!(first == second, "{}", case.name());
    }
}

#[test]
fn gradients_agree_with_finite_differences_of_the_naive_loops() {
    let checked =
        cases().par_iter().map(check_differences).reduce(|| [0; 2], |a, b| [a[0] + b[0], a[1] + b[1]]);
    // Points near the kink of a ReLU or the tie of a pool are left out, and must be few.
    assert!(checked[0] > 300 && 20 * checked[1] < checked[0], "{checked:?}");
}

/// Holds some derivatives of a case to central differences; returns how many were compared and how many were near a kink.
fn check_differences(case: &Case) -> [usize; 2] {
    let (results, inputs) = (case.run(Isa::best()), case.oracle_inputs());
    if results.grads.is_empty() {
        return [0; 2];
    }
    let grads = case.oracle_grads(&inputs);
    let mut stream = Stream::new(3, Purpose::Test, 0, 0);
    let mut counts = [0; 2];
    for (input, range) in case.parts() {
        let (oracle, on_the_way) = (&grads.inputs[input][range.clone()], grads.largest);
        let found: Vec<f64> = results.grads[input][range.clone()].iter().map(|&grad| grad.into()).collect();
        let mut directions = vec![vec![0.0; range.len()]; 3];
        for single in &mut directions {
            single[stream.below(range.len() as u32) as usize] = 1.0;
        }
        // Along a random direction in all values no sign can hide.
        let all: Vec<f64> = range.clone().map(|_| f64::from(stream.uniform(-1.0, 1.0))).collect();
        let norm = all.iter().map(|value| value * value).sum::<f64>().sqrt();
        directions.push(all.into_iter().map(|value| value / norm).collect());
        for direction in directions {
            let objective = |step: f64| {
                let mut moved = inputs.clone();
                moved[input][range.clone()].iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
                case.objective(&case.oracle_outputs(&moved))
            };
            let difference = |step: f64| (objective(step) - objective(-step)) / (2.0 * step);
            let (wide, narrow) = (difference(1e-5), difference(2.5e-6));
            let largest = largest(oracle);
            let exact = 1e-6 * largest.max(1.0);
            // On both sides of a kink the two differ.
            if (wide - narrow).abs() > exact {
                counts[1] += 1;
                continue;
            }
            let along = |grads: &[f64]| grads.iter().zip(&direction).map(|(grad, d)| grad * d).sum::<f64>();
            let share = direction.iter().map(|value| value.abs()).sum::<f64>();
            let bound = case.grad_bound(input, largest, on_the_way) * share + exact;
            for (what, grad, bound) in [("kernel", along(&found), bound), ("oracle", along(oracle), exact)] {
                let name = case.name();
                let near = (grad - narrow).abs() <= bound;
                assert!(near, "{name}, input {input}, {range:?}: {what} {grad}, differences {narrow}");
            }
            counts[0] += 1;
        }
    }
    counts
}

#[test]
fn operations_are_counted_per_lane() {
    for isa in Isa::available() {
        let of_a_round = fused_multiply_adds(isa, 1);
        assert!([6, 12].contains(&(of_a_round / (2 * 16))), "{isa}: {of_a_round}");
        assert_eq!(fused_multiply_adds(isa, 10), 10 * of_a_round);
    }
}

/// The kernels do not depend on descriptions, so the number stands in both crates.
#[test]
fn norms_add_what_the_description_says() {
    assert_eq!(crate::fold::EPSILON, adder_network::EPSILON);
}
