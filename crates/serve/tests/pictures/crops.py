"""Folders of pictures for `ADDER_PICTURES`: MNIST's test digits cut to their box, and digits of 8x8 pixels in another hand.

    pip install numpy pillow scikit-learn
    python crates/serve/tests/pictures/crops.py FOLDER
    ADDER_PICTURES=FOLDER cargo test --workspace --test pictures folders -- --nocapture

Names end with the digit. docs/pictures.md has what was read of them.
"""

import gzip
import os
import sys

import numpy as np
from PIL import Image, ImageFilter
from sklearn.datasets import load_digits

OUT = sys.argv[1]
MNIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "data", "assets", "mnist")


def idx(name, offset):
    return np.frombuffer(gzip.open(os.path.join(MNIST, name)).read(), np.uint8, offset=offset)


def put(kind, index, digit, pixels):
    folder = os.path.join(OUT, f"tight_{kind}")
    os.makedirs(folder, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype("uint8")).save(f"{folder}/{index:04d}_{digit}.png")


def enlarged(pixels, width, height):
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.BICUBIC)).astype(float)


other = load_digits()
for index in np.random.default_rng(0).permutation(len(other.images))[:300]:
    light, digit = (other.images[index] / 16 * 255).round(), other.target[index]
    put("8_light", index, digit, light)
    put("8_dark", index, digit, 255 - light)
    put("nearest", index, digit, np.kron(255 - light, np.ones((20, 20))))
    put("smooth", index, digit, 255 - enlarged(light.astype("uint8"), 160, 160))
    put("pad1", index, digit, np.kron(np.pad(255 - light, 1, constant_values=255), np.ones((10, 10))))

images = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
labels = idx("t10k-labels-idx1-ubyte.gz", 8)
for index in range(1200):
    rows, columns = np.where(images[index].max(1) > 0)[0], np.where(images[index].max(0) > 0)[0]
    cut = images[index][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = 100 / max(cut.shape)
    light, digit = enlarged(cut, round(cut.shape[1] * scale), round(cut.shape[0] * scale)), labels[index]
    if index < 200:
        for margin in (0, 1, 2, 4, 10, 20):
            put(f"{margin:02}", index, digit, 255 - np.pad(light, margin))
        continue
    put("m0", index, digit, 255 - light)
    if index < 500:
        put("m0_light", index, digit, light)
        put("onebit", index, digit, 255.0 * (light < 100))
        broad = Image.fromarray(np.pad(light, 8).astype("uint8")).filter(ImageFilter.MaxFilter(9))
        put("fat", index, digit, 255 - np.asarray(broad).astype(float))
