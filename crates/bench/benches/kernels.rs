//! The convolution kernels alone: one image, one thread, each instruction set of this machine, as a share of its peak. Then every
//! case of the kernels' list of cases on all threads, on the instruction set that `ADDER_ISA` names or the best.
#![expect(clippy::print_stdout, reason = "its lines are its result")]

use adder_bench::convolution::{Operands, Pass, name, network, wide};
use adder_bench::measure::{Unit, criterion, peak};
use adder_bench::verify::assert_close;
use adder_kernels::Isa;
use adder_kernels::bench::PreparedConvolution;
use adder_kernels::bench::cases::cases;
use adder_kernels::conv::ConvShape;
use criterion::Throughput;

fn main() {
    convolutions();
    operations();
}

/// A step of every operation, forward and backward.
fn operations() {
    let isa = Isa::from_environment().expect("an instruction set of this machine");
    let mut criterion = criterion(Unit::Images);
    let mut group = criterion.benchmark_group(format!("operation {isa}"));
    for case in cases() {
        if let Err(difference) = case.verify(&case.run(isa), 1.0) {
            panic!("{difference}");
        }
        let (mut step, mut results) = (case.step(isa), case.results());
        group.bench_function(case.name(), |bencher| bencher.iter(|| step(&mut results)));
    }
    group.finish();
    criterion.final_summary();
}

fn convolutions() {
    for isa in Isa::available().into_iter().rev() {
        let peak = peak(isa);
        println!("{isa}: the peak of one core is {:.1} GFLOP/s", peak / 1e9);
        // Without vectors only the network's own shapes are worth the time.
        let wide = if isa == Isa::SCALAR { Vec::new() } else { wide() };
        let shapes: Vec<ConvShape> = network().into_iter().chain(wide).collect();
        let mut criterion = criterion(Unit::FlopsOfPeak(peak));
        for pass in Pass::ALL {
            let mut group = criterion.benchmark_group(format!("kernel {pass} {isa}"));
            for &shape in &shapes {
                let mut kernel = verified(isa, shape);
                group.throughput(Throughput::Elements(shape.flops() as u64));
                group.bench_function(name(&shape), |bencher| bencher.iter(|| run(&mut kernel, pass)));
            }
        }
        criterion.final_summary();
    }
}

fn verified(isa: Isa, shape: ConvShape) -> PreparedConvolution {
    let operands = Operands::new(shape, 1);
    let Operands { input, weight, grad_output, .. } = &operands;
    let mut kernel =
        PreparedConvolution::new(isa, shape, input, weight, grad_output).expect("operands that fit");
    for pass in Pass::ALL {
        run(&mut kernel, pass);
    }
    for (pass, found) in Pass::ALL.into_iter().zip(kernel.results()) {
        assert_close(&format!("{pass} {}", name(&shape)), &found, &operands.result(pass), 1e-5);
    }
    kernel
}

fn run(kernel: &mut PreparedConvolution, pass: Pass) {
    match pass {
        Pass::Forward => kernel.run_forward(),
        Pass::InputGradient => kernel.run_input_gradient(),
        Pass::WeightGradient => kernel.run_weight_gradient(),
    }
}
