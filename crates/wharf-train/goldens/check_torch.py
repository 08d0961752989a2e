"""Loads the file that the test `pytorch_loads_what_is_written` wrote, and says what its network gives.

    python check_torch.py WRITTEN LOGITS_JSON     # needs torch
"""

import json
import sys

import torch

from torch_nets import blocks, pictures

net = blocks().eval()
net.load_state_dict(torch.load(sys.argv[1], weights_only=True), strict=True)
assert net[1].num_batches_tracked.item() == 42 and net[1].num_batches_tracked.dtype == torch.int64
with torch.no_grad():
    logits = net(pictures(3, 9))
with open(sys.argv[2], "w") as file:
    json.dump(logits.flatten().tolist(), file)
