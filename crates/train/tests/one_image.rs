//! The network's own scale of bytes is that of the data sets.

use adder_data::{PIXELS, normalize};
use adder_model::{Addends, Error, IdentityAdder, ModelConfig, Predictor};
use candle_core::Device;

#[test]
fn bytes_are_normalised_as_those_of_data_sets() {
    let model = IdentityAdder::new(&ModelConfig::default(), 9, &Device::Cpu).unwrap();
    let predictor = Predictor::new(&model).unwrap();
    // Every value of a byte, three times.
    let image: [u8; PIXELS] = std::array::from_fn(|at| (at * 3 % 256) as u8);
    let normalized = image.map(|byte| normalize(f32::from(byte)));
    for addend in 0..10 {
        let batch = predictor.predict_batch(&normalized, Addends::Each(&[addend])).unwrap();
        let answer = batch.predictions().next().unwrap();
        assert_eq!(predictor.predict(&image, addend).unwrap(), answer);
    }
}

#[test]
fn what_is_no_image_or_no_digit_is_refused() {
    let model = IdentityAdder::new(&ModelConfig::default(), 9, &Device::Cpu).unwrap();
    let predictor = Predictor::new(&model).unwrap();
    let few = predictor.predict(&[0; 783], 1);
    assert!(matches!(few, Err(Error::Argument { what: "image", .. })), "{few:?}");
    assert!(predictor.predict(&[0; PIXELS], 10).is_err());
}
