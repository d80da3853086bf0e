#!/bin/sh
# ncnn 1.0.20261020 on an x86 processor with avx512_fp16: a layer whose weights are stored as f32.
#
# Guess: computed in f32, within 1e-5 of numpy, as the file holds f32 (pnnx with fp16=0); half precision only where weights are stored so.
# Seen: computed in half precision, unasked: 2e-3 of the largest value apart.
# Instead: opt.use_fp16_packed, opt.use_fp16_storage and opt.use_fp16_arithmetic off before the parameters are loaded: 1e-6.
# On a processor without avx512_fp16 it tells nothing and ends with 2.
set -eu

grep -q avx512_fp16 /proc/cpuinfo || { echo "no avx512_fp16 here"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{ python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" install --quiet ncnn==1.0.20261020 numpy==2.4.6; } || exit 2
cat > "$folder/finding.py" <<'EOF'
import sys

import ncnn
import numpy as np

generator = np.random.default_rng(1)
weights = generator.standard_normal((8, 320), np.float32)
x = generator.standard_normal(320, np.float32)
with open(sys.argv[1] + ".param", "w") as file:
    file.write("7767517\n2 2\nInput in0 0 1 in0\nInnerProduct linear 1 1 in0 out0 0=8 1=0 2=2560\n")
with open(sys.argv[1] + ".bin", "wb") as file:
    file.write(bytes(4) + weights.tobytes())
expected = weights @ x
for half in (True, False):
    network = ncnn.Net()
    if not half:
        for part in ("packed", "storage", "arithmetic"):
            setattr(network.opt, f"use_fp16_{part}", False)
    network.load_param(sys.argv[1] + ".param")
    network.load_model(sys.argv[1] + ".bin")
    with network.create_extractor() as extractor:
        extractor.input("in0", ncnn.Mat(x).clone())
        found = np.array(extractor.extract("out0")[1])
    apart = np.abs(found - expected).max() / np.abs(expected).max()
    print(f"{'as it comes' if half else 'fp16 off'}: {'within' if apart < 1e-5 else 'beyond'} 1e-5")
EOF
cat > "$folder/recorded" <<'EOF'
as it comes: beyond 1e-5
fp16 off: within 1e-5
EOF
"$folder/venv/bin/python" "$folder/finding.py" "$folder/net" > "$folder/seen" || exit 2
echo "ncnn 1.0.20261020"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
