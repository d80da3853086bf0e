"""Golden numbers for the heads that know the order of their classes: PyTorch's losses, logits and gradients of an ordinal and of
a regression head against smoothed labels mixed with distributions.

    python crates/model/tests/golden/heads.py > crates/model/tests/golden/heads.json
"""

import json

import torch
from torch.distributions import Normal
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, log_softmax, one_hot, softmax

ROWS, CLASSES, WEIGHT, SMOOTHING, WIDTH = 6, 19, 0.7, 0.1, 0.4
torch.manual_seed(2)


def targets(weight):
    """Labels, distributions, and the targets that they make together."""
    labels = torch.randint(CLASSES, (ROWS,))
    soft = softmax(2 * torch.randn(ROWS, CLASSES, dtype=torch.float64), 1)
    smoothed = (1 - SMOOTHING) * one_hot(labels, CLASSES) + SMOOTHING / CLASSES
    return labels, soft, (1 - weight) * smoothed + weight * soft


def ordinal(outputs, target):
    """Binary cross-entropies of the thresholds, and the log-probabilities of the classes."""
    above = torch.stack([target[:, threshold + 1 :].sum(1) for threshold in range(CLASSES - 1)], 1)
    loss = binary_cross_entropy_with_logits(outputs, above, reduction="sum") / ROWS
    return loss, log_softmax(torch.cat([torch.zeros(ROWS, 1), outputs.cumsum(1)], 1), 1)


def regression(outputs, target):
    """Normal densities at the classes, and their cross-entropy."""
    number = (CLASSES - 1) / 2 + outputs
    log_densities = Normal(number, WIDTH).log_prob(torch.arange(CLASSES, dtype=torch.float64))
    return cross_entropy(log_densities, target), log_softmax(log_densities, 1)


def head(rule, width, weight):
    """One head against labels and, in part, distributions."""
    outputs = (1.5 * torch.randn(ROWS, width, dtype=torch.float64)).requires_grad_()
    labels, soft, target = targets(weight)
    loss, log_probabilities = rule(outputs, target)
    loss.backward()
    tensors = {
        "outputs": outputs,
        "labels": labels,
        "soft": soft,
        "log_probabilities": log_probabilities,
        "gradient": outputs.grad,
    }
    return {name: tensor.flatten().tolist() for name, tensor in tensors.items()} | {"loss": loss.item(), "weight": weight}


heads = [head(rule, width, weight) for rule, width in ((ordinal, 18), (regression, 1)) for weight in (0.0, WEIGHT)]
print(json.dumps({"smoothing": SMOOTHING, "heads": heads}))
