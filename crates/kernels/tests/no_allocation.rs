//! A predictor allocates nothing once it has its buffers. A test of its own, since it brings its own allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_kernels::dense::{DenseSpec, OneHotInput};
use adder_kernels::predict::{OneHot, Predictor, RunningStatistics, TrainedNetwork};
use adder_kernels::trunk::{BlockSpec, Output, TrunkSpec};

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the promises that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the memory came from `alloc` with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn after_the_first_call_nothing_is_allocated() {
    let block = BlockSpec { out_channels: 16, padding: 1, dropout: 0.0, pool: true, mask: 0 };
    let trunk = TrunkSpec {
        in_channels: 1,
        height: 28,
        width: 28,
        blocks: vec![block; 2],
        output: Output::GlobalAverage,
        algorithm: Algorithm::Direct,
    };
    let one_hot = Some(OneHotInput { layer: 1, classes: 10 });
    let dense = DenseSpec { inputs: 16, layers: vec![20, 64], one_hot, heads: vec![10, 19] };
    let (trunk_params, dense_params) = (vec![0.1; trunk.parameters()], vec![0.1; dense.parameters()]);
    let ones = [1.0; 64];
    let statistics = |width: usize| RunningStatistics { mean: &ones[..width], variance: &ones[..width] };
    let network = TrainedNetwork {
        trunk: &trunk,
        trunk_params: &trunk_params,
        trunk_statistics: &[statistics(16); 2],
        dense: &dense,
        dense_params: &dense_params,
        dense_statistics: &[statistics(20), statistics(64)],
        head_bias: None,
    };
    let predictor = Predictor::new(&network, Isa::best()).unwrap();

    // Eight images are one task, on this thread.
    let images = vec![0.5; 8 * 784];
    let (mut first, mut second) = (vec![0.0; 80 * 10], vec![0.0; 80 * 19]);
    let mut predict = || {
        predictor.predict(&images, OneHot::All, &mut [&mut first, &mut second]).unwrap();
        let logits = &mut [&mut first[..10], &mut second[..19]];
        predictor.predict(&images[..784], OneHot::Each(&[3]), logits).unwrap();
    };
    predict();
    let before = ALLOCATIONS.get();
    predict();
    assert_eq!(ALLOCATIONS.get(), before);
}
