"""One trained network as people save it, in a hundred ways, each given to `adder import`; prints a line a file.

    adder export pretrained --format torch-safetensors --out torch.safetensors
    pip install numpy safetensors torch
    python examples/pytorch/checkpoints.py torch.safetensors FOLDER [ADDER]

FOLDER gets the files; ADDER is the program, `adder` by default. A file is taken to the bit, rounded to its type, or refused with words
that it must hold. Exits with 1 where one is not as it is expected.
"""

import argparse
import collections
import datetime
import enum
import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import torch
from adder import IdentityAdder
from safetensors.torch import load_file, save_file
from torch.optim.swa_utils import AveragedModel

SAME, ROUNDED = "to the bit", "rounded"


class Phase(enum.Enum):
    TRAIN = 1


class Scaled(torch.Tensor):
    """A subclass, which may mean anything."""


def network(weights):
    module = IdentityAdder()
    module.load_state_dict(weights)
    return module


def floats(weights, change):
    return {k: change(v) if v.is_floating_point() else v for k, v in weights.items()}


def prefixed(weights, prefix):
    return collections.OrderedDict((prefix + k, v) for k, v in weights.items())


def wrapped_inside(weights, wrapper):
    """As where each module was wrapped for itself: conv1.0.weight, conv1.WRAPPER.0.weight."""
    return {k.replace(".", f".{wrapper}.", 1): v for k, v in weights.items()}


def layouts(weights):
    """Ways in which the same values lie in their storages."""
    flat = torch.cat([v.flatten() for v in weights.values() if v.is_floating_point()])
    views, at = {}, 0
    for k, v in weights.items():
        views[k] = flat[at : at + v.numel()].view(v.shape) if v.is_floating_point() else v
        at += v.numel() if v.is_floating_point() else 0
    yield "views of one vector", views, SAME
    yield "channels last", network(weights).to(memory_format=torch.channels_last).state_dict(), SAME
    turned = floats(weights, lambda v: v.permute(*reversed(range(v.dim()))).contiguous().permute(*reversed(range(v.dim()))))
    yield "every tensor turned", turned, SAME
    strided = floats(weights, lambda v: torch.stack([v, v * 0], -1)[..., 0])
    yield "every second element", strided, SAME
    yield "negative bit", floats(weights, lambda v: torch._neg_view(-v)), SAME
    yield "arrays of NumPy in Fortran's order", {k: np.asfortranarray(v.numpy()) for k, v in weights.items()}, SAME
    yield "arrays of NumPy, big-endian", {k: v.numpy().astype(v.numpy().dtype.newbyteorder(">")) for k, v in weights.items()}, SAME
    expanded = dict(weights, **{"conv1.2.bias": torch.zeros(1).expand(8)})
    yield "a tensor expanded from one element", expanded, ROUNDED
    reaching = {**weights, "fc1.1.bias": torch.zeros(20)[:0]}
    yield "an empty tensor in place of a bias", reaching, "`fc1.1.bias`: expected F32 [20], found F32 [0]"
    yield "a scalar in place of a bias", {**weights, "fc1.1.bias": torch.tensor(1.0)}, "found F32 []"


