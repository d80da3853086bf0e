#!/usr/bin/env python3
"""Makes the golden numbers that adder-model's tests are held to, with PyTorch as the judge.

    pip install torch numpy safetensors
    python model.py MNIST_DIR       # MNIST_DIR holds train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz

Made with PyTorch 2.15.0 on the CPU, dropout off, one thread. Everything is computed in float64 and stored as float32, so
that the numbers are right to their last bit: PyTorch's own float32 convolutions are 1e-4 off in block2.conv.weight's
gradient. After a few steps a difference
of one rounding can turn a ReLU or the choice of a maximum, and then the curves part, in float64 as in float32. So the rate is small, and
SEED is the first for which that does not happen: its curve in float64 moves by less than 1e-6 when images and weights are moved by
3e-7 of themselves, which is more than rounding to float32 does. `print_noise` and `print_sensitivity` tell how far.

The gradient of block6.norm.bias is zero but for rounding: what follows it up to the embedding's norm is linear, and that
norm takes away every constant.

model.safetensors
    batch.images   u8  [10, 32, 28, 28]  ten batches of 32: the first 320 images of MNIST's training set, in order
    batch.digits   u8  [10, 32]          their labels
    batch.addends  u8  [10, 32]          a number 0..9 for each; the sum's label is digit + addend
    An image enters the network as (pixel / 255 - 0.1307) / 0.3081.

    initial.*      the parameters and running statistics before anything ran: PyTorch's initial weights, with the norms'
                   weights, biases and statistics moved away from 1 and 0 so that each of them shows in the results
    eval.*         from `initial`, evaluation mode, batch 0:
                     features [32, 16] after the global average pool, embedding [32, 20],
                     digit_logits [32, 10], sum_logits [32, 19]
    train.*        from `initial`, training mode, batch 0: the same four and the two losses,
                   digit_loss [] and sum_loss [], each the mean over the batch
    grad.*         the gradient of digit_loss + sum_loss of that step for every parameter
    after.*        the running statistics after that one forward pass
    curve.*        digit_loss [10], sum_loss [10]: ten steps from `initial`, one for each batch, SGD with rate 0.001 and momentum 0.9
    final.*        the parameters and running statistics after those ten steps

    The names after `initial.`, `grad.`, `after.` and `final.` are those of adder-model's weights:
      block{1..6}.conv.weight [out, in, 3, 3]    block{1..6}.norm.{weight,bias,running_mean,running_var} [out]
      embedding.linear.weight [20, 16]           embedding.norm.* [20]
      hidden.linear.weight [64, 30]              hidden.norm.* [64]
      digit.weight [10, 64]                      sum.weight [19, 64]

pool.safetensors: 2x2 max pooling, values 0..3 so that most windows have ties (the first maximum in reading order gets the gradient)
    even.{input [2, 3, 6, 8], output [2, 3, 3, 4], upstream, gradient}: `gradient` is that of sum(output * upstream)
    odd.*:  the same for [1, 2, 7, 5], whose last row and column are in no window
"""

import copy
import gzip
import pathlib
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from network import IdentityAdder, losses
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
BATCHES, BATCH = 10, 32
SEED = 2
RATE = 0.001


def idx(path):
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape.astype(int))


def initial_model():
    """PyTorch's own initialisation, with norms that are not the identity."""
    model = IdentityAdder(dropout=0.0)
    for name, module in model.named_modules():
        if name.endswith("norm"):
            nn.init.uniform_(module.weight, 0.6, 1.4)
            nn.init.uniform_(module.bias, -0.3, 0.3)
            nn.init.uniform_(module.running_mean, -0.2, 0.4)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model


def named(prefix, tensors):
    return {
        f"{prefix}.{name}": tensor.detach().float().contiguous().clone()
        for name, tensor in tensors
        if not name.endswith("num_batches_tracked")
    }


def one_step(model, images, digits, addends):
    """Evaluation and one training step on the first batch."""
    fixture = named("eval", model.eval()(images, addends).items())
    out = model.train()(images, addends)
    digit_loss, sum_loss = losses(out, digits, addends)
    (digit_loss + sum_loss).backward()
    fixture |= named("train", {**out, "digit_loss": digit_loss, "sum_loss": sum_loss}.items())
    fixture |= named("grad", ((name, p.grad) for name, p in model.named_parameters()))
    fixture |= named("after", model.named_buffers())
    return fixture


