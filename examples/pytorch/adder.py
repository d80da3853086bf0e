"""The notebook's network as a PyTorch module; its state_dict has the names that `adder export` writes."""

import torch
from torch import nn
from torch.nn import functional as F


def conv_block(inputs, outputs, padding=1, dropout=0.1):
    layers = [nn.Conv2d(inputs, outputs, 3, padding=padding, bias=False), nn.ReLU(), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))


class IdentityAdder(nn.Module):
    """From images, float [B, 1, 28, 28], normalised, and addends, int64 [B], to digit logits [B, 10] and sum logits [B, 19]."""

    def __init__(self):
        super().__init__()
        self.conv1 = conv_block(1, 8)
        self.conv2 = conv_block(8, 8)
        self.conv3 = conv_block(8, 16)
        self.conv4 = conv_block(16, 16)
        self.conv5 = conv_block(16, 16, dropout=0)
        self.conv6 = conv_block(16, 16, padding=0)
        self.fc1 = nn.Sequential(nn.Linear(16, 20, bias=False), nn.BatchNorm1d(20), nn.ReLU())
        self.fc2 = nn.Sequential(nn.Linear(30, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU())
        self.out_num = nn.Sequential(nn.Linear(64, 10, bias=False))
        self.out_sum = nn.Sequential(nn.Linear(64, 19, bias=False))

    def forward(self, images, addends):
        x = F.max_pool2d(self.conv2(self.conv1(images)), 2)
        x = F.max_pool2d(self.conv4(self.conv3(x)), 2)
        x = self.conv6(self.conv5(x)).mean(dim=(2, 3))
        x = torch.cat([self.fc1(x), F.one_hot(addends, 10).to(x.dtype)], dim=1)
        x = self.fc2(x)
        return self.out_num(x), self.out_sum(x)
