//! Values and gradients of every layer against PyTorch's. `golden/layers.py` made the numbers and says what each is.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use adder_kernels::Isa;
use adder_nn::loss::{CrossEntropy, binary_cross_entropy_with_logit, cross_entropy_with, mse, nll};
use adder_nn::ops::{leaky_relu, log_softmax, relu, softmax};
use adder_nn::{AvgPool2d, BatchNorm, LayerNorm, MaxPool2d, Module, ModuleT};
use candle_core::{DType, Device, Result, Tensor};

use crate::checks::{Memory, assert_close, differentiate};

struct Golden(HashMap<String, Tensor>);

impl Golden {
    fn open() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/layers.safetensors");
        Self(candle_core::safetensors::load(path, &Device::Cpu).unwrap())
    }

    fn get(&self, case: &str, what: &str) -> &Tensor {
        self.0.get(&format!("{case}.{what}")).unwrap_or_else(|| panic!("no golden {what} of {case}"))
    }

    /// The cases whose names begin with `prefix`.
    fn cases(&self, prefix: &str) -> BTreeSet<String> {
        let names = self.0.keys().filter(|name| name.starts_with(prefix));
        let cases: BTreeSet<String> =
            names.map(|name| name.rsplit_once('.').unwrap().0.to_string()).collect();
        assert!(!cases.is_empty(), "no golden case {prefix}");
        cases
    }

    fn pair(&self, case: &str, what: &str) -> (usize, usize) {
        let numbers = self.get(case, what).to_vec1::<i64>().unwrap();
        (numbers[0] as usize, numbers[1] as usize)
    }

    /// Holds `function` of the inputs `names` to the case in every memory layout, for f32 and, within 1e-6, f64.
    fn check(&self, case: &str, names: &[&str], bound: f64, function: impl Fn(&[Tensor]) -> Result<Tensor>) {
        for (dtype, bound) in [(DType::F32, bound), (DType::F64, 1e-6)] {
            let of = |what: &str| self.get(case, what).to_dtype(dtype).unwrap();
            let inputs: Vec<Tensor> = names.iter().map(|name| of(name)).collect();
            let upstream = self.0.contains_key(&format!("{case}.upstream")).then(|| of("upstream"));
            for memory in Memory::ALL {
                let what = format!("{case}, {dtype:?}, {memory:?}");
                let found = differentiate(&inputs, upstream.as_ref(), memory, &function);
                let (output, gradients) = found.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_close(&what, &output, self.get(case, "y"), bound);
                for (name, gradient) in names.iter().zip(gradients) {
                    let expected = self.get(case, &format!("grad_{name}"));
                    assert_close(&format!("{what}, {name}'s gradient"), &gradient, expected, bound);
                }
            }
        }
    }
}

#[test]
fn max_pools() {
    let golden = Golden::open();
    for case in golden.cases("max_pool.") {
        let [kernel, stride, padding] = ["kernel", "stride", "padding"].map(|what| golden.pair(&case, what));
        let pool = MaxPool2d::new(kernel).with_stride(stride).with_padding(padding);
        golden.check(&case, &["x"], 1e-6, |inputs| pool.forward(&inputs[0]));
    }
}

#[test]
fn average_pools() {
    let golden = Golden::open();
    for case in golden.cases("avg_pool.") {
        let [kernel, stride, padding] = ["kernel", "stride", "padding"].map(|what| golden.pair(&case, what));
        let pool = AvgPool2d::new(kernel).with_stride(stride).with_padding(padding);
        golden.check(&case, &["x"], 1e-6, |inputs| pool.forward(&inputs[0]));
    }
}

#[test]
fn activations() {
    let golden = Golden::open();
    golden.check("relu", &["x"], 0.0, |inputs| relu(&inputs[0]));
    golden.check("leaky_relu", &["x"], 0.0, |inputs| leaky_relu(&inputs[0], 0.25));
    for axis in 0..3 {
        golden.check(&format!("softmax.{axis}"), &["x"], 1e-6, |inputs| softmax(&inputs[0], axis));
        golden.check(&format!("log_softmax.{axis}"), &["x"], 1e-6, |inputs| log_softmax(&inputs[0], axis));
    }
}

