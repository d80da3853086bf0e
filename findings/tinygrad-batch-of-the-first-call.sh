#!/bin/sh
# tinygrad 0.14.0: an ONNX graph whose batch has a name instead of a size, run with 3 rows and then with 2.
#
# Guess: any number of rows in each call; a new size is compiled once more.
# Seen: the first call fixes the size, and the second is refused. A runner made anew takes 2.
# Instead: a runner for each size, or a last batch that is filled up.
# It needs clang, as tinygrad does on a CPU; without it, it ends with 2.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{ python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" install --quiet tinygrad==0.14.0 onnx==1.23.2; } || exit 2
cat > "$folder/finding.py" <<'EOF'
import sys

import onnx
from onnx import TensorProto, helper
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 2])
node = helper.make_node("Relu", ["x"], ["y"])
opset = [helper.make_opsetid("", 17)]
onnx.save(helper.make_model(helper.make_graph([node], "relu", [x], [y]), opset_imports=opset, ir_version=8), sys.argv[1])


def rows(runner, count):
    try:
        return f"{count} rows: {runner({'x': Tensor.ones(count, 2)})['y'].shape}"
    except RuntimeError:
        return f"{count} rows: refused"


runner = OnnxRunner(sys.argv[1])
print(rows(runner, 3))
print(rows(runner, 2))
print("anew,", rows(OnnxRunner(sys.argv[1]), 2))
EOF
cat > "$folder/recorded" <<'EOF'
3 rows: (3, 2)
2 rows: refused
anew, 2 rows: (2, 2)
EOF
DEV=CPU "$folder/venv/bin/python" "$folder/finding.py" "$folder/relu.onnx" > "$folder/seen" || exit 2
echo "tinygrad 0.14.0"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
