"""Exports the network, lets every runtime that is installed read the file, and prints how their logits agree with the adder's own.

    cargo build --release
    cargo run -p adder-export --example logits -- crates/model/assets/pretrained.safetensors logits.safetensors
    pip install numpy safetensors onnx onnxruntime openvino ...
    python examples/onnx/runtimes.py logits.safetensors --adder target/release/adder

Runtimes that are not installed are left out. Those that do not get along in one environment are found in others, which `--python
OTHER/bin/python` names; it may be given many times, and of a runtime every version that is found gets its row. `--node FOLDER` has a
node_modules with onnxruntime-web or onnxruntime-node. `--rust` builds and runs the programs of examples/onnx/rust, which takes minutes.
`--opsets` prints another table: which versions of ONNX's operators each runtime reads. Each row is a process of its own, so that one
that ends costs its row alone.
"""

import argparse
import dataclasses
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

HERE = Path(__file__).resolve().parent
OPSETS = range(13, 22)
# Addends of none, each of which should be answered alike; and all others, as which none of them may act.
OUTSIDE = np.array([-1, 10, 12, 255, *range(10)])


@dataclasses.dataclass
class Row:
    """A way to read the file. `packages` are those that pip or npm must have installed; the version is the first one's."""

    name: str
    subject: str
    packages: list
    kind: str = "python"
    flags: tuple = ()
    settings: str = ""
    batch: int = 100
    versions: str = ""


ONE = ("--batch", "1")
ONE_HOT = ("--batch", "1", "--addend", "one-hot")
ROWS = [
    Row("ONNX Runtime", "onnxruntime", ["onnxruntime"]),
    Row("onnx's reference evaluator", "reference", ["onnx"]),
    Row("OpenVINO", "openvino", ["openvino"], settings="as it comes: bfloat16 where the CPU has it"),
    Row("OpenVINO", "openvino_f32", ["openvino"], settings="`INFERENCE_PRECISION_HINT=f32`"),
    Row("OpenCV", "opencv", ["opencv-python-headless"]),
    Row("OpenCV", "opencv", ["opencv-python-headless"], flags=ONE, batch=1, versions="4"),
    Row("TVM", "tvm", ["apache-tvm", "onnx"]),
    Row("IREE", "iree", ["iree-base-compiler", "iree-base-runtime", "onnx"]),
    Row("onnx2torch", "onnx2torch", ["onnx2torch"]),
    Row("onnx2pytorch", "onnx2pytorch", ["onnx2pytorch"]),
    Row("onnx2tf and LiteRT", "litert", ["onnx2tf", "ai-edge-litert"], batch=1, settings="rewrites its input: give it a copy"),
    Row("MNN", "mnn", ["MNN"], settings="its command `mnnconvert` runs pip by itself"),
    Row("pnnx and ncnn", "ncnn", ["pnnx", "ncnn"], flags=ONE_HOT, batch=1, settings="as they come: float16"),
    Row("pnnx and ncnn", "ncnn_f32", ["pnnx", "ncnn"], flags=ONE_HOT, batch=1, settings="`fp16=0`, `opt.use_fp16_*` off"),
    Row("tinygrad", "tinygrad", ["tinygrad"], settings="`DEV=CPU` needs clang"),
    Row("jaxonnxruntime", "jaxonnxruntime", ["jaxonnxruntime"], settings="`jaxort_only_allow_initializers_as_static_args` off"),
    Row("tract, from Python", "tract", ["tract"]),
    Row("ONNX Runtime for the web", "onnxruntime-web", ["onnxruntime-web"], "node"),
    Row("ONNX Runtime for Node", "onnxruntime-node", ["onnxruntime-node"], "node"),
    Row("rten", "rten", ["rten"], "rust"),
    Row("tract", "tract", ["tract-onnx"], "rust"),
    Row("candle-onnx", "candle", ["candle-onnx"], "rust", settings="building it needs `protoc`"),
]


