"""Loads a PyTorch export, compares it with our own logits on the 10,000 evaluation images, and saves it as PyTorch does.

    adder export runs/RUN --format torch-safetensors --out torch.safetensors
    cargo run -p adder-export --example logits -- runs/RUN/last/model.safetensors logits.safetensors
    pip install numpy safetensors torch
    python examples/pytorch/check.py torch.safetensors logits.safetensors [SAVE.pth]

The saved file goes back by `adder import SAVE.pth --out back.safetensors`, bit for bit.
"""

import sys

import torch
from adder import IdentityAdder
from safetensors.torch import load_file


def main(weights_path, logits_path, save_path=None):
    model = IdentityAdder()
    model.load_state_dict(load_file(weights_path), strict=True)
    model.eval()
    ours = load_file(logits_path)
    images = (ours["images"][:, None].float() / 255 - 0.1307) / 0.3081
    failed = False
    with torch.inference_mode():
        outputs = model(images, ours["addends"].long())
    for head, theirs in zip(("digit", "sum"), outputs):
        expected = ours[f"{head}_logits"]
        apart = (expected - theirs).abs().max().item()
        same = (expected.argmax(1) == theirs.argmax(1)).sum().item()
        print(f"{head}: {same} of {len(expected)} predictions the same, at most {apart:.1e} apart")
        failed |= same != len(expected) or apart > 1e-4
    if save_path:
        torch.save(model.state_dict(), save_path)
    sys.exit(int(failed))


if __name__ == "__main__":
    main(*sys.argv[1:])
