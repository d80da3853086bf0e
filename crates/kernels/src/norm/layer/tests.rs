use super::*;

#[test]
fn rows_of_nothing_have_no_gradient() {
    let norm = LayerNorm { width: 3, gamma: &[1.0; 3], beta: None, epsilon: 1e-5, remove_mean: true };
    let (mut gamma, mut beta) = ([7.0; 3], [7.0; 3]);
    norm.forward(Isa::best(), &[], &mut []).unwrap();
    let grads = LayerNormGradients { x: &mut [], gamma: &mut gamma, beta: &mut beta };
    norm.backward(Isa::best(), &[], &[], grads).unwrap();
    assert_eq!([gamma, beta], [[0.0; 3]; 2]);
}

#[test]
fn what_does_not_fit_is_named() {
    let norm =
        LayerNorm { width: 3, gamma: &[1.0; 3], beta: Some(&[0.0; 2]), epsilon: 1e-5, remove_mean: true };
    let isa = Isa::best();
    let wrong = |argument, expected, found| Err(Error::Length { argument, expected, found });
    assert_eq!(norm.forward(isa, &[0.0; 6], &mut [0.0; 6]), wrong("beta", 3, 2));
    let norm = LayerNorm { beta: None, ..norm };
    assert_eq!(norm.forward(isa, &[0.0; 7], &mut [0.0; 7]), wrong("x", 6, 7));
    assert_eq!(norm.forward(isa, &[0.0; 6], &mut [0.0; 5]), wrong("output", 6, 5));
    let none = LayerNorm { width: 0, gamma: &[], ..norm };
    assert!(matches!(none.forward(isa, &[], &mut []), Err(Error::Dimension { argument: "width", .. })));
}

#[test]
fn a_row_far_from_zero_keeps_its_digits() {
    let x: Vec<f32> = (0..40).map(|at| 1e6 + (at % 4) as f32).collect();
    let norm = LayerNorm { width: 40, gamma: &[1.0; 40], beta: None, epsilon: 0.0, remove_mean: true };
    let mut output = [0.0; 40];
    norm.forward(Isa::best(), &x, &mut output).unwrap();
    let deviation = 1.25f32.sqrt();
    for (at, output) in output.iter().enumerate() {
        let expected = ((at % 4) as f32 - 1.5) / deviation;
        assert!((output - expected).abs() < 1e-6, "{output} is not {expected}");
    }
}
