//! A CUDA device: the memory of a plan on candle's stream, and its launches as captured graphs.
//!
//! This module and the kernels are the only ones of the crate that need a GPU. **They have not run on one yet**: the kernels' own
//! arithmetic is tested on the CPU, and this module is type-checked.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use candle_core::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaGraph, CudaSlice, CudaStream, DevicePtr, DeviceRepr, DriverError, LaunchConfig,
    PushKernelArg,
};
use candle_core::cuda_backend::cudarc::nvrtc::Ptx;

use crate::device::Device;
use crate::error::{Error, Result};
use crate::launch::Launch;
use crate::memory::Region;
use crate::plan::Plan;

/// The kernels of each source, by nvcc.
const SOURCES: [(&str, &[&str]); 8] = [
    (include_str!(concat!(env!("OUT_DIR"), "/augment.ptx")), &["augment"]),
    (
        include_str!(concat!(env!("OUT_DIR"), "/conv_forward.ptx")),
        &["conv_forward_1", "conv_forward_2", "conv_forward_4", "fold_norm"],
    ),
    (
        include_str!(concat!(env!("OUT_DIR"), "/conv_backward.ptx")),
        &[
            "input_gradient_1",
            "input_gradient_2",
            "input_gradient_4",
            "output_gradient_sums",
            "weight_gradient",
            "gather_gradients",
        ],
    ),
    (
        include_str!(concat!(env!("OUT_DIR"), "/dense.ptx")),
        &["dense_forward", "dense_predict", "dense_backward", "head_backward", "feature_gradient"],
    ),
    (include_str!(concat!(env!("OUT_DIR"), "/features.ptx")), &["features"]),
    (include_str!(concat!(env!("OUT_DIR"), "/loss.ptx")), &["heads_and_loss"]),
    (include_str!(concat!(env!("OUT_DIR"), "/muon.ptx")), &["muon"]),
    (
        include_str!(concat!(env!("OUT_DIR"), "/update.ptx")),
        &["gradient_norm", "sgd", "adamw", "move_average"],
    ),
];

/// 8-byte words that the largest struct of arguments has, and more.
const ARGUMENT_WORDS: usize = 64;

/// The struct of a kernel's arguments. CUDA copies as much of it as the kernel declares.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Arguments([u64; ARGUMENT_WORDS]);

// SAFETY: plain words without padding, which CUDA reads by their address; every pattern of bits is a value.
unsafe impl DeviceRepr for Arguments {}

/// A plan's memory on a CUDA device.
///
/// It works on candle's stream, so that tensors and launches keep their order. That stream belongs to the thread: so does this value.
pub struct CudaMemory {
    stream: Arc<CudaStream>,
    functions: HashMap<&'static str, CudaFunction>,
    memory: CudaSlice<u32>,
    /// The lists of launches that ran before, captured.
    graphs: Vec<(Vec<Launch>, CudaGraph)>,
}

impl CudaMemory {
    /// Loads the kernels and allocates the plan's memory, all zero.
    ///
    /// # Errors
    /// [`Error::Device`] where the driver refuses.
    pub fn new(device: &CudaDevice, plan: &Plan) -> Result<Self> {
        let stream = device.cuda_stream();
        let mut functions = HashMap::new();
        for (ptx, names) in SOURCES {
            let module =
                stream.context().load_module(Ptx::from_src(ptx)).map_err(driver("load the kernels"))?;
            for &name in names {
                let function = module.load_function(name).map_err(driver(name))?;
                functions.insert(name, function);
            }
        }
        let memory = stream.alloc_zeros(plan.words()).map_err(driver("allocate the plan's memory"))?;
        Ok(Self { stream, functions, memory, graphs: Vec::new() })
    }

    fn launch(&self, launch: &Launch) -> Result<()> {
        let function = self.functions.get(launch.kernel);
        let function = function.ok_or_else(|| Error::Device(format!("no kernel `{}`", launch.kernel)))?;
        let arguments = self.arguments(launch)?;
        let config = LaunchConfig {
            grid_dim: (launch.blocks, 1, 1),
            block_dim: (launch.threads, 1, 1),
            shared_mem_bytes: launch.shared_bytes,
        };
        // SAFETY: the kernel takes one struct, whose members the plan lists in their order; every pointer among them is that of a
        // region of `memory`, which lives as long as the graphs. The tests run the same launches with fences between all regions.
        unsafe { self.stream.launch_builder(function).arg(&arguments).launch(config) }
            .map_err(driver(launch.kernel))?;
        Ok(())
    }

    fn arguments(&self, launch: &Launch) -> Result<Arguments> {
        let encoded = launch.encode();
        let (address, _in_order) = self.memory.device_ptr(&self.stream);
        let (words, _) = encoded.bytes.as_chunks::<8>();
        let mut arguments = Arguments([0; ARGUMENT_WORDS]);
        let room = arguments.0.get_mut(..words.len());
        let room =
            room.ok_or_else(|| Error::Device(format!("too many arguments for `{}`", launch.kernel)))?;
        for (word, bytes) in room.iter_mut().zip(words) {
            *word = u64::from_ne_bytes(*bytes);
        }
        for place in encoded.pointers {
            arguments.0[place / 8] += address;
        }
        Ok(arguments)
    }

    /// The launches as a graph, captured now where they did not run before.
    fn graph(&mut self, launches: &[Launch]) -> Result<&CudaGraph> {
        if let Some(at) = self.graphs.iter().position(|(known, _)| known == launches) {
            return Ok(&self.graphs[at].1);
        }
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        self.stream.begin_capture(mode).map_err(driver("begin a graph"))?;
        let launched = launches.iter().try_for_each(|launch| self.launch(launch));
        // Also after an error, or the stream would stay in its capture.
        let flags = CUgraphInstantiate_flags::CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH;
        let graph = self.stream.end_capture(flags).map_err(driver("end a graph"));
        launched?;
        let graph = graph?.ok_or_else(|| Error::Device("CUDA captured no graph".into()))?;
        self.graphs.push((launches.to_vec(), graph));
        Ok(&self.graphs[self.graphs.len() - 1].1)
    }
}

impl Device for CudaMemory {
    fn write(&mut self, region: Region, words: &[u32]) -> Result<()> {
        let words = &words[..words.len().min(region.len)];
        if words.is_empty() {
            return Ok(());
        }
        let mut part = self.memory.slice_mut(region.start..region.start + words.len());
        self.stream.memcpy_htod(words, &mut part).map_err(driver("write"))
    }

    fn read(&mut self, region: Region) -> Result<Vec<u32>> {
        if region.len == 0 {
            return Ok(Vec::new());
        }
        let part = self.memory.slice(region.start..region.start + region.len);
        self.stream.clone_dtoh(&part).map_err(driver("read"))
    }

    fn run(&mut self, launches: &[Launch]) -> Result<()> {
        self.graph(launches)?.launch().map_err(driver("launch a graph"))
    }
}

impl fmt::Debug for CudaMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CudaMemory").field("words", &self.memory.len()).finish_non_exhaustive()
    }
}

fn driver(what: &str) -> impl Fn(DriverError) -> Error + '_ {
    move |error| Error::Device(format!("CUDA could not {what}: {error}"))
}
