"""PyTorch's values and gradients of every layer and loss: `python layers.py` writes layers.safetensors beside it.

Needs torch, numpy and safetensors. All is computed in float64 from inputs that float32 holds, and stored as float32. A tensor is named
`case.what`: `x` and further inputs, the `upstream` gradient, the output `y`, and `grad_` of each input; `kernel` and its like are the
sizes of the case. The objective is the sum of `y * upstream`.
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

random = np.random.default_rng(18)
tensors = {}


def normal(*shape, scale=1.0, mean=0.0):
    return torch.from_numpy((random.standard_normal(shape) * scale + mean).astype(np.float32)).double()


def case(name, function, inputs, sizes=None, extra=None):
    """Stores a case: `function` of the float inputs by name gives the output, and their gradients belong to it."""
    leaves = {key: value.clone().requires_grad_() for key, value in inputs.items()}
    y = function(**leaves)
    upstream = normal(*y.shape) if y.dim() else torch.tensor(1.0, dtype=torch.float64)
    y.backward(upstream)
    found = {"y": y.detach(), **(extra() if extra else {})}
    if y.dim():
        found["upstream"] = upstream
    for key, leaf in leaves.items():
        found[key] = leaf.detach()
        found[f"grad_{key}"] = leaf.grad
    for key, value in found.items():
        tensors[f"{name}.{key}"] = value.float().contiguous().clone()
    for key, value in (sizes or {}).items():
        tensors[f"{name}.{key}"] = torch.as_tensor(value, dtype=torch.int64).clone()


def pools():
    windows = [
        ("7_by_2", (1, 2, 7, 7), (2, 2), (2, 2), (0, 0)),
        ("28_by_3", (1, 1, 28, 28), (3, 3), (3, 3), (0, 0)),
        ("5_by_2", (2, 2, 5, 5), (2, 2), (2, 2), (0, 0)),
        ("overlapping", (2, 2, 7, 8), (3, 3), (2, 2), (1, 1)),
        ("oblong", (1, 3, 9, 7), (2, 3), (1, 2), (1, 1)),
        ("sparse", (1, 2, 9, 11), (2, 1), (4, 3), (1, 0)),
        ("whole", (3, 2, 4, 6), (4, 6), (4, 6), (0, 0)),
        ("wide", (1, 1, 6, 6), (5, 5), (1, 1), (2, 2)),
    ]
    for name, shape, kernel, stride, padding in windows:
        sizes = {"kernel": kernel, "stride": stride, "padding": padding}
        arguments = {"kernel_size": kernel, "stride": stride, "padding": padding}
        case(f"max_pool.{name}", lambda x: F.max_pool2d(x, **arguments), {"x": normal(*shape)}, sizes)
        case(f"avg_pool.{name}", lambda x: F.avg_pool2d(x, **arguments), {"x": normal(*shape)}, sizes)
        if name not in ("5_by_2", "overlapping", "oblong"):
            continue
        # Three levels make most windows tie.
        ties = torch.from_numpy(random.integers(-1, 2, shape)).double()
        case(f"max_pool.{name}_ties", lambda x: F.max_pool2d(x, **arguments), {"x": ties}, sizes)
    nans = normal(2, 2, 6, 6)
    nans[torch.from_numpy(random.random((2, 2, 6, 6)) < 0.15)] = float("nan")
    nans[0, 0, :3, :3] = float("-inf")
    for kernel, stride, padding in [((2, 2), (2, 2), (0, 0)), ((3, 3), (2, 2), (1, 1))]:
        sizes = {"kernel": kernel, "stride": stride, "padding": padding}
        case(f"max_pool.nans_{kernel[0]}", lambda x: F.max_pool2d(x, kernel, stride, padding), {"x": nans}, sizes)


def activations():
    values = torch.tensor([-3.0, -0.0, 0.0, 1e-30, 2.0, float("nan"), float("inf"), float("-inf")], dtype=torch.float64)
    case("relu", lambda x: F.relu(x), {"x": values})
    case("leaky_relu", lambda x: F.leaky_relu(x, 0.25), {"x": values})
    for axis in range(3):
        x = normal(3, 4, 5, scale=4.0)
        case(f"softmax.{axis}", lambda x: F.softmax(x, axis), {"x": x})
        case(f"log_softmax.{axis}", lambda x: F.log_softmax(x, axis), {"x": x})


def batch_norms():
    shapes = {
        "rows": ((5, 3), 1.0, 0.0),
        "two_rows": ((2, 4), 1.0, 0.0),
        "many_rows": ((70, 2), 1.0, 3.0),
        "images": ((2, 3, 5, 5), 2.0, 0.0),
        "odd": ((3, 2, 7, 3), 1.0, 0.0),
        "one_image": ((1, 2, 3, 3), 1.0, 0.0),
        "one_pixel": ((6, 4, 1, 1), 1.0, 0.0),
        "sequence": ((3, 4, 17), 1.0, 0.0),
        "far_mean": ((2, 2, 6, 6), 0.5, 1000.0),
    }
    for name, (shape, scale, mean) in shapes.items():
        channels = shape[1]
        for train in (True, False):
            for after in ("plain", "relu", "add_relu"):
                # The file stays small: the rest differs in nothing that these do not show.
                if (not train or after != "plain") and name not in ("rows", "images", "odd"):
                    continue
                running = {"mean": normal(channels, scale=0.5, mean=mean), "var": normal(channels).abs() + 0.5}
                before = {f"running_{key}": value.clone() for key, value in running.items()}

                def norm(x, weight, bias, residual=None):
                    y = F.batch_norm(x, running["mean"], running["var"], weight, bias, train, 0.1, 1e-5)
                    y = y if residual is None else y + residual
                    return y if after == "plain" else F.relu(y)

                inputs = {"x": normal(*shape, scale=scale, mean=mean), "weight": normal(channels), "bias": normal(channels)}
                if after == "add_relu":
                    inputs["residual"] = normal(*shape)
                statistics = lambda: {**before, "mean_after": running["mean"], "var_after": running["var"]}
                mode = "train" if train else "eval"
                case(f"batch_norm.{mode}.{after}.{name}", norm, inputs, extra=statistics)


def layer_norms():
    shapes = [(3, 7), (2, 3, 33), (2, 2, 2, 16), (1, 130), (4, 2)]
    for shape in shapes:
        size = shape[-1]
        for mean in (0.0, 500.0) if len(shape) == 2 else (0.0,):
            name = "x".join(map(str, shape)) + ("_far" if mean else "")
            inputs = {"x": normal(*shape, mean=mean), "weight": normal(size), "bias": normal(size)}
            case(f"layer_norm.{name}", lambda x, weight, bias: F.layer_norm(x, (size,), weight, bias, 1e-5), inputs)
        del inputs["bias"]
        inputs["x"] = normal(*shape)
        name = "x".join(map(str, shape))
        case(f"layer_norm_no_bias.{name}", lambda x, weight: F.layer_norm(x, (size,), weight, None, 1e-5), inputs)
        case(f"rms_norm.{name}", lambda x, weight: F.rms_norm(x, (size,), weight, 1e-5), inputs)


def losses():
    for name, rows, classes, scale in [("ten", 7, 10, 1.0), ("hundreds", 1, 300, 1.0), ("large", 4, 5, 300.0), ("one", 1, 3, 1.0)]:
        logits = {"x": normal(rows, classes, scale=scale)}
        labels = torch.from_numpy(random.integers(0, classes, rows))
        for smoothing in (0.0, 0.1):
            case(
                f"cross_entropy.{name}_{smoothing}",
                lambda x: F.cross_entropy(x, labels, label_smoothing=smoothing),
                logits,
                {"labels": labels},
            )
            if name == "hundreds":
                continue
            # No distributions, to see that nothing counts on their sum.
            targets = normal(rows, classes).abs()
            case(
                f"cross_entropy_soft.{name}_{smoothing}",
                lambda x, targets: F.cross_entropy(x, targets, label_smoothing=smoothing),
                {**logits, "targets": targets},
            )
    labels = torch.from_numpy(random.integers(0, 6, 5))
    case("nll", lambda x: F.nll_loss(x, labels), {"x": normal(5, 6)}, {"labels": labels})
    case("mse", F.mse_loss, {"input": normal(4, 3, 2), "target": normal(4, 3, 2)})
    x = torch.tensor([[0.0, 1.0, -1.0, 17.0], [-17.0, 88.0, -120.0, 1000.0]], dtype=torch.float64)
    target = torch.tensor([[0.0, 0.5, 1.0, 1.0], [1.0, 0.0, 1.0, 0.25]], dtype=torch.float64)
    case("bce", F.binary_cross_entropy_with_logits, {"input": x, "target": target})


for part in (pools, activations, batch_norms, layer_norms, losses):
    part()
path = pathlib.Path(__file__).with_suffix(".safetensors")
save_file(dict(sorted(tensors.items())), path)
print(f"torch {torch.__version__}: {len(tensors)} tensors, {path.stat().st_size} bytes")
