"""Golden numbers for the optimizers: twenty steps of torch.optim.SGD, AdamW and Muon under some settings.

    python crates/nn/tests/golden/optimizers.py > crates/nn/tests/golden/optimizers.json

Made with PyTorch 2.15 on the CPU. A "weight" [3, 4] decays, a "scale" [5] does not, as a norm's. Muon takes what looks like
the filters of a convolution with more than one input channel, as matrices with a row for each output channel: the
"filters" [4, 2, 2, 2] and "pointwise" [6, 2, 1, 1], but not the "first" [2, 1, 2, 2]. PyTorch's Muon computes in bfloat16; here it computes in f32.
"""

import json

import torch

SETTINGS = [
    {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0},
    {"learning_rate": 0.01, "momentum": 0.9, "nesterov": False, "weight_decay": 0.0},
    {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.02},
    {"kind": "adamw", "learning_rate": 0.01, "weight_decay": 0.0},
    {"kind": "adamw", "learning_rate": 0.1, "betas": [0.8, 0.99], "epsilon": 1e-6, "weight_decay": 0.05},
    {"kind": "muon", "learning_rate": 0.02, "momentum": 0.9, "nesterov": False, "adamw_factor": 1.0, "weight_decay": 0.0},
    {
        "kind": "muon",
        "learning_rate": 0.06,
        "momentum": 0.95,
        "nesterov": True,
        "betas": [0.9, 0.99],
        "adamw_factor": 0.3,
        "weight_decay": 0.02,
    },
]
STEPS = 20
RECORDED = (1, 2, 5, 10, 20)

SHAPES = {
    "weight": (3, 4),
    "scale": (5,),
    "filters": (4, 2, 2, 2),
    "pointwise": (6, 2, 1, 1),
    "first": (2, 1, 2, 2),
}

torch.bfloat16 = torch.float32
generator = torch.Generator().manual_seed(7)
start = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
gradients = [{name: torch.randn(t.shape, generator=generator) for name, t in start.items()} for _ in range(STEPS)]


def flat(tensors):
    # Nine digits are all that f32 has.
    digits = lambda tensor: [float(f"{value:.9g}") for value in tensor.detach().flatten().tolist()]
    return {name: digits(tensor) for name, tensor in tensors.items()}


def adamw(groups, setting, rate):
    betas, epsilon = setting.get("betas", [0.9, 0.999]), setting.get("epsilon", 1e-8)
    return torch.optim.AdamW(groups, lr=rate, betas=betas, eps=epsilon)


def curve(setting):
    parameters = {name: torch.nn.Parameter(tensor.clone()) for name, tensor in start.items()}
    rate, decay, kind = setting["learning_rate"], setting["weight_decay"], setting.get("kind", "sgd")
    # Views share their storage with the parameters, which they therefore update.
    matrices = {
        name: torch.nn.Parameter(parameters[name].detach().flatten(1))
        for name in ("filters", "pointwise")
        if kind == "muon"
    }
    groups = [
        {
            "params": [parameters[name]],
            "weight_decay": 0.0 if name == "scale" else decay,
        }
        for name in SHAPES
        if name not in matrices
    ]
    if kind == "muon":
        momentum = {"momentum": setting["momentum"], "nesterov": setting["nesterov"]}
        muon = torch.optim.Muon(
            matrices.values(), lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw", **momentum
        )
        optimizers = [muon, adamw(groups, setting, rate * setting["adamw_factor"])]
    elif kind == "adamw":
        optimizers = [adamw(groups, setting, rate)]
    else:
        momentum = {"momentum": setting["momentum"], "nesterov": setting["nesterov"]}
        optimizers = [torch.optim.SGD(groups, lr=rate, **momentum)]
    recorded = []
    for done, step in enumerate(gradients, 1):
        for name, parameter in parameters.items():
            parameter.grad = step[name].clone()
        for name, matrix in matrices.items():
            matrix.grad = step[name].flatten(1).clone()
        for optimizer in optimizers:
            optimizer.step()
        if done in RECORDED:
            recorded.append({"done": done, "values": flat(parameters)})
    return recorded


print(
    json.dumps(
        {
            "start": flat(start),
            "gradients": [flat(step) for step in gradients],
            "runs": [{"setting": setting, "weights": curve(setting)} for setting in SETTINGS],
        }
    )
)