def types(weights):
    yield "fp16", floats(weights, torch.Tensor.half), ROUNDED
    yield "bf16", floats(weights, torch.Tensor.bfloat16), ROUNDED
    yield "fp64", floats(weights, torch.Tensor.double), SAME
    mixed = {k: v.half() if k.startswith("conv") and v.is_floating_point() else v for k, v in weights.items()}
    yield "some in fp16", mixed, ROUNDED
    yield "float8", floats(weights, lambda v: v.to(torch.float8_e4m3fn)), "found float8_e4m3fn"
    yield "complex", floats(weights, lambda v: v.to(torch.complex64)), "found complex64"
    yield "conjugated", floats(weights, lambda v: v.to(torch.complex64).conj()), "the mark `conj`"
    yield "integers", floats(weights, torch.Tensor.int), "found I32"
    quantized = floats(weights, lambda v: torch.quantize_per_tensor(v, 0.1, 0, torch.qint8))
    yield "quantized", quantized, "a quantized tensor"
    yield "sparse", floats(weights, lambda v: v.to_sparse()), "a sparse tensor"
    yield "on the device meta", floats(weights, lambda v: v.to("meta")), "`meta`, which has no values"
    yield "a subclass", floats(weights, lambda v: v.as_subclass(Scaled)), "a tensor of the class `__main__.Scaled`"
    counts = [torch.int32, torch.uint8, torch.bool, torch.uint16, torch.float64]
    norms = [k for k in weights if k.endswith("num_batches_tracked")]
    odd = {**weights, **{k: torch.tensor(3).to(t) for k, t in zip(norms, counts + counts)}}
    yield "counts of batches of any type", odd, SAME
    attributes = floats(weights, lambda v: v.clone())
    for v in attributes.values():
        v.tag = "mine"
    yield "tensors with attributes", attributes, SAME


def keys(weights, module):
    optimizer = torch.optim.AdamW(module.parameters())
    digits, sums = module(torch.randn(4, 1, 28, 28), torch.tensor([1, 2, 3, 4]))
    (digits.sum() + sums.sum()).backward()
    optimizer.step()
    other = floats(weights, lambda v: v + 1)
    for key in ["state_dict", "model_state_dict", "model", "ema", "net", "network", "weights", "params", "generator"]:
        yield f"under `{key}`", {"epoch": 5, key: weights, "optimizer": optimizer.state_dict()}, SAME
    yield "nested keys", {"a": {"b": {"model": weights}}}, SAME
    lightning = {"epoch": 1, "pytorch-lightning_version": "2.5", "state_dict": prefixed(weights, "net."), "loops": {}}
    lightning["callbacks"] = {"ModelCheckpoint{'monitor': 'val_loss'}": {"best_model_score": torch.tensor(0.1)}}
    lightning["optimizer_states"], lightning["hparams_name"] = [optimizer.state_dict()], "kwargs"
    yield "Lightning", lightning, SAME
    ema = {**lightning, "callbacks": {"EMA": {"ema_weights": prefixed(other, "net.")}}}
    yield "Lightning with averages", ema, "--key state_dict.net or --key callbacks.EMA.ema_weights.net"
    timm = {"state_dict": weights, "state_dict_ema": other, "arch": "adder", "args": argparse.Namespace(lr=0.1)}
    yield "timm with averages", timm, "--key state_dict or --key state_dict_ema"
    yield "the same network twice", {"model": weights, "best": dict(weights)}, SAME
    yield "a list of networks", [weights, other], "--key 0 or --key 1"
    beside = {"path": pathlib.Path("runs/1"), "best": np.float64(0.9), "when": datetime.datetime(2026, 1, 1), "phase": Phase.TRAIN}
    beside.update(numbers={1, 2}, curve=[0.1] * 1000, large=1 << 100, rng=torch.get_rng_state(), scores=np.arange(3.0))
    yield "among paths, enums, scalars and sets", {"model": weights, **beside}, SAME
    yield "an optimizer alone", optimizer.state_dict(), "a dictionary with the keys `state`, `param_groups`"
    yield "a list of tensors", list(weights.values()), "tensors without names"
    yield "a single tensor", weights["fc1.0.weight"], "a single tensor, F32 [20, 16]"
    yield "an empty dictionary", {}, "an empty dictionary"
    yield "a number", 3, "no tensors"
    yield "another network", torch.nn.Linear(3, 3).state_dict(), "with the keys `weight`, `bias`"
    yield "numbers beside the tensors", {**weights, "epoch": 3}, SAME
    yield "lists in place of tensors", {k: v.tolist() for k, v in weights.items()}, "0 tensors at its top"
    tied = {**weights, "conv5.0.weight": weights["conv4.0.weight"]}
    yield "tied tensors", tied, ROUNDED
    yield "a negative variance", {**weights, "fc1.1.running_var": weights["fc1.1.running_var"] - 1e6}, "expected a variance of 0 or more"
    infinite = {**weights, "conv2.0.weight": weights["conv2.0.weight"] / 0}
    yield "infinities", infinite, "`conv2.0.weight`: element 0 is "


