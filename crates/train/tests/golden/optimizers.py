"""Golden numbers for the optimizers: twenty steps of torch.optim.SGD and AdamW under some settings.

    python crates/train/tests/golden/optimizers.py > crates/train/tests/golden/optimizers.json

Made with PyTorch 2.15 on the CPU. A "weight" [3, 4] decays, a "scale" [5] does not, as a norm's.
"""

import json

import torch

SETTINGS = [
    {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
    {"learning_rate": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 0.0},
    {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02},
    {"kind": "adamw", "learning_rate": 0.01, "weight_decay": 0.0},
    {"kind": "adamw", "learning_rate": 0.1, "betas": [0.8, 0.99], "epsilon": 1e-6, "weight_decay": 0.05},
]
STEPS = 20

generator = torch.Generator().manual_seed(7)
start = {"weight": torch.randn(3, 4, generator=generator), "scale": torch.randn(5, generator=generator)}
gradients = [{name: torch.randn(t.shape, generator=generator) for name, t in start.items()} for _ in range(STEPS)]


def flat(tensors):
    return {name: tensor.detach().flatten().tolist() for name, tensor in tensors.items()}


def curve(setting):
    parameters = {name: torch.nn.Parameter(tensor.clone()) for name, tensor in start.items()}
    groups = [
        {"params": [parameters["weight"]], "weight_decay": setting["weight_decay"]},
        {"params": [parameters["scale"]], "weight_decay": 0.0},
    ]
    if setting.get("kind") == "adamw":
        betas, epsilon = setting.get("betas", [0.9, 0.999]), setting.get("epsilon", 1e-8)
        optimizer = torch.optim.AdamW(groups, lr=setting["learning_rate"], betas=betas, eps=epsilon)
    else:
        optimizer = torch.optim.SGD(
            groups, lr=setting["learning_rate"], momentum=setting["momentum"], nesterov=setting["nesterov"]
        )
    steps = []
    for step in gradients:
        for name, parameter in parameters.items():
            parameter.grad = step[name].clone()
        optimizer.step()
        steps.append(flat(parameters))
    return steps


print(
    json.dumps(
        {
            "start": flat(start),
            "gradients": [flat(step) for step in gradients],
            "runs": [{"setting": setting, "weights": curve(setting)} for setting in SETTINGS],
        }
    )
)
