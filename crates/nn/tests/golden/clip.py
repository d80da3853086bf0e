"""Golden numbers for clipping: norms and gradients of torch.nn.utils.clip_grad_norm_.

    python crates/nn/tests/golden/clip.py > crates/nn/tests/golden/clip.json

Made with PyTorch 2.15 on the CPU. The limits are far below the norm, just below it (where the 1e-6 that PyTorch adds to the norm
shows), at it, and above it.
"""

import json

import torch

generator = torch.Generator().manual_seed(11)
gradients = {"weight": torch.randn(3, 4, generator=generator) * 2.0, "bias": torch.randn(5, generator=generator)}
# So small that the norm is of the order of the added number.
tiny = {name: gradient * 1e-6 for name, gradient in gradients.items()}


def digits(tensor):
    return [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


def case(gradients, max_norm):
    parameters = {name: torch.nn.Parameter(torch.zeros_like(gradient)) for name, gradient in gradients.items()}
    for name, parameter in parameters.items():
        parameter.grad = gradients[name].clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm)
    return {
        "gradients": {name: digits(gradient) for name, gradient in gradients.items()},
        "max_norm": max_norm,
        "norm": norm.item(),
        "clipped": {name: digits(parameter.grad) for name, parameter in parameters.items()},
    }


norm = torch.nn.utils.get_total_norm(gradients.values()).item()
cases = [case(gradients, limit) for limit in (0.5, 0.999 * norm, norm, 2.0 * norm)]
cases += [case(tiny, limit) for limit in (2e-6, 6e-6, 1e-3)]
print(json.dumps(cases))
