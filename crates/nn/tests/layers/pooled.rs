//! A convolution with its pool in one pass against the two layers.

use adder_kernels::Isa;
use adder_nn::ops::max_pool2d;
use adder_nn::{Conv2d, Conv2dConfig, Module};
use adder_random::{Purpose, Stream};
use candle_core::{Device, Result, Tensor, Var};

/// The pooled convolution in one pass is the two layers one after the other, to the bit.
#[test]
fn a_convolution_with_its_pool_is_the_two_layers() -> Result<()> {
    let shapes =
        [(2, 1, 9, 7, 5, 1, 0), (9, 3, 12, 12, 3, 1, 1), (3, 17, 8, 11, 3, 2, 2), (1, 32, 12, 12, 5, 1, 0)];
    for (index, (batch, channels, height, width, kernel, stride, padding)) in shapes.into_iter().enumerate() {
        let tensor = |shape: &[usize], place: u64| -> Result<Var> {
            let mut stream = Stream::new(place, Purpose::Test, 3, index as u64);
            let count = shape.iter().product();
            // Few levels, so that windows tie.
            let values: Vec<f32> = (0..count).map(|_| stream.below(5) as f32 - 2.0).collect();
            Var::from_tensor(&Tensor::from_vec(values, shape, &Device::Cpu)?)
        };
        let (x, weight) =
            (tensor(&[batch, channels, height, width], 0)?, tensor(&[10, channels, kernel, kernel], 1)?);
        let bias = tensor(&[10], 2)?;
        for (isa, has_bias) in Isa::available().into_iter().flat_map(|isa| [(isa, true), (isa, false)]) {
            let config = Conv2dConfig { stride, padding, ..Default::default() };
            let of_layer = has_bias.then(|| bias.as_tensor().clone());
            let conv = Conv2d::new(weight.as_tensor().clone(), of_layer, config).with_isa(isa);
            let bits = |y: Tensor| -> Result<Vec<Vec<u32>>> {
                let upstream = tensor(y.dims(), 4)?;
                let grads = (&y * upstream.as_tensor())?.sum_all()?.backward()?;
                let vars = [Some(&x), Some(&weight), has_bias.then_some(&bias)].into_iter().flatten();
                let found = vars.map(|var| grads.get(var).unwrap().clone()).chain([y]);
                let bits = found.map(|tensor| -> Result<_> {
                    Ok(tensor
                        .flatten_all()?
                        .to_vec1::<f32>()?
                        .into_iter()
                        .map(|value| (value + 0.0).to_bits())
                        .collect())
                });
                bits.collect()
            };
            let (one, two) = (bits(conv.forward_max_pool2d(&x)?)?, bits(max_pool2d(&conv.forward(&x)?, 2)?)?);
            assert!(one == two, "{isa}: {:?} with a bias: {has_bias}", shapes[index]);
        }
        let refused = Conv2d::new(weight.as_tensor().clone(), None, Conv2dConfig::default());
        let small = x.narrow(2, 0, kernel)?;
        assert!(refused.forward_max_pool2d(&small).unwrap_err().to_string().contains("pool"));
    }
    Ok(())
}