def reason(text):
    """The line of an output that says why."""
    lines = [line.strip(" >|") for line in text.splitlines() if re.search(r"\w", line)]
    telling = [line for line in lines if re.search("error|invalid", line, re.I)] or lines
    return telling[-1][:120] if telling else "no word"


class Refused(Exception):
    """A runtime did not read the file or did not run it."""


@functools.cache
def versions_of(python):
    """The versions of the packages in an interpreter's environment."""
    program = "import importlib.metadata as m, json; print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
    output = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout
    return {name.lower(): version for name, version in json.loads(output).items()}


def homes(row, arguments):
    """Where a row's packages are installed, with the version of the first one."""
    if row.kind == "rust" and not arguments.rust:
        return []
    if row.kind == "rust":
        manifest = (HERE / "rust" / row.subject / "Cargo.toml").read_text()
        version = re.search(rf'^{row.packages[0]} = .*?"=([^"]*)"', manifest, re.M)[1]
        return [("cargo", version)]
    if row.kind == "node":
        package = Path(arguments.node or ".") / "node_modules" / row.packages[0] / "package.json"
        return [(arguments.node, json.loads(package.read_text())["version"])] if package.exists() and shutil.which("node") else []
    found = {}
    for python in [sys.executable, *arguments.python]:
        versions = versions_of(python)
        if all(package.lower() in versions for package in row.packages):
            found.setdefault(versions[row.packages[0].lower()], python)
    return [(python, version) for version, python in found.items() if version.startswith(row.versions)]


class Bench:
    """The evaluation set, the exported files, and a folder for what the rows write."""

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = Path(folder)
        ours = load_file(arguments.logits)
        pixels = ours["images"][: arguments.images, None].astype(np.float32)
        self.images = (pixels / np.float32(255) - np.float32(0.1307)) / np.float32(0.3081)
        self.addends = ours["addends"][: arguments.images].astype(np.int64)
        self.expected = [ours[f"{head}_logits"][: arguments.images] for head in ("digit", "sum")]

    @functools.cache
    def exported(self, flags):
        file = self.folder / ("-".join(["adder", *flags]) + ".onnx")
        command = [self.arguments.adder, "--quiet", "export", self.arguments.weights, "--format", "onnx", "--out", file, *flags]
        subprocess.run(command, check=True)
        return file

    def run(self, row, home, flags):
        """The logits of both heads and, where it takes numbers, those of the first image with each addend of OUTSIDE."""
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            place = Path(place)
            file = shutil.copy(self.exported(flags), place / "adder.onnx")
            if row.kind == "rust":
                return self.run_rust(row, file)
            one_hot = "one-hot" in flags
            addends = np.eye(10, dtype=np.float32)[self.addends] if one_hot else np.concatenate([self.addends, OUTSIDE])
            images = self.images if one_hot else np.concatenate([self.images, self.images[:1].repeat(len(OUTSIDE), axis=0)])
            runner = self.run_node if row.kind == "node" else self.run_python
            logits = runner(row, home, place, images, addends)
            count = len(self.images)
            outside = None if one_hot else np.concatenate(logits, axis=1)[count:]
            return *compare([found[:count] for found in logits], self.expected), outside

    def run_python(self, row, home, place, images, addends):
        np.savez(place / "in.npz", images=images, addends=addends, batch=row.batch)
        command = [home, HERE / "subjects.py", row.subject, place / "adder.onnx", place / "in.npz", place / "out.npz"]
        self.start(command, {"PATH": f"{Path(home).parent}:{os.environ['PATH']}"})
        outputs = np.load(place / "out.npz")
        return [outputs["digit"], outputs["sum"]]

    def run_node(self, row, home, place, images, addends):
        images.tofile(place / "images")
        addends.tofile(place / "addends")
        files = [place / "adder.onnx", place / "images", place / "addends", str(row.batch), place / "out"]
        self.start(["node", HERE / "subject.mjs", home, row.subject, *files])
        digit, total = np.split(np.fromfile(place / "out", np.float32), [10 * len(addends)])
        return [digit.reshape(-1, 10), total.reshape(-1, 19)]

    def run_rust(self, row, file):
        """The programs compare by themselves, and say what they found."""
        command = ["cargo", "run", "--quiet", "-p", f"onnx-in-{row.subject}", "--", file, Path(self.arguments.logits).resolve()]
        said = self.start(command, folder=HERE / "rust")
        count, largest = re.search(r"^(\d+) of \d+ predictions differ, logits at most (\S+) apart", said, re.M).groups()
        return int(count), float(largest), None

    def start(self, command, environment={}, folder=None):
        limit = self.arguments.timeout
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, cwd=folder, env={**os.environ, **environment}, timeout=limit
            )
        except subprocess.TimeoutExpired:
            raise Refused(f"not done after {limit} s") from None
        if done.returncode != 0:
            print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
            raise Refused(reason(done.stderr or done.stdout))
        return done.stdout


