#!/bin/sh
# candle-nn 0.11.1, CPU: attention::flash_attn, causal, of one query, with a soft cap.
#
# Guess: within 1e-4 of a naive attention; only offsets of the causal mask were suspected (rightly: docs/candle.md).
# Seen: asked for a soft cap and no ALiBi bias, it adds a bias of slope one: keys lose one for each step back. So a decoder
#   with a soft cap reads a prompt without the bias and generates with it. No error, right shape.
# Instead: AttnMask::None, which is the same for one query that sees all keys, and right.
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
use candle_core::{Device, Result, Tensor};
use candle_nn::attention::{flash_attn, AttnMask};

fn main() -> Result<()> {
    // Equal keys, so that the result is the mean of the values 0, 1 and 2.
    let q = Tensor::ones((1, 1, 1, 8), candle_core::DType::F32, &Device::Cpu)?;
    let k = Tensor::cat(&[&q, &q, &q], 1)?;
    let v = Tensor::new(&[0f32, 1., 2.], &Device::Cpu)?.reshape((1, 3, 1, 1))?.broadcast_as((1, 3, 1, 8))?.contiguous()?;
    for (name, mask) in [("causal", AttnMask::causal_with_offset(2)), ("none", AttnMask::None)] {
        for cap in [None, Some(1.)] {
            let y = flash_attn::<f32>(&q, &k, &v, 1., mask.clone(), None, cap)?;
            println!("mask {name}, cap {cap:?}: {:.3}", y.flatten_all()?.get(0)?.to_scalar::<f32>()?);
        }
    }
    Ok(())
}
EOF
cat > "$folder/recorded" <<'EOF'
mask causal, cap None: 1.000
mask causal, cap Some(1.0): 1.575
mask none, cap None: 1.000
mask none, cap Some(1.0): 1.000
EOF

(cd "$folder" && cargo run --quiet > seen) || exit 2
echo "candle $version"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
