"""Makes the three pictures beside this file: the first images of MNIST's test set, as gray PNG files of 28x28 pixels.

    python examples/pictures/make.py crates/data/assets/mnist

They need Python's own library and nothing else. Like the images they have MNIST's licence and not that of the code: see
crates/data/assets/mnist/README.md.
"""

import gzip
import pathlib
import struct
import sys
import zlib

NAMES = ["seven.png", "two.png", "one.png"]
SIDE = 28


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(pixels):
    """A gray PNG of 8 bits; each row begins with the number of its filter, of which 0 is none."""
    rows = b"".join(b"\0" + pixels[row * SIDE : (row + 1) * SIDE] for row in range(SIDE))
    head = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def main(folder):
    images = gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    for index, name in enumerate(NAMES):
        pixels = images[index * SIDE * SIDE : (index + 1) * SIDE * SIDE]
        (pathlib.Path(__file__).parent / name).write_bytes(png(pixels))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