def names(weights):
    for prefix in ["module.", "_orig_mod.", "_orig_mod.module.", "module._orig_mod.", "model.", "net.", "backbone.trunk.", "0."]:
        yield f"behind `{prefix}`", prefixed(weights, prefix), SAME
    for wrapper in ["_fsdp_wrapped_module", "_orig_mod", "_checkpoint_wrapped_module"]:
        yield f"`{wrapper}.` in every name", prefixed(wrapped_inside(weights, wrapper), f"{wrapper}."), SAME
    yield "DDP of compiled, in a checkpoint", {"model": prefixed(weights, "module._orig_mod."), "epoch": 3}, SAME
    yield "averaged", AveragedModel(network(weights)).state_dict(), SAME
    both = {**prefixed(weights, "student."), **prefixed(floats(weights, lambda v: v + 1), "teacher.")}
    yield "student and teacher", both, "--key student or --key teacher"
    yield "a loss beside it", {**prefixed(weights, "net."), "criterion.weight": torch.ones(10)}, SAME
    yield "an unknown mask", {**weights, "mask": torch.ones(3, dtype=torch.bool)}, "tensor `mask` is unknown"
    yield "thop's counts", {**weights, "total_ops": torch.zeros(1), "conv1.total_params": torch.zeros(1)}, "thop's profiler"
    yield "parameters alone", {k: v for k, v in weights.items() if "running" not in k}, "save model.state_dict()"


def modules(module):
    yield "a whole module", module, SAME
    yield "a whole module, DataParallel", torch.nn.DataParallel(module), SAME
    yield "a whole module, averaged", AveragedModel(module), SAME
    yield "a whole module under a key, as YOLO has it", {"epoch": 1, "model": module, "ema": None}, SAME
    yield "a module of another kind", torch.nn.Linear(3, 3), "a whole module, `torch.nn.modules.linear.Linear`"


