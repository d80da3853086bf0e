"""PyTorch's values and gradients of convolutions and linear layers: `python weighted.py` writes weighted.safetensors beside it.

Needs torch, numpy and safetensors. All is computed in float64 from inputs of a formula, `numbers`, which the tests have too. Of the
output and of the gradients at input, weight and bias, under the upstream gradient `numbers(9)`, only projections are kept: the values
times a pattern, added up in 24 classes of their positions modulo 24. A row of `conv` or `linear` is a case: its sizes in `.sizes`, its
four times 24 projections, zeros for a bias that there is not, in `.projections`. A row of `nan.conv` or `nan.linear` has a NaN at
position `.sizes[-2]` of the tensor `.sizes[-1]`, 0 for the input, 1 for the weight and 2 for the upstream gradient, and counts of NaNs in
the same 24 classes.
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

CLASSES = 24


def numbers(seed, shape):
    """Numbers from -1 to 1, in C order, that float32 holds exactly."""
    index = np.arange(int(np.prod(shape)), dtype=np.uint64)
    mixed = (index * np.uint64(2654435761) + np.uint64(seed * 40503 + 12345)) % np.uint64(1 << 32)
    mixed ^= mixed >> np.uint64(15)
    mixed = mixed * np.uint64(2246822519) % np.uint64(1 << 32)
    values = (mixed >> np.uint64(8)).astype(np.float64) / (1 << 23) - 1.0
    return torch.from_numpy(values.reshape(shape))


def projections(values):
    """The values times a pattern from 1 to 2, added up in classes."""
    values = values.detach().flatten()
    index = torch.arange(values.numel())
    pattern = 1 + (index * 7 % 16).double() / 16
    return torch.zeros(CLASSES, dtype=torch.float64).index_add_(0, index % CLASSES, values * pattern)


def nans(values):
    values = values.detach().flatten()
    return torch.zeros(CLASSES, dtype=torch.float64).index_add_(0, torch.arange(values.numel()) % CLASSES, values.isnan().double())


def case(function, shapes, bias, summary=projections, nan=None):
    """The summaries of output and gradients of `function`, whose input, weight and bias have these shapes."""
    inputs = [numbers(seed, shape) for seed, shape in enumerate(shapes, 1)]
    if nan and nan[1] < 2:
        inputs[nan[1]].view(-1)[nan[0]] = float("nan")
    leaves = [values.requires_grad_() for values in inputs[: 3 if bias else 2]]
    y = function(*leaves)
    upstream = numbers(9, tuple(y.shape))
    if nan and nan[1] == 2:
        upstream.view(-1)[nan[0]] = float("nan")
    (y * upstream).sum().backward()
    found = [summary(y)] + [summary(leaf.grad) for leaf in leaves]
    return torch.cat(found + [torch.zeros(CLASSES, dtype=torch.float64)] * (4 - len(found)))


def conv(sizes, **options):
    batch, inputs, outputs, rows, columns, height, width, stride, padding, dilation, groups, bias = sizes[:12]
    shapes = [(batch, inputs, height, width), (outputs, inputs // groups, rows, columns), (outputs,)]
    return case(lambda x, w, b=None: F.conv2d(x, w, b, stride, padding, dilation, groups), shapes, bias, **options)


def linear(sizes, **options):
    *leading, inputs, outputs, bias = [size for size in sizes[:6] if size >= 0]
    return case(F.linear, [(*leading, inputs), (outputs, inputs), (outputs,)], bias, **options)


def conv_sizes():
    random = np.random.default_rng(18)
    channels, rows = [1, 2, 3, 17, 32], []
    for kernel in range(1, 12):
        for stride in (1, 2, 3):
            for padding in sorted({0, 1, kernel // 2, kernel - 1, kernel + 1}):
                smallest = max(kernel - 2 * padding, 1)
                height, width = (int(smallest + random.integers(0, 8)) for _ in range(2))
                inputs, outputs = (int(random.choice(channels)) for _ in range(2))
                work = inputs * outputs * kernel**2 * (height + 2 * padding) * (width + 2 * padding) // stride**2
                if work > 3_000_000:
                    inputs, outputs = min(inputs, 3), min(outputs, 17)
                batch = int(random.choice([0, 1, 1, 2, 9])) if work < 300_000 else 1
                rows.append([batch, inputs, outputs, kernel, kernel, height, width, stride, padding, 1, 1, int(random.integers(0, 2))])
    # What falls back: oblong kernels, dilation, groups, rows and columns with other rests.
    rows += [
        [2, 3, 4, 2, 3, 7, 8, 1, 1, 1, 1, 1],
        [1, 2, 5, 1, 4, 6, 9, 2, 2, 1, 1, 0],
        [2, 3, 4, 3, 3, 9, 10, 1, 2, 2, 1, 1],
        [2, 3, 4, 3, 3, 9, 10, 2, 2, 2, 1, 1],
        [1, 2, 3, 2, 2, 11, 8, 3, 0, 3, 1, 1],
        [2, 6, 4, 3, 3, 6, 7, 1, 1, 1, 2, 1],
        [9, 4, 4, 3, 3, 6, 7, 2, 1, 1, 4, 1],
        [1, 4, 8, 5, 5, 7, 7, 1, 2, 1, 4, 0],
        [2, 6, 9, 3, 2, 8, 9, 2, 1, 2, 3, 1],
        [0, 4, 4, 3, 3, 6, 6, 1, 1, 1, 2, 1],
    ]
    return rows


LINEAR = [
    [-1, -1, -1, 5, 3, 1],
    [-1, -1, -1, 1, 1, 0],
    [-1, -1, 1, 7, 4, 1],
    [-1, -1, 9, 17, 33, 1],
    [-1, -1, 0, 5, 3, 1],
    [-1, -1, 700, 3, 18, 1],
    [-1, 2, 3, 4, 5, 1],
    [-1, 3, 5, 16, 2, 0],
    [-1, 2, 0, 4, 5, 1],
    [2, 3, 4, 5, 6, 1],
    [1, 1, 1, 40, 10, 1],
    [2, 2, 2, 31, 17, 0],
]

CONV_NANS = [
    [*sizes, position, of]
    for sizes in (
        [2, 3, 4, 3, 3, 6, 7, 1, 1, 1, 1, 1],
        [2, 9, 17, 3, 3, 5, 4, 2, 1, 1, 1, 1],
        [1, 2, 3, 5, 5, 6, 9, 2, 3, 1, 1, 0],
        [2, 4, 3, 2, 2, 7, 5, 2, 0, 1, 1, 1],
        [1, 17, 9, 1, 1, 5, 5, 1, 0, 1, 1, 1],
    )
    for position in (0, 17)
    for of in range(3)
]
LINEAR_NANS = [[*sizes, position, of] for sizes in (LINEAR[3], LINEAR[7], LINEAR[9]) for position in (0, 29) for of in range(3)]

tensors = {}
for name, function, sizes in [("conv", conv, conv_sizes()), ("linear", linear, LINEAR)]:
    tensors[f"{name}.projections"] = torch.stack([function(row) for row in sizes]).float()
    tensors[f"{name}.sizes"] = torch.tensor(sizes)
for name, function, sizes in [("nan.conv", conv, CONV_NANS), ("nan.linear", linear, LINEAR_NANS)]:
    found = [function(row, summary=nans, nan=row[-2:]) for row in sizes]
    tensors[f"{name}.counts"] = torch.stack(found).to(torch.int64)
    tensors[f"{name}.sizes"] = torch.tensor(sizes)
path = pathlib.Path(__file__).with_suffix(".safetensors")
save_file(tensors, path)
print(f"torch {torch.__version__}: {sum(len(value) for value in tensors.values()) // 2} cases, {path.stat().st_size} bytes")
