"""Counts the warnings that `adder` gives of parts of real data sets, as they are, transposed and inverted.

usage: odd_sets.py ADDER FOLDER...      needs numpy; each FOLDER holds the four files of a set, packed by gzip

Of each set it takes random parts of n training and n test images and those of few classes, loads each with
`adder eval pretrained --limit 1 --data PART` and prints how many of them were warned of.
"""

import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

SIZES = [1, 2, 3, 5, 10, 20, 50, 100, 500, 2000]
PARTS = 20
TURNS = {
    "as they are": lambda images: images,
    "transposed": lambda images: images.transpose(0, 2, 1),
    "inverted": lambda images: 255 - images,
}


def read(path):
    data = gzip.open(path).read()
    sizes = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)


def write(path, array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + np.ascontiguousarray(array).tobytes())


def warnings(adder, folder, sets, turn):
    for name, (images, labels) in sets.items():
        write(folder / f"{name}-images-idx3-ubyte", turn(images))
        write(folder / f"{name}-labels-idx1-ubyte", labels)
    done = subprocess.run(
        [adder, "eval", "pretrained", "--quiet", "--limit", "1", "--data", folder],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    found = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    kinds = ["transposed", "inverted", "every label", "above 1", "training images too"]
    return {kind for kind in kinds for line in found if kind in line}


def count(adder, folder, parts, turn):
    total = {}
    for sets in parts:
        for kind in warnings(adder, folder, sets, turn):
            total[kind] = total.get(kind, 0) + 1
    return ", ".join(f"{kind} {number}" for kind, number in sorted(total.items())) or "none"


def main():
    adder, *folders = sys.argv[1:]
    random = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        for source in map(Path, folders):
            whole = {
                name: (read(source / f"{name}-images-idx3-ubyte.gz"), read(source / f"{name}-labels-idx1-ubyte.gz"))
                for name in ("train", "t10k")
            }

            def part(size, classes=range(10)):
                result = {}
                for name, (images, labels) in whole.items():
                    among = np.flatnonzero(np.isin(labels, list(classes)))
                    chosen = random.choice(among, min(size, len(among)), replace=False)
                    result[name] = images[chosen], labels[chosen]
                return result

            print(f"{source.name}: warnings of {PARTS} parts each")
            for turn, function in TURNS.items():
                for size in SIZES:
                    parts = (part(size) for _ in range(PARTS))
                    print(f"  {turn}, {size} and {size} images: {count(adder, place, parts, function)}", flush=True)
            pairs = [(a, b) for a in range(10) for b in range(a)]
            parts = (part(100, pair) for pair in pairs)
            print(f"  as they are, two classes, {len(pairs)} pairs: {count(adder, place, parts, TURNS['as they are'])}")
            parts = (part(100, [digit]) for digit in range(10))
            print(f"  as they are, one class: {count(adder, place, parts, TURNS['as they are'])}")
            print(f"  as they are, all: {count(adder, place, [whole], TURNS['as they are'])}", flush=True)


if __name__ == "__main__":
    main()