def written(weights, folder):
    """Files that are not written by a plain torch.save: the path and what is expected."""

    def save(name, value, **options):
        path = folder / name
        torch.save(value, path, **options)
        return path

    for protocol in [1, 2, 3, 4, 5]:
        yield save(f"protocol {protocol}.pt", weights, pickle_protocol=protocol), SAME
        yield save(f"before zip, protocol {protocol}.pt", weights, pickle_protocol=protocol, _use_new_zipfile_serialization=False), SAME
    yield save("before zip, types.pt", {"m": floats(weights, torch.Tensor.double), "b": torch.ones(3).bool()}, _use_new_zipfile_serialization=False), SAME
    torch.serialization.set_crc32_options(False)
    yield save("without checksums.pt", weights), SAME
    torch.serialization.set_crc32_options(True)
    plain = save("plain.pt", weights)
    packed = folder / "zipped again.pt"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    yield packed, SAME
    inside = folder / "in another zip.zip"
    with zipfile.ZipFile(inside, "w") as target:
        target.write(plain, "plain.pt")
    yield inside, "unpack it first"
    swapped = folder / "big-endian.pt"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(swapped, "w") as target:
        element = dict(zip(range(1000), (v.element_size() for v in weights.values())))
        for entry in source.infolist():
            content = source.read(entry)
            if "/data/" in entry.filename and "serialization" not in entry.filename:
                size = element[int(entry.filename.rsplit("/", 1)[1])]
                content = np.frombuffer(content, f"<u{size}").byteswap().tobytes()
            target.writestr(entry.filename, b"big" if entry.filename.endswith("byteorder") else content)
    yield swapped, SAME
    damaged = bytearray(plain.read_bytes())
    at = damaged.find(weights["fc1.0.weight"].numpy().tobytes())
    damaged[at] ^= 1
    (folder / "damaged.pt").write_bytes(damaged)
    yield folder / "damaged.pt", "has the checksum"
    (folder / "cut off.pt").write_bytes(damaged[:-9])
    yield folder / "cut off.pt", "cut off"
    (folder / "pickle.dump.pkl").write_bytes(pickle.dumps(weights))
    yield folder / "pickle.dump.pkl", SAME
    (folder / "pickle.dump of arrays.pkl").write_bytes(pickle.dumps({k: v.numpy() for k, v in weights.items()}))
    yield folder / "pickle.dump of arrays.pkl", SAME
    np.savez(folder / "arrays.npz", **{k: v.numpy() for k, v in weights.items()})
    yield folder / "arrays.npz", ".npz"
    np.save(folder / "array.npy", weights["fc1.0.weight"].numpy())
    yield folder / "array.npy", "an array of NumPy"
    script = torch.jit.script(network(weights).eval())
    script.save(folder / "scripted.pt")
    yield folder / "scripted.pt", SAME
    for name, metadata in [("none", None), ("pt", {"format": "pt"}), ("text", {"model": "resnet", "ünï": "cödé"})]:
        path = folder / f"metadata {name}.safetensors"
        save_file({k: v.contiguous() for k, v in weights.items()}, path, metadata=metadata)
        yield path, SAME
    path = folder / "pytorch_model.bin"
    torch.save(prefixed(weights, "model."), path)
    yield path, SAME
    path = folder / "metadata null.safetensors"
    header = json.loads(read_header(folder / "metadata none.safetensors")[0])
    header["__metadata__"] = None
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + read_header(folder / "metadata none.safetensors")[1])
    yield path, SAME


def read_header(path):
    content = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return content[8 : 8 + length], content[8 + length :]


def outcome(adder, path, expected, reference, out):
    """A line for a file, and whether all is as expected."""
    out.unlink(missing_ok=True)
    run = subprocess.run([adder, "import", path, "--out", out], capture_output=True, text=True)
    said = " ".join(line for line in run.stderr.splitlines() if not line.startswith("written"))
    said = said.replace(f"{path}: ", "")
    if expected not in (SAME, ROUNDED):
        return f"refused: {said}", run.returncode in (1, 2) and expected in said and not out.exists()
    if run.returncode != 0:
        return f"refused: {said}", False
    found = load_file(out)
    apart = max((found[k] - v).abs().max().item() for k, v in reference.items())
    same = found.keys() == reference.keys() and apart == 0
    words = SAME if same else f"at most {apart:.0e} apart"
    return f"{words}  {said}".rstrip(), same if expected == SAME else found.keys() == reference.keys()


def main(weights_path, folder, adder="adder"):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = load_file(weights_path)
    module = network(weights)
    out = folder / "imported.safetensors"
    subprocess.run([adder, "import", weights_path, "--out", out, "--quiet"], check=True)
    reference = load_file(out)
    files = []
    saved = [*layouts(weights), *types(weights), *keys(weights, network(weights)), *names(weights), *modules(module)]
    for name, value, expected in saved:
        path = folder / f"{name.replace('/', ' ')}.pth"
        torch.save(value, path)
        files.append((path, expected))
    files += written(weights, folder)
    wrong = 0
    for path, expected in files:
        line, right = outcome(adder, path, expected, reference, out)
        wrong += not right
        print(f"{'' if right else 'WRONG '}{path.name}: {line}")
    print(f"{len(files) - wrong} of {len(files)} as expected, with torch {torch.__version__}")
    sys.exit(int(wrong > 0))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    main(*sys.argv[1:])
