"""Makes the archives that the tests of adder-data read, as numpy writes them.  usage: npz.py FOLDER

Every image is 28x28 zeros but for a square of its own brightness; numpy 2.4.6.
"""

import sys
from pathlib import Path

import numpy as np


def images(count, first):
    result = np.zeros((count, 28, 28), np.uint8)
    for at in range(count):
        result[at, 8:20, 8:20] = first + at
    return result


folder = Path(sys.argv[1])
arrays = {
    "x_train": images(3, 100),
    "y_train": np.array([1, 2, 3], np.uint8),
    "x_test": images(2, 200),
    "y_test": np.array([4, 5], np.uint8),
}
# Deflated, as the mnist.npz of Keras is, and with integers of numpy's default type.
np.savez_compressed(folder / "deflated.npz", **arrays)
np.savez_compressed(
    folder / "floats.npz",
    **{name: array / 255 if name.startswith("x") else array.astype(np.int64) for name, array in arrays.items()},
)
# Stored; one image of either set.
np.savez(folder / "stored.npz", **{name: array[:1] for name, array in arrays.items()})
