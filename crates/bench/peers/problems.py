"""The problems that the competitors in PyTorch train on: a network, how it takes a batch, its loss and its optimizer.

A batch is a dictionary of tensors, whose names are those of the file of inputs.
"""

import pathlib
import sys

import torch
import torch.nn.functional as F
from networks import ConvNet, ResidualNetwork

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "model/tests/golden"))
from network import IdentityAdder, losses  # noqa: E402


class Adding:
    """The IdentityAdder: `images`, `addends`, `digits`."""

    @staticmethod
    def network():
        return IdentityAdder(dropout=0.1)

    @staticmethod
    def outputs(forward, batch):
        return forward(batch["images"], batch["addends"])

    @staticmethod
    def logits(outputs):
        return torch.cat([outputs["digit_logits"], outputs["sum_logits"]], dim=1)

    @staticmethod
    def loss(outputs, batch):
        digit_loss, sum_loss = losses(outputs, batch["digits"], batch["addends"])
        return digit_loss + sum_loss

    @staticmethod
    def optimizer(parameters):
        return torch.optim.SGD(parameters, lr=0.01, momentum=0.9)


class Classification:
    """What classifiers of images have in common: `images`, `labels`."""

    @staticmethod
    def outputs(forward, batch):
        return forward(batch["images"])

    @staticmethod
    def logits(outputs):
        return outputs

    @staticmethod
    def loss(outputs, batch):
        return F.cross_entropy(outputs, batch["labels"])


class CandleMnist(Classification):
    """candle's example mnist-training."""

    @staticmethod
    def network():
        return ConvNet()

    @staticmethod
    def optimizer(parameters):
        # The defaults are candle's, too.
        return torch.optim.AdamW(parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)


class Residual(Classification):
    """A residual network on images as CIFAR's."""

    @staticmethod
    def network():
        return ResidualNetwork()

    @staticmethod
    def optimizer(parameters):
        return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)


PROBLEMS = {"identity-adder": Adding, "candle-mnist": CandleMnist, "residual": Residual}
