"""Writes training.json: what PyTorch makes of fixed weights and batches in 50 steps.

Weights, pictures and labels come from formulae that the Rust test computes too, so only results are stored.
Run with a Python that has torch: python make_training.py
"""

import json
import math
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

STEPS = 50
KEPT = 12  # numbers of a large tensor that are stored

torch.set_num_threads(1)


def noise(salt, count):
    """Multiples of 2^-24 in -0.5..0.5, exact in float32."""
    index = torch.arange(count, dtype=torch.int64)
    bits = (index * 2654435761 + salt * 40503) % 2**32
    bits = bits ^ (bits >> 15)
    bits = (bits * 2246822519) % 2**32
    return ((bits >> 8).double() / 2**24 - 0.5).float()


class Residual(nn.Module):
    def __init__(self, layers, shortcut=None):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Sequential(*(shortcut or []))

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)


def fill(model):
    for number, (name, parameter) in enumerate(model.named_parameters()):
        values = noise(number + 1, parameter.numel()).reshape(parameter.shape)
        if parameter.dim() > 1:
            fan_in = parameter[0].numel()
            values = values * 2.0 ** (1 - math.floor(math.log2(fan_in) / 2 + 0.5))
        elif name.endswith("weight"):
            values = 1 + values * 0.5
        else:
            values = values * 0.5
        parameter.data.copy_(values)


def stored(tensor):
    values = tensor.detach().flatten().double()
    chosen = values if len(values) <= 256 else values[:KEPT]
    return {"first": chosen.tolist(), "sum": values.sum().item(), "largest": values.abs().max().item()}


def run(case):
    model, shape, classes, batch = case["model"], case["shape"], case["classes"], case["batch"]
    fill(model)
    optimiser = case["optimiser"](model.parameters())
    losses = []
    model.train()
    for step in range(STEPS):
        pictures = (noise(1000 + step, batch * math.prod(shape)) * 2).reshape(batch, *shape)
        labels = torch.tensor([(index * 7 + step * 3) % classes for index in range(batch)])
        optimiser.zero_grad()
        loss = case["loss"](model(pictures), labels)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        pictures = (noise(5000, batch * math.prod(shape)) * 2).reshape(batch, *shape)
        logits = model(pictures)
    state = {name: stored(value) for name, value in model.state_dict().items() if "num_batches" not in name}
    return {
        "name": case["name"],
        "recipe": case["recipe"],
        "shape": shape,
        "batch": batch,
        "losses": losses,
        "state": state,
        "logits": logits.flatten().tolist(),
    }


def sgd(rate, **options):
    return lambda parameters: torch.optim.SGD(parameters, lr=rate, **options)


def seed_net():
    layers = [
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    ]
    return nn.Sequential(*layers)


SEED_LAYERS = """
layers = [
  { op = "conv", out_channels = 6, kernel = 5 }, { op = "relu" }, { op = "max_pool", kernel = 2 },
  { op = "conv", out_channels = 16, kernel = 5 }, { op = "relu" }, { op = "max_pool", kernel = 2 },
  { op = "flatten" }, { op = "linear", out_features = 120 }, { op = "relu" },
  { op = "linear", out_features = 84 }, { op = "relu" }, { op = "linear", out_features = 10 },
]
"""


def small_net():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5),
    )


SMALL_LAYERS = """
layers = [
  { op = "conv", out_channels = 4, kernel = 3, stride = 2, padding = 1 }, { op = "relu" },
  { op = "flatten" }, { op = "linear", out_features = 5 },
]
"""


def rich_net():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.GELU(),
        Residual(
            [
                nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
                nn.Conv2d(12, 12, 3, padding=1, groups=3), nn.BatchNorm2d(12),
            ],
            [nn.Conv2d(8, 12, 1, stride=2, bias=False), nn.BatchNorm2d(12)],
        ),
        nn.ReLU(), nn.AvgPool2d(3, stride=1, padding=1), nn.MaxPool2d(3, stride=2, padding=1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 4),
    )


RICH_LAYERS = """
layers = [
  { op = "conv", out_channels = 8, kernel = 3, padding = 1, bias = false }, { op = "batch_norm" }, { op = "gelu" },
  { op = "residual", shortcut = "projection_norm", layers = [
    { op = "conv", out_channels = 12, kernel = 3, stride = 2, padding = 1 }, { op = "batch_norm" }, { op = "relu" },
    { op = "conv", out_channels = 12, kernel = 3, padding = 1, groups = 3 }, { op = "batch_norm" },
  ] },
  { op = "relu" }, { op = "avg_pool", kernel = 3, stride = 1, padding = 1 },
  { op = "max_pool", kernel = 3, stride = 2, padding = 1 },
  { op = "global_avg_pool" }, { op = "flatten" }, { op = "batch_norm" }, { op = "linear", out_features = 4 },
]
"""

WEIGHTS = [0.5, 1.0, 2.0, 1.5]


def small(name, optimiser, settings, loss=F.cross_entropy, loss_settings=""):
    recipe = f'name = "{name}"\n{SMALL_LAYERS}[optimiser]\n{settings}\n{loss_settings}'
    return {
        "name": name, "model": small_net(), "shape": [2, 8, 8], "classes": 5, "batch": 6,
        "optimiser": optimiser, "loss": loss, "recipe": recipe,
    }


CASES = [
    {
        "name": "seed-net", "model": seed_net(), "shape": [3, 32, 32], "classes": 10, "batch": 10,
        "optimiser": sgd(0.001, momentum=0.9), "loss": F.cross_entropy,
        "recipe": f'name = "seed-net"\n{SEED_LAYERS}[optimiser]\nrate = 0.001\nmomentum = 0.9\n',
    },
    small("sgd", sgd(0.05), "rate = 0.05"),
    small(
        "nesterov", sgd(0.02, momentum=0.8, nesterov=True, weight_decay=0.01),
        "rate = 0.02\nmomentum = 0.8\nnesterov = true\nweight_decay = 0.01",
    ),
    small(
        "adam", lambda p: torch.optim.Adam(p, lr=0.002, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.01),
        'kind = "adam"\nrate = 0.002\nbetas = [0.8, 0.99]\nepsilon = 1e-3\nweight_decay = 0.01',
    ),
    small(
        "adamw", lambda p: torch.optim.AdamW(p, lr=0.002, eps=1e-3, weight_decay=0.1),
        'kind = "adamw"\nrate = 0.002\nepsilon = 1e-3\nweight_decay = 0.1',
    ),
    small(
        "mse", sgd(0.05), "rate = 0.05", lambda x, y: F.mse_loss(x, F.one_hot(y, 5).float()),
        '[loss]\nkind = "mse"',
    ),
    {
        "name": "rich-net", "model": rich_net(), "shape": [3, 10, 10], "classes": 4, "batch": 12,
        "optimiser": sgd(0.01, momentum=0.9),
        "loss": lambda x, y: F.cross_entropy(x, y, weight=torch.tensor(WEIGHTS), label_smoothing=0.1),
        "recipe": f'name = "rich-net"\n{RICH_LAYERS}[optimiser]\nrate = 0.01\nmomentum = 0.9\n'
        f"[loss]\nclass_weights = {WEIGHTS}\nlabel_smoothing = 0.1\n",
    },
]

target = pathlib.Path(__file__).parent / "training.json"
content = {"torch": torch.__version__, "cases": [run(case) for case in CASES]}
target.write_text(json.dumps(content, indent=None, separators=(",", ":")) + "\n")
for case in content["cases"]:
    print(case["name"], case["losses"][0], case["losses"][-1])