def curve(model, images, digits, addends):
    """Ten steps of SGD with momentum."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    history = []
    for step in range(BATCHES):
        both = losses(model(images[step], addends[step]), digits[step], addends[step])
        optimizer.zero_grad()
        sum(both).backward()
        optimizer.step()
        history.append(torch.stack(both).detach())
    digit_loss, sum_loss = torch.stack(history).T
    fixture = named("curve", {"digit_loss": digit_loss, "sum_loss": sum_loss}.items())
    return fixture | named("final", model.state_dict().items())


def compute(model, pixels, digits, addends, dtype):
    images = (pixels.to(dtype) / 255 - 0.1307) / 0.3081
    images = images.reshape(BATCHES, BATCH, 1, 28, 28)
    model = copy.deepcopy(model).to(dtype)
    return one_step(copy.deepcopy(model), images[0], digits[0], addends[0]) | curve(model, images, digits, addends)


def print_noise(single, double):
    """How far float32 is from float64, as a share of each tensor's largest value."""
    for prefix in ["eval", "train", "grad", "after", "curve", "final"]:
        distance, name = max(
            (((single[n] - double[n]).abs().max() / double[n].abs().max()).item(), n)
            for n in double
            if n.startswith(prefix) and n != "grad.block6.norm.bias"
        )
        print(f"float32 against float64, {prefix}: at most {distance:.1e}, in {name}")


def print_sensitivity(model, pixels, digits, addends):
    """How far the curve moves when images and weights do by up to 3e-7 of themselves, six times at random."""
    images = ((pixels.double() / 255 - 0.1307) / 0.3081).reshape(BATCHES, BATCH, 1, 28, 28)
    model = copy.deepcopy(model).double()
    right = curve(copy.deepcopy(model), images, digits, addends)
    generator = torch.Generator().manual_seed(99)

    def nudged(tensor):
        return tensor * (1 + 3e-7 * (2 * torch.rand(tensor.shape, generator=generator, dtype=torch.float64) - 1))

    farthest = 0.0
    for _ in range(6):
        moved, moved_images = copy.deepcopy(model), nudged(images)
        with torch.no_grad():
            for parameter in moved.parameters():
                parameter.copy_(nudged(parameter))
        found = curve(moved, moved_images, digits, addends)
        losses = ["curve.digit_loss", "curve.sum_loss"]
        farthest = max([farthest] + [(found[name] - right[name]).abs().max().item() for name in losses])
    print(f"the curve, moved by rounding: at most {farthest:.1e}")


def model_fixture(directory):
    pixels = torch.from_numpy(idx(directory / "train-images-idx3-ubyte.gz")[: BATCHES * BATCH].copy())
    digits = torch.from_numpy(idx(directory / "train-labels-idx1-ubyte.gz")[: BATCHES * BATCH].copy())
    addends = torch.randint(0, 10, (BATCHES * BATCH,), dtype=torch.uint8)
    batch = {
        "batch.images": pixels.reshape(BATCHES, BATCH, 28, 28),
        "batch.digits": digits.reshape(BATCHES, BATCH),
        "batch.addends": addends.reshape(BATCHES, BATCH),
    }
    model = initial_model()
    labels = (batch["batch.digits"].long(), batch["batch.addends"].long())
    single = compute(model, pixels, *labels, torch.float32)
    double = compute(model, pixels, *labels, torch.float64)
    print_noise(single, double)
    print_sensitivity(model, pixels, *labels)
    return batch | named("initial", model.state_dict().items()) | double


def pool_case(prefix, shape):
    x = torch.randint(0, 4, shape).float().requires_grad_()
    output = F.max_pool2d(x, 2)
    upstream = torch.randn(output.shape)
    (output * upstream).sum().backward()
    return named(prefix, {"input": x, "output": output, "upstream": upstream, "gradient": x.grad}.items())


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    save_file(model_fixture(pathlib.Path(sys.argv[1])), HERE / "model.safetensors")
    save_file(pool_case("even", (2, 3, 6, 8)) | pool_case("odd", (1, 2, 7, 5)), HERE / "pool.safetensors")


if __name__ == "__main__":
    main()
