"""Loads the file that the test `pytorch_reads_what_is_written` wrote, and writes it again.

    python check_pth.py WRITTEN EXPECTED_JSON AGAIN     # needs torch
"""

import json
import sys

import torch

state = torch.load(sys.argv[1], weights_only=True)
expected = json.loads(open(sys.argv[2]).read())
assert list(state) == list(expected), (list(state), list(expected))
for name, tensor in state.items():
    form = expected[name]
    assert str(tensor.dtype) == f"torch.{form['dtype']}", name
    assert list(tensor.shape) == form["shape"], name
    assert tensor.is_contiguous() and not tensor.requires_grad, name
    values = tensor.to(torch.float64) if tensor.is_floating_point() else tensor
    assert values.flatten().tolist() == form["values"], name
torch.save(state, sys.argv[3])
print("agrees")
