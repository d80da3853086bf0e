"""Training steps in PyTorch, written as its tutorials write them."""

import time

import torch
from common import CHECKED, flatten_logits, load_batches, load_network, losses

WARM_UP_STEPS = 5


class Training:
    def __init__(self, variant, batch, threads, inputs, weights):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.network = load_network(weights)
        self.batches = load_batches(inputs, batch)
        if variant == "channels_last":
            self.network = self.network.to(memory_format=torch.channels_last)
            to_last = lambda images: images.contiguous(memory_format=torch.channels_last)
            self.batches = [(to_last(images), *rest) for images, *rest in self.batches]
        self.logits = self.evaluate()
        self.forward = torch.compile(self.network) if variant == "compile" else self.network
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.01, momentum=0.9)
        self.steps = 0
        self.network.train()
        self.run(WARM_UP_STEPS)
        self.description = f"PyTorch {torch.__version__} {variant}"

    @torch.inference_mode()
    def evaluate(self):
        images, addends, _ = self.batches[0]
        out = self.network.eval()(images[:CHECKED], addends[:CHECKED])
        return flatten_logits(out["digit_logits"], out["sum_logits"])

    def run(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            images, addends, digits = self.batches[self.steps % len(self.batches)]
            digit_loss, sum_loss = losses(self.forward(images, addends), digits, addends)
            loss = digit_loss + sum_loss
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.steps += 1
        return time.perf_counter() - begin
