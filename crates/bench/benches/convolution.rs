//! Whole convolutions of a batch of 128 on all threads, from and to NCHW: candle's own operations on every device that
//! answers, and ours on the CPU.

use adder_bench::convolution::{Operands, Pass, name, network};
use adder_bench::device;
use adder_bench::measure::{Unit, criterion};
use adder_bench::verify::assert_close;
use adder_kernels::Isa;
use adder_kernels::conv::Conv2d;
use candle_core::{Device, Result, Tensor};
use criterion::{BenchmarkId, SamplingMode, Throughput};

const BATCH: usize = 128;

fn main() {
    let mut criterion = criterion(Unit::Flops);
    let devices = device::available();
    for pass in Pass::ALL {
        let mut group = criterion.benchmark_group(format!("convolution {pass}, batch {BATCH}"));
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        for shape in network() {
            let operands = Operands::new(shape, BATCH);
            let expected = operands.result(pass);
            group.throughput(Throughput::Elements((BATCH * shape.flops()) as u64));

            for (device_name, device) in &devices {
                let candle = Candle::new(&operands, device).expect("tensors on a device that answered");
                let run = || candle.run(pass).expect("operands that fit");
                let found = run().flatten_all().and_then(|found| found.to_vec1::<f32>()).expect("f32 values");
                // On the CPU it adds up a hundred thousand products in one chain of f32.
                assert_close("candle", &found, &expected, 1e-3);
                let id = BenchmarkId::new(format!("candle {device_name}"), name(&shape));
                group.bench_function(id, |bencher| bencher.iter(run));
            }

            let isa = Isa::best();
            let mut found = vec![0.0; expected.len()];
            let conv = Conv2d::new(shape, isa).expect("a shape of a network");
            ours(&conv, &operands, pass, &mut found);
            assert_close("adder", &found, &expected, 1e-4);
            let id = BenchmarkId::new(format!("adder {isa}"), name(&shape));
            group.bench_function(id, |bencher| bencher.iter(|| ours(&conv, &operands, pass, &mut found)));
        }
    }
    criterion.final_summary();
}

/// A convolution's operands on a device.
struct Candle {
    padding: usize,
    input: Tensor,
    weight: Tensor,
    grad_output: Tensor,
}

impl Candle {
    fn new(operands: &Operands, device: &Device) -> Result<Self> {
        let shape = &operands.shape;
        let [height, width] = shape.output_size();
        let input = (BATCH, shape.in_channels, shape.height, shape.width);
        let weight = (shape.out_channels, shape.in_channels, shape.kernel, shape.kernel);
        let grad_output = (BATCH, shape.out_channels, height, width);
        Ok(Self {
            padding: shape.padding,
            input: Tensor::from_slice(&operands.input, input, device)?,
            weight: Tensor::from_slice(&operands.weight, weight, device)?,
            grad_output: Tensor::from_slice(&operands.grad_output, grad_output, device)?,
        })
    }

    /// The calls that candle's own backward pass makes, to the end of their work on the device.
    fn run(&self, pass: Pass) -> Result<Tensor> {
        let Self { padding, input, weight, grad_output } = self;
        let result = match pass {
            Pass::Forward => input.conv2d(weight, *padding, 1, 1, 1)?,
            Pass::InputGradient => grad_output.conv_transpose2d(weight, *padding, 0, 1, 1)?,
            Pass::WeightGradient => {
                let (input, kernel) = (input.transpose(0, 1)?, grad_output.transpose(0, 1)?);
                input.conv2d(&kernel, *padding, 1, 1, 1)?.transpose(0, 1)?
            }
        };
        result.device().synchronize()?;
        Ok(result)
    }
}

fn ours(conv: &Conv2d, operands: &Operands, pass: Pass, result: &mut [f32]) {
    let Operands { input, weight, grad_output, .. } = operands;
    match pass {
        Pass::Forward => conv.pack(weight).and_then(|weight| conv.forward(input, &weight, None, result)),
        Pass::InputGradient => conv.input_gradient(weight, grad_output, result),
        Pass::WeightGradient => conv.weight_gradient(input, grad_output, result, None),
    }
    .expect("operands that fit");
}
