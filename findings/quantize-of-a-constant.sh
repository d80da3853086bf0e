#!/bin/sh
# candle-core 0.11.1, CPU: QTensor::quantize of a block of equal values to Q2K, Q4K and Q5K.
#
# Guess: within the rounding of the type, about 1 % for 8 bits.
# Seen: such blocks come back as zeros, whatever their value. A difference in the last place is enough for the right values.
# Instead: Q3K, Q6K or Q4_0, which give the value back; or leave constant tensors (a norm's weights before
#   training) unquantized.
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

[profile.dev]
debug = false
EOF
cat > "$folder/src/main.rs" <<'EOF'
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Result, Tensor};

fn main() -> Result<()> {
    let ones = Tensor::ones((1, 256), DType::F32, &Device::Cpu)?;
    let nearly = Tensor::from_iter((0..256).map(|i| 1. + (i % 2) as f32 * f32::EPSILON), &Device::Cpu)?.reshape((1, 256))?;
    let first = |x: &Tensor, dtype| -> Result<f32> {
        QTensor::quantize(x, dtype)?.dequantize(&Device::Cpu)?.flatten_all()?.get(0)?.to_scalar()
    };
    for dtype in [GgmlDType::Q2K, GgmlDType::Q3K, GgmlDType::Q4K, GgmlDType::Q5K, GgmlDType::Q6K, GgmlDType::Q4_0] {
        println!("{dtype:?} of ones {:.2}, of nearly ones {:.2}", first(&ones, dtype)?, first(&nearly, dtype)?);
    }
    Ok(())
}
EOF
cat > "$folder/recorded" <<'EOF'
Q2K of ones 0.00, of nearly ones 1.00
Q3K of ones 1.00, of nearly ones 1.00
Q4K of ones 0.00, of nearly ones 1.00
Q5K of ones 0.00, of nearly ones 1.00
Q6K of ones 1.00, of nearly ones 1.00
Q4_0 of ones 1.00, of nearly ones 1.00
EOF

(cd "$folder" && cargo run --quiet > seen) || exit 2
echo "candle $version"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
