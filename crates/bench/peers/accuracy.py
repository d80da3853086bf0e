"""The accuracy that candle's example mnist-training reaches in PyTorch: the same network, initialization, batches and optimizer.

    python accuracy.py MNIST [--seeds 0 1 2] [--epochs 1 10] [--threads 1]

MNIST is a folder with the four IDX files, packed (.gz) or not. As in the example, pixels are 0 to 1, the 937 whole batches of 64
stay as they are and come in another order in each epoch, and the accuracy is that on the 10,000 test images. The example itself
counts epochs from 1 to below its `--epochs`, so that its ten are `--epochs 11`.
"""

import argparse
import gzip
import math
import pathlib
import statistics
import time

import numpy
import torch
import torch.nn.functional as F
from networks import ConvNet
from problems import CandleMnist

BATCH = 64


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("mnist", type=pathlib.Path)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments.add_argument("--epochs", type=int, nargs="+", default=[1, 10], help="after which the accuracy is told")
    arguments.add_argument("--threads", type=int, default=1)
    arguments = arguments.parse_args()
    torch.set_num_threads(arguments.threads)
    train, test = load(arguments.mnist, "train"), load(arguments.mnist, "t10k")
    runs = [accuracies(seed, sorted(arguments.epochs), train, test) for seed in arguments.seeds]
    for epoch, reached in zip(sorted(arguments.epochs), zip(*runs)):
        deviation = statistics.stdev(reached) if len(reached) > 1 else math.nan
        print(f"epoch {epoch:2}: mean {statistics.mean(reached):.2f} %, deviation {deviation:.2f}", flush=True)


def load(folder, part):
    """Images f32 [n, 1, 28, 28], 0 to 1, and labels [n]."""
    images = read(folder / f"{part}-images-idx3-ubyte", header=16).reshape(-1, 1, 28, 28)
    labels = read(folder / f"{part}-labels-idx1-ubyte", header=8)
    return torch.from_numpy(images).float() / 255, torch.from_numpy(labels).long()


def read(file, header):
    packed = file.with_name(file.name + ".gz")
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else file.read_bytes()
    return numpy.frombuffer(data, numpy.uint8, offset=header).copy()


def initialize(network):
    """Draws the parameters as candle-nn does, from other distributions than PyTorch."""
    for layer in network.children():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            # By the channels alone, not by the size of the kernel.
            bound = 1 / math.sqrt(layer.weight.shape[1])
            torch.nn.init.uniform_(layer.bias, -bound, bound)


def accuracies(seed, epochs, train, test):
    """The accuracy in per cent after each of these epochs."""
    torch.manual_seed(seed)
    network = ConvNet()
    initialize(network)
    optimizer = CandleMnist.optimizer(network.parameters())
    reached = []
    for epoch in range(1, epochs[-1] + 1):
        begin = time.perf_counter()
        loss = train_epoch(network, optimizer, *train)
        seconds = time.perf_counter() - begin
        accuracy = evaluate(network, *test)
        print(f"seed {seed} epoch {epoch:2}: loss {loss:.5f}, accuracy {accuracy:.2f} %, {seconds:.0f} s", flush=True)
        if epoch in epochs:
            reached.append(accuracy)
    return reached


def train_epoch(network, optimizer, images, labels):
    """The mean loss of the batches."""
    network.train()
    total = 0.0
    batches = torch.randperm(len(images) // BATCH).tolist()
    for batch in batches:
        part = slice(batch * BATCH, (batch + 1) * BATCH)
        loss = F.cross_entropy(network(images[part]), labels[part])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(batches)


@torch.inference_mode()
def evaluate(network, images, labels):
    network.eval()
    right = sum((network(x).argmax(1) == y).sum().item() for x, y in zip(images.split(1000), labels.split(1000)))
    return 100 * right / len(labels)


if __name__ == "__main__":
    main()
