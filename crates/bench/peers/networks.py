"""The networks that layers of candle and of PyTorch are compared on, under the names of candle's variables."""

import torch.nn as nn
import torch.nn.functional as F


class ConvNet(nn.Module):
    """The network of candle's example mnist-training: images [b, 1, 28, 28] to logits [b, 10]."""

    def __init__(self, dropout=0.5):
        super().__init__()
        self.c1 = nn.Conv2d(1, 32, 5)
        self.c2 = nn.Conv2d(32, 64, 5)
        self.fc1 = nn.Linear(1024, 1024)
        self.fc2 = nn.Linear(1024, 10)
        self.dropout = nn.Dropout(dropout)

    def forward(self, images):
        x = F.max_pool2d(self.c1(images), 2)
        x = F.max_pool2d(self.c2(x), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc2(self.dropout(x))


class Shortcut(nn.Module):
    """The way past a block that halves the image: a convolution 1x1 of stride 2, and its norm."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.norm(self.conv(x))


class ResidualBlock(nn.Module):
    """Two convolutions 3x3 with norms, added to the input; one from `inputs` to more channels halves the image."""

    def __init__(self, inputs, outputs):
        super().__init__()
        widens = inputs != outputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2 if widens else 1, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = Shortcut(inputs, outputs) if widens else nn.Identity()

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class ResidualNetwork(nn.Module):
    """Three stages of two blocks with 32, 64 and 128 channels: images [b, 3, 32, 32] to logits [b, 10]."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(32)
        self.stage1 = nn.Sequential(ResidualBlock(32, 32), ResidualBlock(32, 32))
        self.stage2 = nn.Sequential(ResidualBlock(32, 64), ResidualBlock(64, 64))
        self.stage3 = nn.Sequential(ResidualBlock(64, 128), ResidualBlock(128, 128))
        self.head = nn.Linear(128, 10)

    def forward(self, images):
        x = F.relu(self.stem_norm(self.stem(images)))
        x = self.stage3(self.stage2(self.stage1(x)))
        return self.head(x.mean(dim=(2, 3)))