def compare(found, expected):
    """On how many images an answer differs, and how far the logits are apart."""
    differs = np.zeros(len(expected[0]), bool)
    largest = 0.0
    for ours, theirs in zip(expected, found):
        if ours.shape != theirs.shape:
            raise Refused(f"expected logits of {ours.shape}, found {theirs.shape}")
        differs |= ours.argmax(1) != theirs.argmax(1)
        largest = max(largest, float(np.abs(ours - theirs).max()))
    return int(differs.sum()), largest


def none_of_them(logits):
    """Whether the addends outside are answered alike, and unlike every addend of 0 to 9."""
    if logits is None:
        return "–"
    outside, inside = logits[:-10], logits[-10:]
    alike = np.abs(outside - outside[0]).max() < 1e-3
    unlike = all(np.abs(outside[0] - other).max() > 1e-2 for other in inside)
    return "yes" if alike and unlike else "no"


def table(bench, rows):
    print("| runtime | version | file | predictions that differ | largest logit difference | -1, 10, 12, 255 are none | what to set |")
    print("| --- | --- | --- | ---: | ---: | --- | --- |")
    for row, home, version in rows:
        flags = " ".join(row.flags)
        start = f"| {row.name} | {version} | {f'`{flags}`' if flags else ''} |"
        try:
            count, largest, outside = bench.run(row, home, row.flags)
            print(start, f"{count} | {largest:.1e} | {none_of_them(outside)} | {row.settings} |", flush=True)
        except Refused as refused:
            print(start, f"not read | | | {refused} |", flush=True)


def table_of_opsets(bench, rows):
    print("| runtime | version |", " | ".join(map(str, OPSETS)), "|")
    print("| --- | --- |", " | ".join("---" for _ in OPSETS), "|")
    for row, home, version in rows:
        cells = []
        for opset in OPSETS:
            try:
                count, largest, _ = bench.run(row, home, (*row.flags, "--opset", str(opset)))
                cells.append("same" if count == 0 and largest < 1e-3 else f"{largest:.1f} apart")
            except Refused:
                cells.append("not read")
        print(f"| {row.name} | {version} |", " | ".join(cells), "|", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logits", help="what the example `logits` wrote")
    parser.add_argument("--weights", default="pretrained", help="the run or weights file that the logits are of")
    parser.add_argument("--adder", default="adder", help="the program")
    parser.add_argument("--python", action="append", default=[], help="another interpreter to look for runtimes in")
    parser.add_argument("--node", help="a folder with node_modules")
    parser.add_argument("--rust", action="store_true", help="also the programs of examples/onnx/rust")
    parser.add_argument("--only", help="only rows whose name has this in it")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--opsets", action="store_true", help="the table of ONNX's versions")
    parser.add_argument("--timeout", type=int, default=3600, help="seconds for a row")
    arguments = parser.parse_args()
    rows = []
    for row in ROWS:
        if arguments.only and arguments.only.lower() not in row.name.lower():
            continue
        found = homes(row, arguments)
        rows += [(row, home, version) for home, version in found]
        if not found:
            print(f"not installed: {row.name} ({', '.join(row.packages)})", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(arguments, folder)
        (table_of_opsets if arguments.opsets else table)(bench, rows)


if __name__ == "__main__":
    main()
