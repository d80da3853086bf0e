#!/bin/sh
# candle-core 0.11.1, CPU: upsample_bilinear2d of a view to its own size.
#
# Guess: only its backward pass is missing; values are right for views too.
# Seen: where the target is the size of the input, the storage comes back as it lies: the values of a transposed view come
#   untransposed, and of a narrowed tensor come the first rows, not its own. No error, right shape. Any other target is right.
# Instead: force_contiguous() first; contiguous() is not enough, since it does not copy a narrowed tensor.
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
use candle_core::{Device, Result, Tensor};

fn main() -> Result<()> {
    let image = Tensor::arange(1f32, 5., &Device::Cpu)?.reshape((1, 1, 2, 2))?.transpose(2, 3)?;
    let resized = image.upsample_bilinear2d(2, 2, false)?;
    println!("transposed view {:?}", image.flatten_all()?.to_vec1::<f32>()?);
    println!("resized to 2x2  {:?}", resized.flatten_all()?.to_vec1::<f32>()?);
    let second = Tensor::arange(1f32, 9., &Device::Cpu)?.reshape((2, 1, 2, 2))?.narrow(0, 1, 1)?;
    let resized = second.upsample_bilinear2d(2, 2, false)?;
    println!("second image    {:?}", second.flatten_all()?.to_vec1::<f32>()?);
    println!("resized to 2x2  {:?}", resized.flatten_all()?.to_vec1::<f32>()?);
    Ok(())
}
EOF
cat > "$folder/recorded" <<'EOF'
transposed view [1.0, 3.0, 2.0, 4.0]
resized to 2x2  [1.0, 2.0, 3.0, 4.0]
second image    [5.0, 6.0, 7.0, 8.0]
resized to 2x2  [1.0, 2.0, 3.0, 4.0]
EOF

(cd "$folder" && cargo run --quiet > seen) || exit 2
echo "candle $version"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
