"""Computes augment.json, the numbers that the augmentation is held to, with torchvision.

    pip install torch torchvision pillow
    python augment.py

Every case is one Transform of adder_data::augment and the resulting pixels in 0..255, before normalization. The input
is made by `pixels` below and by a function of the same name in src/augment/tests.rs: noise up to the edges, for MNIST's
black margin would hide mistakes there.
"""

import json
import pathlib

import numpy
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

SIDE = 28


def pixels():
    state, out = 1, []
    for _ in range(SIDE * SIDE):
        state = (state * 1103515245 + 12345) % 2**31
        out.append(state >> 16 & 255)
    return torch.tensor(out, dtype=torch.uint8).reshape(1, SIDE, SIDE)


def affine(image, case):
    """On a float tensor; nearest also on a PIL image, as the notebook does it, which must agree.

    With fill=0 torchvision would fade bilinear edges to black twice (it fills in by a mask that it samples too), with
    fill=None once. MNIST's margin is black, so the choice shows in nothing but this noise.
    """
    mode = InterpolationMode(case["interpolation"])
    arguments = dict(
        angle=case["rotation_degrees"], translate=case["shift"], scale=case["scale"], shear=[0.0, 0.0],
        interpolation=mode, fill=None,
    )
    result = functional.affine(image.to(torch.float32), **arguments)
    if mode is InterpolationMode.NEAREST:
        picture = functional.affine(Image.fromarray(image[0].numpy()), **arguments)
        differing = (torch.from_numpy(numpy.array(picture)) != result[0]).sum().item()
        assert differing == 0, f"{differing} pixels differ between PIL and tensors: too near to a tie, choose others"
    return result


def jitter(image, case):
    """On pixels in 0..1, where torchvision cuts floats off."""
    image = image / 255
    steps = [
        lambda image: functional.adjust_brightness(image, case["brightness"]),
        lambda image: functional.adjust_contrast(image, case["contrast"]),
    ]
    for step in reversed(steps) if case["contrast_first"] else steps:
        image = step(image)
    return image * 255


def case(interpolation="nearest", rotation=0.0, shift=(0, 0), scale=1.0, brightness=1.0, contrast=1.0, first=False):
    case = dict(
        interpolation=interpolation, rotation_degrees=rotation, shift=list(shift), scale=scale,
        brightness=brightness, contrast=contrast, contrast_first=first,
    )
    result = jitter(affine(pixels(), case), case)
    case["pixels"] = [round(value, 3) for value in result.flatten().tolist()]
    return case


CASES = [
    case(shift=(3, -2)),
    case(rotation=17.0, shift=(-3, 1), scale=1.09),
    case(rotation=-19.5, scale=0.91),
    case("bilinear", rotation=11.0, shift=(2, 3), scale=1.07),
    case("bilinear", rotation=-123.0, shift=(-1, 0), scale=0.6),
    case(brightness=1.19, contrast=0.83),
    case(brightness=1.19, contrast=0.83, first=True),
    case("bilinear", rotation=5.0, shift=(1, -1), scale=0.95, brightness=0.82, contrast=1.2),
]

path = pathlib.Path(__file__).with_name("augment.json")
made_by = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in CASES)
path.write_text(f'{{"made_by":"{made_by}","cases":[\n{lines}\n]}}\n')
