"""What the competitors in Python share: weights and inputs."""

import torch
from safetensors.torch import load_file

# How many images the orchestrator compares the logits of.
CHECKED = 8


def load_weights(network, weights):
    """The network with the weights of this file, training."""
    missing, unknown = network.load_state_dict(load_file(weights), strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        raise ValueError(f"weights do not fit: missing {missing}, unknown {unknown}")
    return network


def load_batches(inputs, batch):
    """Whole batches, dictionaries of tensors [b, ...], as many as there are; classes are longs."""
    tensors = load_file(inputs)
    tensors = {name: tensor if tensor.is_floating_point() else tensor.long() for name, tensor in tensors.items()}
    whole = min(map(len, tensors.values())) // batch
    return [{name: tensor[k * batch :][:batch] for name, tensor in tensors.items()} for k in range(whole)]


def first_images(batch):
    """The images that the orchestrator compares the logits of."""
    return {name: tensor[:CHECKED] for name, tensor in batch.items()}


def flat(logits):
    """Logits [b, classes], image by image."""
    return torch.as_tensor(logits).flatten().tolist()