#[test]
fn batch_norms() {
    let golden = Golden::open();
    for case in golden.cases("batch_norm.") {
        let train = case.contains(".train.");
        let mut names = vec!["x", "weight", "bias"];
        names.extend(case.contains("add_relu").then_some("residual"));
        for isa in Isa::available() {
            golden.check(&case, &names, 2e-6, |inputs| {
                let [x, weight, bias, residual @ ..] = inputs else { unreachable!("three at least") };
                let running = ["running_mean", "running_var"]
                    .map(|what| golden.get(&case, what).copy()?.to_dtype(x.dtype()));
                let [mean, var] = running;
                let channels = x.dim(1)?;
                let norm = BatchNorm::new(channels, mean?, var?, weight.clone(), bias.clone(), 1e-5)?;
                let norm = norm.with_isa(isa);
                let output = match residual {
                    [residual] => norm.forward_add_relu(x, residual, train)?,
                    _ if case.contains(".relu.") => norm.forward_relu(x, train)?,
                    _ => norm.forward_t(x, train)?,
                };
                let moved = [norm.running_mean(), norm.running_var()];
                for (found, what) in moved.into_iter().zip(["mean_after", "var_after"]) {
                    assert_close(&format!("{case}: {what}"), found, golden.get(&case, what), 1e-6);
                }
                Ok(output)
            });
        }
    }
}

#[test]
fn layer_norms() {
    let golden = Golden::open();
    for isa in Isa::available() {
        for case in golden.cases("layer_norm.") {
            golden.check(&case, &["x", "weight", "bias"], 2e-6, |inputs| {
                let [x, weight, bias] = inputs else { unreachable!("three") };
                LayerNorm::new(weight.clone(), bias.clone(), 1e-5).with_isa(isa).forward(x)
            });
        }
        for case in golden.cases("layer_norm_no_bias.") {
            golden.check(&case, &["x", "weight"], 2e-6, |inputs| {
                LayerNorm::new_no_bias(inputs[1].clone(), 1e-5).with_isa(isa).forward(&inputs[0])
            });
        }
        for case in golden.cases("rms_norm.") {
            golden.check(&case, &["x", "weight"], 2e-6, |inputs| {
                LayerNorm::rms_norm(inputs[1].clone(), 1e-5).with_isa(isa).forward(&inputs[0])
            });
        }
    }
}

#[test]
fn cross_entropies() {
    let golden = Golden::open();
    let options = |case: &str| {
        let smoothing = if case.ends_with("_0.1") { 0.1 } else { 0.0 };
        CrossEntropy::default().with_label_smoothing(smoothing)
    };
    for isa in Isa::available() {
        for case in golden.cases("cross_entropy.") {
            for dtype in [DType::I64, DType::U32] {
                let labels = golden.get(&case, "labels").to_dtype(dtype).unwrap();
                golden.check(&case, &["x"], 1e-6, |inputs| {
                    cross_entropy_with(&inputs[0], &labels, options(&case).with_isa(isa))
                });
            }
        }
        for case in golden.cases("cross_entropy_soft.") {
            golden.check(&case, &["x", "targets"], 1e-6, |inputs| {
                cross_entropy_with(&inputs[0], &inputs[1], options(&case).with_isa(isa))
            });
            golden.check(&case, &["x"], 1e-6, |inputs| {
                let targets = golden.get(&case, "targets").to_dtype(inputs[0].dtype())?;
                cross_entropy_with(&inputs[0], &targets, options(&case).with_isa(isa))
            });
        }
    }
}

#[test]
fn other_losses() {
    let golden = Golden::open();
    let labels = golden.get("nll", "labels");
    golden.check("nll", &["x"], 1e-6, |inputs| nll(&inputs[0], labels));
    golden.check("mse", &["input", "target"], 1e-6, |inputs| mse(&inputs[0], &inputs[1]));
    golden.check("bce", &["input", "target"], 1e-6, |inputs| {
        binary_cross_entropy_with_logit(&inputs[0], &inputs[1])
    });
}
