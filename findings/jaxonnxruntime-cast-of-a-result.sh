#!/bin/sh
# jaxonnxruntime 0.3.0: a Cast of what another node computed.
#
# Guess: read, as Cast is among its operators and `to` is an attribute; suspected were versions of operators it does not list.
# Seen: refused by the configuration as it comes: it takes the tensor to cast for a static argument, which must be an initializer or an input.
#   With jaxort_only_allow_initializers_as_static_args off, the same graph is read and right.
# Instead: that switch.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
{ python3 -m venv "$folder/venv" && "$folder/venv/bin/pip" install --quiet jaxonnxruntime==0.3.0 jax==0.10.2 onnx==1.23.2 absl-py==2.3.1; } || exit 2
cat > "$folder/finding.py" <<'EOF'
import numpy as np
from jaxonnxruntime import config
from jaxonnxruntime.call_onnx import call_onnx_model
from onnx import TensorProto, helper

nodes = [helper.make_node("Equal", ["x", "x"], ["same"]), helper.make_node("Cast", ["same"], ["y"], to=TensorProto.FLOAT)]
x = helper.make_tensor_value_info("x", TensorProto.INT64, [2])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
opset = [helper.make_opsetid("", 17)]
model = helper.make_model(helper.make_graph(nodes, "cast", [x], [y]), opset_imports=opset, ir_version=8)
inputs = {"x": np.array([3, 4])}
for only in (True, False):
    config.update("jaxort_only_allow_initializers_as_static_args", only)
    try:
        function, parameters = call_onnx_model(model, inputs)
        print(f"only initializers {only}: {np.asarray(function(parameters, inputs)[0]).tolist()}")
    except ValueError:
        print(f"only initializers {only}: refused")
EOF
cat > "$folder/recorded" <<'EOF'
only initializers True: refused
only initializers False: [1.0, 1.0]
EOF
"$folder/venv/bin/python" "$folder/finding.py" > "$folder/seen" || exit 2
echo "jaxonnxruntime 0.3.0"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
