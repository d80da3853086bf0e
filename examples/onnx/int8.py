"""Quantizes an exported file to 8-bit integers with ONNX Runtime's tools, and prints what that does to accuracy and speed.

    adder export --format onnx --out adder.onnx
    pip install numpy onnx onnxruntime
    python examples/onnx/int8.py adder.onnx crates/data/assets/mnist

The ranges of values are taken from 512 training images; accuracy is that on the 10,000 evaluation images, image `i` with the addend
`i % 10`. Times are medians in one thread, the two files in turns.
"""

import gzip
import os
import sys
import tempfile
import time

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

CALIBRATION = 512


def read(folder, name):
    """The bytes of an IDX file: images [n, 28, 28] or labels [n]."""
    with gzip.open(os.path.join(folder, name + "-ubyte.gz")) as file:
        head = file.read(4)
        sizes = [int.from_bytes(file.read(4), "big") for _ in range(head[3])]
        return np.frombuffer(file.read(), np.uint8).reshape(sizes)


def inputs(images):
    """The images with the addends 0 to 9 in turns, as the file takes them."""
    pixels = (images[:, None].astype(np.float32) / np.float32(255) - np.float32(0.1307)) / np.float32(0.3081)
    return {"image": pixels, "addend": np.arange(len(images)) % 10}


class Calibration(CalibrationDataReader):
    def __init__(self, images):
        feeds = inputs(images)
        self.feeds = ({name: values[at : at + 1] for name, values in feeds.items()} for at in range(len(images)))

    def get_next(self):
        return next(self.feeds, None)


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def accuracies(session, images, labels):
    """Percent of right digits, right sums, and images with both right."""
    feeds = inputs(images)
    digits, sums = (logits.argmax(1) for logits in session.run(["digit_logits", "sum_logits"], feeds))
    right = [digits == labels, sums == labels + feeds["addend"]]
    return [100 * part.mean() for part in (*right, right[0] & right[1])]


def times(sessions, images, repetitions):
    """The median of each in microseconds."""
    feeds = inputs(images)
    taken = [[] for _ in sessions]
    for _ in range(repetitions):
        for session, found in zip(sessions, taken):
            start = time.perf_counter()
            session.run(None, feeds)
            found.append(time.perf_counter() - start)
    return [1e6 * np.median(found) for found in taken]


def main(path, mnist):
    images, labels = read(mnist, "t10k-images-idx3"), read(mnist, "t10k-labels-idx1")
    train = read(mnist, "train-images-idx3")[:CALIBRATION]
    with tempfile.TemporaryDirectory() as folder:
        prepared, quantized = (os.path.join(folder, name) for name in ("prepared.onnx", "int8.onnx"))
        quant_pre_process(path, prepared, skip_symbolic_shape=True)
        quantize_static(prepared, quantized, Calibration(train), quant_format=QuantFormat.QDQ, per_channel=True)
        sessions = [session(path), session(quantized)]
        sizes = [os.path.getsize(path), os.path.getsize(quantized)]
    single, batch = times(sessions, images[:1], 2000), times(sessions, images[:128], 50)
    print(f"onnxruntime {onnxruntime.__version__}")
    print("| file | kB | digit, sum, both right, % | batch 1, µs | batch 128, µs |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, own, size, *taken in zip(("f32", "int8"), sessions, sizes, single, batch):
        right = ", ".join(f"{percent:.2f}" for percent in accuracies(own, images, labels))
        print(f"| {name} | {size / 1000:.1f} | {right} | {taken[0]:.0f} | {taken[1]:.0f} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
