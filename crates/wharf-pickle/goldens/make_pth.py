"""Writes small state dicts with PyTorch, and what they hold.

    python make_pth.py          # needs torch

The lists are in row-major order, as the reader gives the tensors.
"""

import json
from collections import OrderedDict
from pathlib import Path

import torch

HERE = Path(__file__).parent
torch.manual_seed(5)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 2, 3)
        self.norm = torch.nn.BatchNorm2d(2)
        self.fc = torch.nn.Linear(4, 3)
        self.tied = torch.nn.Linear(4, 3, bias=False)
        self.tied.weight = self.fc.weight


def every_type():
    base = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    dicts = OrderedDict(
        bool=torch.tensor([True, False]),
        uint8=torch.tensor([0, 255], dtype=torch.uint8),
        int8=torch.tensor([-128, 127], dtype=torch.int8),
        int16=torch.tensor([-3, 4], dtype=torch.int16),
        int32=torch.tensor([-3, 4], dtype=torch.int32),
        int64=torch.tensor([-(2**40), 4]),
        uint16=torch.tensor([65535, 4], dtype=torch.uint16),
        uint32=torch.tensor([2**32 - 1, 4], dtype=torch.uint32),
        uint64=torch.tensor([2**63 - 1, 4], dtype=torch.uint64),
        float16=torch.tensor([1.5, -2.5], dtype=torch.float16),
        bfloat16=torch.tensor([1.5, -2.5], dtype=torch.bfloat16),
        float32=torch.tensor([1.5, -2.5]),
        float64=torch.tensor([1.5, -2.5], dtype=torch.float64),
        scalar=torch.tensor(7.0),
        empty=torch.zeros(0, 3),
        transposed=base.t(),
        row=base[1],
        column=base[:, 2],
        corner=base[1:, 1:3],
        repeated=torch.tensor([5.0]).expand(2, 3),
        parameter=torch.nn.Parameter(torch.tensor([0.5, 0.25])),
    )
    return dicts


def save(name, value, state):
    torch.save(value, HERE / f"{name}.pth")
    assert (HERE / f"{name}.pth").stat().st_size < 20_000
    torch.load(HERE / f"{name}.pth", weights_only=True)
    form = lambda t: {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape),
                      "values": t.to(torch.float64).flatten().tolist() if t.is_floating_point() else t.flatten().tolist()}
    (HERE / f"{name}.json").write_text(json.dumps({k: form(v.detach()) for k, v in state.items()}) + "\n")


net = Net().state_dict()
save("net", net, net)
save("types", every_type(), every_type())
save("checkpoint", {"epoch": 3, "state_dict": net, "note": "x"}, net)
torch.save(net, HERE / "legacy.pth", _use_new_zipfile_serialization=False)
torch.save(Net(), HERE / "module.pth")
