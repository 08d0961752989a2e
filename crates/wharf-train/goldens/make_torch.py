"""Makes seed.pth and blocks.pth, state dicts that PyTorch wrote, and torch.json, what their networks give.

    python make_torch.py     # needs torch; run in this folder
"""

import json

import torch

from torch_nets import Seed, blocks, fill, pictures

torch.set_num_threads(1)
seed, block = fill(Seed()), fill(blocks())
torch.save(seed.state_dict(), "seed.pth")
torch.save({f"module.{name}": value for name, value in block.state_dict().items()}, "blocks.pth")
with torch.no_grad():
    logits = {"seed": seed(pictures(3, 32)), "blocks": block(pictures(3, 9))}
with open("torch.json", "w") as file:
    json.dump({name: value.flatten().tolist() for name, value in logits.items()}, file, indent=0)
    file.write("\n")
