"""What the PyTorch competitors share: the network of the golden numbers, weights and inputs."""

import pathlib
import sys

import torch
from safetensors.torch import load_file

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "model/tests/golden"))
from network import IdentityAdder, losses  # noqa: E402, F401

DROPOUT = 0.1
# How many images the orchestrator compares the logits of.
CHECKED = 8


def load_network(weights):
    """The network with these weights, training."""
    network = IdentityAdder(DROPOUT)
    missing, unknown = network.load_state_dict(load_file(weights), strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        raise ValueError(f"weights do not fit: missing {missing}, unknown {unknown}")
    return network


def load_batches(inputs, batch):
    """Whole batches (images [b, 1, 28, 28], addends [b], digits [b]), as many as there are."""
    tensors = load_file(inputs)
    parts = [tensors["images"], tensors["addends"].long(), tensors["digits"].long()]
    whole = len(parts[0]) // batch * batch
    return list(zip(*(part[:whole].split(batch) for part in parts)))


def flatten_logits(digit, sum_):
    """The values of both heads, image by image."""
    return torch.cat([torch.as_tensor(digit), torch.as_tensor(sum_)], dim=1).flatten().tolist()
