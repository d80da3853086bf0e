"""Inference of the IdentityAdder in PyTorch and in ONNX Runtime."""

import tempfile
import time

import torch
from common import first_images, flat, load_batches, load_weights
from problems import Adding

WARM_UP_RUNS = 20


class Heads(torch.nn.Module):
    """The network, giving logits alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images, addends):
        out = self.network(images, addends)
        return out["digit_logits"], out["sum_logits"]


class Inference:
    def __init__(self, network, variant, batch, threads, inputs, weights):
        if network != "identity-adder":
            raise ValueError(f"no inference of {network}")
        torch.set_num_threads(threads)
        network = Heads(load_weights(Adding.network(), weights)).eval()
        batches = load_batches(inputs, batch)
        as_input = torch.Tensor.numpy if variant == "onnxruntime" else lambda tensor: tensor
        inputs_of = lambda batch: (as_input(batch["images"]), as_input(batch["addends"]))
        if variant == "onnxruntime":
            self.predict, version = onnx_runtime(network, threads)
            self.description = f"ONNX Runtime {version}"
        else:
            self.predict = torch.inference_mode()(network)
            self.description = f"PyTorch {torch.__version__}"
        heads = self.predict(*inputs_of(first_images(batches[0])))
        self.results = flat(torch.cat([torch.as_tensor(head) for head in heads], dim=1))
        self.batches = [inputs_of(batch) for batch in batches]
        self.runs = 0
        self.run(WARM_UP_RUNS)

    def run(self, runs):
        begin = time.perf_counter()
        for _ in range(runs):
            self.predict(*self.batches[self.runs % len(self.batches)])
            self.runs += 1
        return time.perf_counter() - begin


def onnx_runtime(network, threads):
    """A session on the exported network, with the runtime's default optimisations."""
    import onnxruntime

    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        example = (torch.zeros(2, 1, 28, 28), torch.zeros(2, dtype=torch.long))
        names = {"input_names": ["images", "addends"], "output_names": ["digit", "sum"]}
        any_batch = {"dynamic_axes": {"images": {0: "batch"}, "addends": {0: "batch"}}}
        torch.onnx.export(network, example, file.name, dynamo=False, **names, **any_batch)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(file.name, options, providers=["CPUExecutionProvider"])
    predict = lambda images, addends: session.run(None, {"images": images, "addends": addends})
    return predict, onnxruntime.__version__
