"""Training steps in PyTorch, written as its tutorials write them."""

import time

import torch
from common import first_images, flat, load_batches, load_weights
from problems import PROBLEMS
from safetensors.torch import save_file

WARM_UP_STEPS = 5


class Training:
    def __init__(self, network, variant, batch, threads, inputs, weights):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.problem = PROBLEMS[network]
        self.network = load_weights(self.problem.network(), weights)
        self.batches = load_batches(inputs, batch)
        if variant == "channels_last":
            self.network = self.network.to(memory_format=torch.channels_last)
            for part in self.batches:
                part["images"] = part["images"].contiguous(memory_format=torch.channels_last)
        self.results = self.evaluate()
        self.forward = torch.compile(self.network) if variant == "compile" else self.network
        self.optimizer = self.problem.optimizer(self.network.parameters())
        self.gradients = self.differentiate()
        self.steps = 0
        self.network.train()
        self.run(WARM_UP_STEPS)
        self.description = f"PyTorch {torch.__version__} {variant}"

    @torch.inference_mode()
    def evaluate(self):
        outputs = self.problem.outputs(self.network.eval(), first_images(self.batches[0]))
        return flat(self.problem.logits(outputs))

    def differentiate(self):
        """The gradients of the first batch's loss, without dropout."""
        self.network.train()
        for module in self.network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.eval()
        self.loss(self.batches[0]).backward()
        return {name: parameter.grad.contiguous() for name, parameter in self.network.named_parameters()}

    def write_gradients(self, file):
        save_file(self.gradients, file)

    def loss(self, batch):
        return self.problem.loss(self.problem.outputs(self.forward, batch), batch)

    def run(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            loss = self.loss(self.batches[self.steps % len(self.batches)])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.steps += 1
        return time.perf_counter() - begin
