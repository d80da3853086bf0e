"""The network in PyTorch, under the names of adder-model's weights."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    """Convolution -> ReLU -> norm -> dropout: in this order."""

    def __init__(self, c_in, c_out, padding, dropout):
        super().__init__()
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=padding, bias=False)
        self.norm = nn.BatchNorm2d(c_out)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        return self.dropout(self.norm(F.relu(self.conv(x))))


class Dense(nn.Module):
    """Linear -> norm -> ReLU: in that one."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.BatchNorm1d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.linear(x)))


class IdentityAdder(nn.Module):
    """From images [b, 1, 28, 28], normalised, and addends [b], long, to logits and what leads to them."""

    def __init__(self, dropout):
        super().__init__()
        self.block1 = Block(1, 8, 1, dropout)
        self.block2 = Block(8, 8, 1, dropout)
        self.block3 = Block(8, 16, 1, dropout)
        self.block4 = Block(16, 16, 1, dropout)
        self.block5 = Block(16, 16, 1, 0.0)
        self.block6 = Block(16, 16, 0, dropout)
        self.embedding = Dense(16, 20)
        self.hidden = Dense(30, 64)
        self.digit = nn.Linear(64, 10, bias=False)
        self.sum = nn.Linear(64, 19, bias=False)

    def forward(self, images, addends):
        x = F.max_pool2d(self.block2(self.block1(images)), 2)
        x = F.max_pool2d(self.block4(self.block3(x)), 2)
        features = self.block6(self.block5(x)).mean(dim=(2, 3))
        embedding = self.embedding(features)
        one_hot = F.one_hot(addends, 10).to(embedding.dtype)
        hidden = self.hidden(torch.cat([embedding, one_hot], dim=1))
        return {
            "features": features,
            "embedding": embedding,
            "digit_logits": self.digit(hidden),
            "sum_logits": self.sum(hidden),
        }


def losses(out, digits, addends):
    """Cross-entropies of both heads, each the mean over the batch."""
    return F.cross_entropy(out["digit_logits"], digits), F.cross_entropy(out["sum_logits"], digits + addends)
