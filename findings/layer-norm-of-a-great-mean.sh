#!/bin/sh
# candle-nn 0.11.1, CPU: LayerNorm of rows whose mean is far above their deviation.
#
# Guess: right in f32, as statistics of f16 and bf16 inputs are taken in f32 too.
# Seen: for contiguous input, the variance is the mean of the squares less the square of the mean, in f32: 10000 to 10003 are
#   scaled 354 times too far, and of seven equal values 4096.1 the variance is negative and all come out as NaN. No error.
#   The same layer is right for a strided view, for which it takes another path.
# Instead: candle_nn::ops::layer_norm_slow, which subtracts the mean first (and has a gradient).
set -eu

version=0.11.1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<EOF
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
candle-core = "=$version"
candle-nn = "=$version"

[profile.dev]
debug = false
EOF
cat > "$folder/src/main.rs" <<'EOF'
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{LayerNorm, Module};

fn main() -> Result<()> {
    for row in [vec![10000f32, 10001., 10002., 10003.], vec![4096.1; 7]] {
        let (weight, bias) = (Tensor::ones(row.len(), DType::F32, &Device::Cpu)?, Tensor::zeros(row.len(), DType::F32, &Device::Cpu)?);
        let x = Tensor::new(row, &Device::Cpu)?.unsqueeze(0)?;
        let strided = Tensor::cat(&[&x, &x], 0)?.t()?.contiguous()?.t()?;
        let norm = LayerNorm::new(weight.clone(), bias.clone(), 1e-5);
        println!("layer   {:.3?}", norm.forward(&x)?.flatten_all()?.to_vec1::<f32>()?);
        println!("strided {:.3?}", norm.forward(&strided)?.get(0)?.to_vec1::<f32>()?);
        let slow = candle_nn::ops::layer_norm_slow(&x, &weight, &bias, 1e-5)?;
        println!("instead {:.3?}", slow.flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(())
}
EOF
cat > "$folder/recorded" <<'EOF'
layer   [-474.342, -158.114, 158.114, 474.342]
strided [-1.342, -0.447, 0.447, 1.342]
instead [-1.342, -0.447, 0.447, 1.342]
layer   [NaN, NaN, NaN, NaN, NaN, NaN, NaN]
strided [0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000]
instead [0.000, 0.000, 0.000, 0.000, 0.000, 0.000, 0.000]
EOF

(cd "$folder" && cargo run --quiet > seen) || exit 2
echo "candle $version"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
