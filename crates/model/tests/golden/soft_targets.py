"""Golden numbers for a loss against labels and distributions: PyTorch's cross_entropy with probabilities as targets.

    python crates/model/tests/golden/soft_targets.py > crates/model/tests/golden/soft_targets.json
"""

import json

import torch
from torch.nn.functional import cross_entropy, one_hot, softmax

ROWS, WEIGHT, SMOOTHING = 4, 0.7, 0.1
torch.manual_seed(1)


def head(classes):
    """Logits, labels, distributions, loss and gradient of one head."""
    logits = (3 * torch.randn(ROWS, classes, dtype=torch.float64)).requires_grad_()
    labels = torch.randint(classes, (ROWS,))
    soft = softmax(2 * torch.randn(ROWS, classes, dtype=torch.float64), 1)
    smoothed = (1 - SMOOTHING) * one_hot(labels, classes) + SMOOTHING / classes
    loss = cross_entropy(logits, (1 - WEIGHT) * smoothed + WEIGHT * soft)
    loss.backward()
    tensors = {"logits": logits, "labels": labels, "soft": soft, "gradient": logits.grad}
    return {name: tensor.flatten().tolist() for name, tensor in tensors.items()} | {"loss": loss.item()}


print(json.dumps({"weight": WEIGHT, "smoothing": SMOOTHING, "digit": head(10), "sum": head(19)}))
