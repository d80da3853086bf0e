"""Pictures that take much memory, and what `adder predict` takes for each: the table of docs/reliability.md.

    python3 crates/serve/tests/pictures/large.py target/release/adder

needs Pillow and NumPy, Linux or macOS, and 600 MB of disk for a while."""

import os
import subprocess
import sys
import tempfile

import numpy
from PIL import Image, ImageDraw

LIMIT = 512
Image.MAX_IMAGE_PIXELS = None


def digit(width, height):
    """A 1 on light ground, gray."""
    picture = Image.new("L", (width, height), 240)
    line = (width / 2, height / 4, width / 2, height * 3 / 4)
    ImageDraw.Draw(picture).line(line, fill=20, width=min(width, height) // 14)
    return picture


def photo(width, height):
    """The same in color, with the grain of a camera."""
    grain = numpy.kron(numpy.random.default_rng(1).normal(0, 6, (height // 8, width // 8)), numpy.ones((8, 8)))
    width, height = width // 8 * 8, height // 8 * 8
    values = numpy.asarray(digit(width, height).convert("RGB")) - grain[..., None]
    return Image.fromarray(values.clip(0, 255).astype("uint8"))


def pictures():
    """Each picture by what it is, with the ending of its name, what makes it and how it is saved."""
    turned = Image.Exif()
    turned[0x112] = 6
    for megapixels, size in [(24, (5712, 4284)), (50, (8160, 6120))]:
        for progressive in [False, True]:
            for subsampling, colors in [(2, "4:2:0"), (0, "4:4:4")]:
                kind = "progressive" if progressive else "baseline"
                options = dict(quality=92, subsampling=subsampling, progressive=progressive, exif=turned)
                name = f"JPEG, {megapixels} megapixels, {kind} {colors}, turned"
                yield name, "jpg", lambda size=size: photo(*size), options
    deep = lambda: Image.fromarray(numpy.asarray(digit(8000, 8000)).astype("uint16") * 256)
    color = lambda: digit(8192, 6144).convert("RGB")
    yield "PNG, 16384x16384, 1 bit", "png", lambda: digit(16384, 16384).convert("1"), {}
    yield "PNG, 8192x8192, 1 bit", "png", lambda: digit(8192, 8192).convert("1"), {}
    yield "PNG, 12000x12000, gray", "png", lambda: digit(12000, 12000), {}
    yield "PNG, 8000x8000, gray of 16 bits", "png", deep, {}
    yield "PNG, 9000x9000, palette", "png", lambda: digit(9000, 9000).convert("RGB").convert("P"), {}
    yield "PNG, 9000x9000, RGBA", "png", lambda: digit(9000, 9000).convert("RGBA"), {}
    yield "WebP, 8192x6144, lossy", "webp", color, dict(quality=50, method=0)
    yield "WebP, 8192x6144, lossless", "webp", color, dict(lossless=True, method=0)
    transparent = lambda: digit(6000, 6000).convert("RGBA")
    yield "WebP, 6000x6000, lossy with transparency", "webp", transparent, dict(method=0)


def save(make, path, options):
    """Saves a picture in a process of its own: a program that is started counts what its parent held at that time."""
    process = os.fork()
    if process == 0:
        make().save(path, **options)
        os._exit(0)
    if os.waitpid(process, 0)[1] != 0:
        sys.exit(f"{path} was not made")


def peak(command):
    """The largest resident size in MiB, and the exit code."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 2**20, os.waitstatus_to_exitcode(status)


def main():
    adder = os.path.abspath(sys.argv[1])
    print("| picture | MiB | |\n| --- | ---: | --- |")
    beyond = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, ending, make, options in pictures():
            path = os.path.join(folder, f"picture.{ending}")
            save(make, path, options)
            memory, code = peak([adder, "--quiet", "predict", "--add", "3", "--weights", "pretrained", path])
            beyond += memory > LIMIT
            print(f"| {name} | {memory:.0f} | {'' if code == 0 else 'refused'} |", flush=True)
    sys.exit(f"{beyond} took more than {LIMIT} MiB" if beyond else 0)


main()
