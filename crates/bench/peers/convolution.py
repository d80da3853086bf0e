"""One convolution in PyTorch and each of its gradients, by themselves."""

import time

import torch
import torch.nn.functional as F
from common import load_batches
from safetensors.torch import load_file

WARM_UP_RUNS = 5
# How many values the orchestrator compares.
CHECKED = 4096


class Convolution:
    def __init__(self, workload, variant, batch, threads, inputs, weights):
        torch.set_num_threads(threads)
        images = load_batches(inputs, batch)[0]["images"]
        weight = load_file(weights)["weight"]
        if variant == "channels_last":
            images = images.contiguous(memory_format=torch.channels_last)
        self.work = getattr(self, workload.replace("-", "_"))(images, weight)
        self.results = self.work().flatten()[:CHECKED].tolist()
        self.description = f"PyTorch {torch.__version__} {variant}"
        self.run(WARM_UP_RUNS)

    @staticmethod
    def forward(images, weight):
        return torch.inference_mode()(lambda: F.conv2d(images, weight))

    def input_gradient(self, images, weight):
        return self.gradient(images.requires_grad_(), images, weight)

    def weight_gradient(self, images, weight):
        return self.gradient(weight.requires_grad_(), images, weight)

    @staticmethod
    def gradient(of, images, weight):
        output = F.conv2d(images, weight)
        # As candle begins a backward pass.
        ones = torch.ones_like(output)
        return lambda: torch.autograd.grad(output, of, ones, retain_graph=True)[0]

    def run(self, runs):
        begin = time.perf_counter()
        for _ in range(runs):
            self.work()
        return time.perf_counter() - begin
