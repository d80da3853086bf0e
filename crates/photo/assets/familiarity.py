"""Fits what the digits of MNIST look like, for `src/familiarity.rs`, and writes it to `familiarity.bin` beside this file.

    python crates/photo/assets/familiarity.py    # pip install numpy (2.4.6 was used); 10 seconds

Of each digit's training images, averaged to 14x14, the mean and the first 16 principal components. All sums over images are
sums of integers, so that only the eigenvectors are rounded, far below what one step of the file is: it comes out the same,
byte for byte, on every machine.

The file holds for each of the ten digits, in order: the mean, 196 unsigned bytes, row by row; then the components, the one with
the largest variance first, each 196 signed numbers of 4 bits, the former of two in the lower half of the byte. A component is a
direction: its length has no meaning. Its largest number is 7.
"""

import gzip
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
MNIST = HERE.parent.parent / "data/assets/mnist"
COMPONENTS = 16
DOUBTED = 0.01


def read(name, header):
    return np.frombuffer(gzip.decompress((MNIST / name).read_bytes()), np.uint8, offset=header)


def load(part):
    """Images [n, 196], each number the sum of 2x2 pixels, and labels [n]."""
    images = read(f"{part}-images-idx3-ubyte.gz", 16).astype(np.int64).reshape(-1, 14, 2, 14, 2)
    return images.sum(axis=(2, 4)).reshape(-1, 196), read(f"{part}-labels-idx1-ubyte.gz", 8)


def fit(images):
    """The mean, [196] bytes, and the components, [16, 196] of -7 to 7, of the images of one digit."""
    count, total = len(images), images.sum(axis=0)
    covariance = count * (images.T @ images) - np.outer(total, total)
    _, vectors = np.linalg.eigh(covariance.astype(np.float64))
    components = vectors[:, ::-1][:, :COMPONENTS].T
    largest = components[np.arange(COMPONENTS), np.abs(components).argmax(axis=1)]
    return np.rint(total / count / 4).astype(np.uint8), np.rint(7 * components / largest[:, None]).astype(np.int8)


def packed(components):
    halves = components.astype(np.uint8) & 15
    return halves[:, ::2] | halves[:, 1::2] << 4


def residuals(images, mean, components):
    """What is left of images, [n], in pixels of full brightness: each component is taken out in turn."""
    rest = images / 4 / 255 - mean / 255
    for component in components.astype(np.float64):
        rest -= np.outer(rest @ component / (component @ component), component)
    return np.linalg.norm(rest, axis=1)


def main():
    images, labels = load("train")
    digits = [fit(images[labels == digit]) for digit in range(10)]
    (HERE / "familiarity.bin").write_bytes(b"".join(mean.tobytes() + packed(parts).tobytes() for mean, parts in digits))
    left = np.concatenate([residuals(images[labels == digit], *digits[digit]) for digit in range(10)])
    limit = np.quantile(left, 1 - DOUBTED)
    print(f"{DOUBTED:.1%} of the training images leave more than {limit:.4f}")
    images, labels = load("t10k")
    left = np.concatenate([residuals(images[labels == digit], *digits[digit]) for digit in range(10)])
    print(f"{np.mean(left > limit):.2%} of the evaluation images do")


if __name__ == "__main__":
    main()
