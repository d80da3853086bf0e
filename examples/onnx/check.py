"""Compares an ONNX export with our own logits on the 10,000 evaluation images, in ONNX Runtime.

    adder export runs/RUN --format onnx --out adder.onnx
    cargo run -p adder-export --example logits -- runs/RUN/last/model.safetensors logits.safetensors
    pip install numpy onnx onnxruntime safetensors
    python examples/onnx/check.py adder.onnx logits.safetensors
"""

import sys

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def main(model_path, logits_path):
    onnx.checker.check_model(onnx.load(model_path), full_check=True)
    ours = load_file(logits_path)
    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    images = ours["images"][:, None]
    addends = ours["addends"].astype(np.int64)
    takes_bytes = session.get_inputs()[0].type == "tensor(uint8)"
    if not takes_bytes:
        images = ((images.astype(np.float32) / 255 - 0.1307) / 0.3081).astype(np.float32)
    failed = False
    # The batch is dynamic: all at once, then one image alone.
    for count in (len(images), 1):
        outputs = session.run(None, {"image": images[:count], "addend": addends[:count]})
        for head, theirs in zip(("digit", "sum"), outputs):
            expected = ours[f"{head}_logits"][:count]
            expected = softmax(expected) if takes_bytes else expected
            apart = np.abs(expected - theirs).max()
            same = int((expected.argmax(1) == theirs.argmax(1)).sum())
            print(f"{head}: {same} of {count} predictions the same, at most {apart:.1e} apart")
            failed |= same != count or apart > 1e-4
    print("metadata:", session.get_modelmeta().custom_metadata_map)
    sys.exit(int(failed))


if __name__ == "__main__":
    main(*sys.argv[1:])
