//! Convolutions and linear layers against PyTorch's values and gradients, in projections that `golden/weighted.py` made and explains.

use std::path::Path;

use adder_kernels::Isa;
use adder_nn::{Conv2d, Conv2dConfig, Linear, Module};
use candle_core::{DType, Device, Result, Tensor};

use crate::checks::{Memory, assert_close, differentiate, flat};

const CLASSES: usize = 24;

/// Rows of sizes, and what is expected of each.
struct Cases(Vec<(Vec<i64>, Tensor)>);

impl Cases {
    fn open(name: &str, what: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/weighted.safetensors");
        let mut tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
        let mut take = |what: &str| tensors.remove(&format!("{name}.{what}")).unwrap();
        let (sizes, expected) = (take("sizes").to_vec2::<i64>().unwrap(), take(what));
        let rows = sizes.into_iter().enumerate().map(|(row, sizes)| (sizes, expected.get(row).unwrap()));
        Self(rows.collect())
    }
}

/// The `numbers` of `golden/weighted.py`.
fn formula(seed: u32, shape: &[usize]) -> Tensor {
    let value = |index: u32| {
        let mut mixed = index.wrapping_mul(2_654_435_761).wrapping_add(seed * 40_503 + 12_345);
        mixed ^= mixed >> 15;
        mixed = mixed.wrapping_mul(2_246_822_519);
        (mixed >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product::<usize>() as u32).map(value).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

/// `of` the index and value of each element, added up in classes of their positions.
fn classes(values: &Tensor, of: impl Fn(usize, f64) -> f64) -> [f64; CLASSES] {
    let mut sums = [0.0; CLASSES];
    for (index, value) in flat(values).into_iter().enumerate() {
        sums[index % CLASSES] += of(index, value);
    }
    sums
}

fn projections(values: &Tensor) -> [f64; CLASSES] {
    classes(values, |index, value| value * (1.0 + (index * 7 % 16) as f64 / 16.0))
}

type Forward = Box<dyn Fn(&[Tensor], Engine) -> Result<Tensor>>;

/// A layer of its input, weight and perhaps bias, by the sizes of a case.
struct Layer {
    shapes: Vec<Vec<usize>>,
    has_no_kernels: bool,
    forward: Forward,
}

#[derive(Clone, Copy, Debug)]
enum Engine {
    Kernels(Isa),
    Candle,
}

impl Layer {
    fn conv(sizes: &[i64]) -> Self {
        let sizes: Vec<usize> = sizes[..12].iter().map(|&size| size as usize).collect();
        let [batch, inputs, outputs, rows, columns, height, width, stride, padding, dilation, groups, bias] =
            sizes[..]
        else {
            unreachable!("twelve sizes")
        };
        let mut shapes =
            vec![vec![batch, inputs, height, width], vec![outputs, inputs / groups, rows, columns]];
        shapes.extend((bias == 1).then(|| vec![outputs]));
        let config = Conv2dConfig { stride, padding, dilation, groups, ..Default::default() };
        let forward = move |inputs: &[Tensor], engine| {
            let conv = Conv2d::new(inputs[1].clone(), inputs.get(2).cloned(), config);
            match engine {
                Engine::Kernels(isa) => conv.with_isa(isa),
                Engine::Candle => conv.without_kernels(),
            }
            .forward(&inputs[0])
        };
        let has_no_kernels = stride > 2 || dilation > 1 || groups > 1 || rows != columns;
        Self { shapes, has_no_kernels, forward: Box::new(forward) }
    }

    fn linear(sizes: &[i64]) -> Self {
        let sizes: Vec<usize> = sizes[..6].iter().filter_map(|&size| size.try_into().ok()).collect();
        let [ref leading @ .., inputs, outputs, bias] = sizes[..] else {
            unreachable!("three sizes at least")
        };
        let mut shapes = vec![[leading, &[inputs]].concat(), vec![outputs, inputs]];
        shapes.extend((bias == 1).then(|| vec![outputs]));
        let forward = |inputs: &[Tensor], engine| {
            let linear = Linear::new(inputs[1].clone(), inputs.get(2).cloned());
            match engine {
                Engine::Kernels(isa) => linear.with_isa(isa),
                Engine::Candle => linear.without_kernels(),
            }
            .forward(&inputs[0])
        };
        Self { shapes, has_no_kernels: false, forward: Box::new(forward) }
    }

    /// Whether candle computes this layer on this engine.
    fn falls_back(&self, engine: Engine) -> bool {
        self.has_no_kernels || matches!(engine, Engine::Candle)
    }

    fn inputs(&self) -> Vec<Tensor> {
        (1..).zip(&self.shapes).map(|(seed, shape)| formula(seed, shape)).collect()
    }

    /// Output and gradients, each in classes as `summarize` has them, zeros for a bias that there is not.
    fn run(
        &self,
        inputs: &[Tensor],
        change_upstream: impl Fn(Tensor) -> Tensor,
        engine: Engine,
        memory: Memory,
        summarize: impl Fn(&Tensor) -> [f64; CLASSES],
    ) -> Result<Tensor> {
        let dtype = inputs[0].dtype();
        let dims = (self.forward)(inputs, engine)?.dims().to_vec();
        let upstream = change_upstream(formula(9, &dims)).to_dtype(dtype)?;
        let function = |inputs: &[Tensor]| (self.forward)(inputs, engine);
        let (output, gradients) = differentiate(inputs, Some(&upstream), memory, function)?;
        let mut found: Vec<f64> = [&output].into_iter().chain(&gradients).flat_map(summarize).collect();
        found.resize(4 * CLASSES, 0.0);
        Tensor::from_vec(found, 4 * CLASSES, &Device::Cpu)
    }
}

/// The kernels on the best instruction set, in every memory layout and, where all layouts are right, on the others; candle's
/// operations in both widths.
fn check(name: &str, layer: impl Fn(&[i64]) -> Layer) {
    for (sizes, expected) in Cases::open(name, "projections").0 {
        let layer = layer(&sizes);
        let inputs = layer.inputs();
        let wide: Vec<Tensor> = inputs.iter().map(|input| input.to_dtype(DType::F64).unwrap()).collect();
        let mut ways: Vec<(&[Tensor], Engine, Memory, f64)> = Memory::ALL
            .iter()
            .map(|&memory| (&inputs[..], Engine::Kernels(Isa::best()), memory, 2e-6))
            .collect();
        let others = Isa::available().into_iter().filter(|&isa| isa != Isa::best());
        ways.extend(others.map(|isa| (&inputs[..], Engine::Kernels(isa), Memory::Contiguous, 2e-6)));
        ways.push((&inputs, Engine::Candle, Memory::Contiguous, 2e-6));
        ways.extend(Memory::ALL.iter().map(|&memory| (&wide[..], Engine::Candle, memory, 1e-7)));
        // candle's operations on an empty tensor are not in its graph.
        let is_empty = inputs[0].elem_count() == 0;
        ways.retain(|(_, engine, ..)| !(is_empty && layer.falls_back(*engine)));
        for (inputs, engine, memory, bound) in ways {
            let what = format!("{name} {sizes:?}, {:?}, {engine:?}, {memory:?}", inputs[0].dtype());
            let found = layer.run(inputs, |upstream| upstream, engine, memory, projections);
            assert_close(&what, &found.unwrap_or_else(|error| panic!("{what}: {error}")), &expected, bound);
        }
    }
}

#[test]
fn convolutions_are_those_of_pytorch() {
    check("conv", Layer::conv);
}

#[test]
fn linear_layers_are_those_of_pytorch() {
    check("linear", Layer::linear);
}

/// A NaN in input, weight or upstream gradient reaches the values and gradients that it reaches in PyTorch, and no others.
fn check_nans(name: &str, layer: impl Fn(&[i64]) -> Layer) {
    for (sizes, expected) in Cases::open(name, "counts").0 {
        let [.., position, of] = sizes[..] else { unreachable!("a position and a tensor") };
        let poison = |tensor: &Tensor| {
            let mut values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            values[position as usize] = f32::NAN;
            Tensor::from_vec(values, tensor.shape(), &Device::Cpu).unwrap()
        };
        let layer = layer(&sizes);
        let mut inputs = layer.inputs();
        if of < 2 {
            inputs[of as usize] = poison(&inputs[of as usize]);
        }
        let upstream = |upstream: Tensor| if of == 2 { poison(&upstream) } else { upstream };
        let count = |values: &Tensor| classes(values, |_, value| f64::from(u8::from(value.is_nan())));
        for isa in Isa::available() {
            let found =
                layer.run(&inputs, upstream, Engine::Kernels(isa), Memory::Contiguous, count).unwrap();
            let mut expected = expected.clone();
            if of == 1 {
                // A weight is multiplied by the zeros around the gradient too: near the border its NaN goes further.
                let (found, right) = (flat(&found), flat(&expected));
                let at_input = CLASSES..2 * CLASSES;
                assert!(
                    at_input.clone().all(|class| found[class] >= right[class]),
                    "{name} {sizes:?}, {isa}"
                );
                let replaced = right.iter().enumerate();
                let replaced = replaced
                    .map(|(class, &right)| if at_input.contains(&class) { found[class] } else { right });
                expected = Tensor::from_iter(replaced, &Device::Cpu).unwrap();
            }
            assert_close(&format!("{name} {sizes:?}, {isa}"), &found, &expected, 0.0);
        }
    }
}

#[test]
fn nans_reach_what_they_reach_in_pytorch() {
    check_nans("nan.conv", Layer::conv);
    check_nans("nan.linear", Layer::linear);
}
