use proptest::prelude::*;

use super::*;
use crate::bench::cases::{Case, Operation};

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 64 }, ..ProptestConfig::default() })]

    #[test]
    fn random_sizes_agree_with_the_oracle(rows in 0usize..=70, inputs in 1usize..=70, outputs in 1usize..=70) {
        let case = Case::new(Operation::Linear([rows, inputs, outputs]), 5);
        let expected = case.run(Isa::SCALAR);
        prop_assert_eq!(case.verify(&expected, 1.0), Ok(()));
        for isa in Isa::available() {
            prop_assert!(case.run(isa) == expected, "{} and scalar code differ", isa);
        }
    }
}

#[test]
fn a_nan_reaches_its_row_and_no_other() {
    let linear = Linear::new([20, 18], Isa::best()).unwrap();
    let (mut input, weight) = (vec![1.0; 3 * 20], vec![0.5; 18 * 20]);
    input[25] = f32::NAN;
    let mut output = vec![0.0; 3 * 18];
    linear.forward(&input, &weight, None, &mut output).unwrap();
    for (index, value) in output.iter().enumerate() {
        assert_eq!(value.is_nan(), index / 18 == 1, "{value} at {index}");
    }
}

#[test]
fn sizes_and_slices_that_do_not_fit_are_refused() {
    let refused = |sizes| Linear::new(sizes, Isa::SCALAR).map(drop).unwrap_err();
    assert!(matches!(refused([0, 3]), Error::Dimension { argument: "inputs", .. }));
    assert!(matches!(refused([3, 0]), Error::Dimension { argument: "outputs", .. }));
    assert!(matches!(refused([usize::MAX, 2]), Error::TooLarge { argument: "weight", .. }));

    let linear = Linear::new([2, 3], Isa::SCALAR).unwrap();
    let length = |argument, expected, found| Err(Error::Length { argument, expected, found });
    let mut output = [f32::NAN; 3];
    assert_eq!(linear.forward(&[0.0; 3], &[0.0; 6], None, &mut output), length("input", 4, 3));
    assert_eq!(linear.forward(&[0.0; 2], &[0.0; 5], None, &mut output), length("weight", 6, 5));
    assert_eq!(linear.forward(&[0.0; 2], &[0.0; 6], Some(&[0.0]), &mut output), length("bias", 3, 1));
    assert_eq!(linear.forward(&[0.0; 4], &[0.0; 6], None, &mut output), length("output", 6, 3));
    assert_eq!(linear.input_gradient(&[0.0; 6], &[0.0; 4], &mut [0.0; 2]), length("grad_output", 6, 4));
    let refused = linear.weight_gradient(&[0.0; 2], &[0.0; 3], &mut [0.0; 6], Some(&mut [0.0; 2]));
    assert_eq!(refused, length("grad_bias", 3, 2));
    assert!(output.iter().all(|value| value.is_nan()), "nothing is written where an argument is refused");
}
