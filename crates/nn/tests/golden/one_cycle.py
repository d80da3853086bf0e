"""Golden numbers for the schedule one_cycle: rate and momentum of PyTorch's OneCycleLR over 100 steps, peak 1.

    python crates/nn/tests/golden/one_cycle.py > crates/nn/tests/golden/one_cycle.json
"""

import json

import torch

optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=100)
curve = []
for _ in range(100):
    group = optimizer.param_groups[0]
    curve.append([group["lr"], group["momentum"]])
    optimizer.step()
    if len(curve) < 100:
        scheduler.step()
print(json.dumps(curve))
