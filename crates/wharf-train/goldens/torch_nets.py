"""The networks of make_torch.py and check_torch.py, and numbers by formula that Rust makes too."""

import torch
from torch import nn


def wave(count, shift):
    """`count` numbers between -1 and 1."""
    return ((torch.arange(count) * 37 + shift * 17 + 11) % 101).to(torch.float64) / 50 - 1


class Seed(nn.Module):
    """The seed network of recipes/cifar10-seed.toml."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = torch.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.max_pool2d(torch.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


class Residual(nn.Module):
    def __init__(self, layers, shortcut):
        super().__init__()
        self.layers, self.shortcut = layers, shortcut

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)


def blocks():
    """Every layer that has numbers, named as a recipe without names does."""
    inner = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, bias=False), nn.BatchNorm2d(6), nn.ReLU())
    shortcut = nn.Sequential(nn.Conv2d(4, 6, 1, stride=2, bias=False), nn.BatchNorm2d(6))
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.GELU(), nn.AvgPool2d(3, stride=2, padding=1),
        Residual(inner, shortcut), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5), nn.Linear(6, 5),
        nn.BatchNorm1d(5),
    )


def fill(net):
    """Sets all numbers by formula, scaled so that no layer explodes."""
    for place, (name, value) in enumerate(net.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            value.fill_(9)
            continue
        numbers = wave(value.numel(), place).reshape(value.shape)
        if value.dim() > 1:
            numbers = numbers / (value[0].numel() ** 0.5)
        elif name.endswith("running_var"):
            numbers = 1.25 + numbers
        value.copy_(numbers / 2 if value.dim() == 1 and not name.endswith("running_var") else numbers)
    return net.eval()


def pictures(count, size):
    """[count, 3, size, size]"""
    return wave(count * 3 * size * size, 5).reshape(count, 3, size, size).float()
