#!/bin/sh
# candle-core 0.11.1, CPU: Tensor::gather with fewer indices than rows on an axis before the gathered one.
#
# Guess: right, as its documentation allows indexes.dims()[d] <= self.dims()[d] for the other axes; repeated and strided
#   indices were suspected and are right.
# Seen: with three axes, the rows of the second item are read one too early: rows are counted by the shape of the indices,
#   not of the tensor. No error, right shape. In the backward pass, such a shape is an error.
# Instead: narrow the tensor to the rows of the indices, and contiguous().
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
use candle_core::{DType, Device, Result, Tensor};

fn main() -> Result<()> {
    // Row r of item i is 10 * i + r and more; of each item, the first value of the first two of three rows.
    let x = Tensor::new(&[[[0f32, 0.5], [1., 1.5], [2., 2.5]], [[10., 10.5], [11., 11.5], [12., 12.5]]], &Device::Cpu)?;
    let first = Tensor::zeros((2, 2, 1), DType::U32, &Device::Cpu)?;
    let instead = x.narrow(1, 0, 2)?.contiguous()?.gather(&first, 2)?;
    println!("gather  {:?}", x.gather(&first, 2)?.flatten_all()?.to_vec1::<f32>()?);
    println!("instead {:?}", instead.flatten_all()?.to_vec1::<f32>()?);
    Ok(())
}
EOF
cat > "$folder/recorded" <<'EOF'
gather  [0.0, 1.0, 2.0, 10.0]
instead [0.0, 1.0, 10.0, 11.0]
EOF

(cd "$folder" && cargo run --quiet > seen) || exit 2
echo "candle $version"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
