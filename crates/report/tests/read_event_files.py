"""Reads a run's event files with TensorBoard's own readers and holds every scalar to events.jsonl and evaluation.json.

    adder train --tensorboard --out runs/board
    pip install tensorboard
    python crates/report/tests/read_event_files.py runs/board

Three readers: EventAccumulator, which scripts use; the Python reader of the page (`--load_fast=false`); and the data server
(`--load_fast=true`), where its package has a binary for this machine. Every step must be there once, with its value.
"""

import json
import struct
import sys
import time
from pathlib import Path

import tensorboard.version
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.data import server_ingester
from tensorboard.util import grpc_util, tensor_util

# Figures that a finished run has.
FIGURES = ["curves", "learning-rate", "training-and-validation", "samples-training", "confusion-digit", "worst"]
# TensorBoard's word for samples without an end, in both of its options.
ALL = 0


def f32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def written(run):
    """{tag: [(step, value), ...]} as the run's own files have them."""
    run = Path(run)
    scalars = {}

    def add(tag, step, value):
        scalars.setdefault(tag, []).append((step, f32(value)))

    def add_heads(kind, step, metrics):
        for head in ("digit", "sum", "both"):
            for key in ("loss", "accuracy"):
                add(f"{kind}_{key}/{head}", step, metrics[head][key])

    last = 0
    for line in (run / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        last = event["step"]
        if event["event"] == "step":
            for key in event.keys() - {"event", "epoch", "step"}:
                add(f"step/{key}", last, event[key])
        else:
            add_heads("training", last, event["training"])
            add_heads("validation", last, event["validation"])
    evaluation = run / "evaluation.json"
    if evaluation.exists():
        add_heads("evaluation", last, json.loads(evaluation.read_text()))
    return scalars


class Accumulator:
    """`EventAccumulator`, which forgets at every mark of a start."""

    name = "EventAccumulator"

    def __init__(self, run):
        self.reader = EventAccumulator(str(run), size_guidance={"scalars": ALL, "images": ALL})

    def scalars(self):
        self.reader.Reload()
        tags = self.reader.Tags()["scalars"]
        return {tag: [(scalar.step, scalar.value) for scalar in self.reader.Scalars(tag)] for tag in tags}


class PythonReader:
    """The reader behind the page with `--load_fast=false`, which forgets at marks of a start but the first."""

    name = "--load_fast=false"

    def __init__(self, run):
        self.reader = EventMultiplexer(tensor_size_guidance={"scalars": ALL})
        self.reader.AddRun(str(run), "run")

    def scalars(self):
        self.reader.Reload()
        tags = self.reader.GetAccumulator("run").Tags()["tensors"]
        return {
            tag: [
                (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
                for event in self.reader.Tensors("run", tag)
            ]
            for tag in tags
            if not tag.startswith("figures/")
        }


class DataServer:
    """The reader behind the page with `--load_fast=true`, which goes by the steps of each tag."""

    name = "--load_fast=true"

    def __init__(self, run):
        self.ingester = server_ingester.SubprocessServerDataIngester(
            server_ingester.get_server_binary(),
            str(run),
            reload_interval=1,
            channel_creds_type=grpc_util.ChannelCredsType.LOCAL,
            samples_per_plugin={"scalars": ALL},
        )
        self.ingester.start()

    def scalars(self):
        # It reads by itself, every second.
        time.sleep(2.5)
        found = self.ingester.data_provider.read_scalars(
            RequestContext(), experiment_id="", plugin_name="scalars", downsample=1_000_000
        )
        [tags] = found.values() if found else [{}]
        return {tag: [(datum.step, datum.value) for datum in data] for tag, data in tags.items()}


def readers(run):
    yield Accumulator(run)
    yield PythonReader(run)
    try:
        yield DataServer(run)
    except server_ingester.NoDataServerError as error:
        print(f"no data server here: {error}")


def compare(reader, run):
    """The number of scalars, which are as the run's files have them."""
    found, wanted = reader.scalars(), written(run)
    assert found.keys() == wanted.keys(), f"{reader.name}: {found.keys() ^ wanted.keys()}"
    for tag, values in wanted.items():
        if found[tag] != values:
            steps, expected = [step for step, _ in found[tag]], [step for step, _ in values]
            missing = sorted(set(expected) - set(steps))
            raise AssertionError(
                f"{reader.name}: {tag}: {len(steps)} steps, expected {len(expected)}; missing {missing[:9]}; "
                f"in order: {steps == sorted(set(steps))}"
            )
    return sum(map(len, wanted.values()))


def main(run):
    for reader in readers(run):
        count = compare(reader, run)
        print(f"{reader.name} (TensorBoard {tensorboard.version.VERSION}): {count} scalars as the run's files have them")
    images = EventAccumulator(run, size_guidance={"images": ALL})
    images.Reload()
    for figure in FIGURES:
        [image] = images.Images(f"figures/{figure}")
        assert image.encoded_image_string.startswith(b"\x89PNG") and image.width > 0, figure
    print(f"{len(images.Tags()['images'])} figures")


if __name__ == "__main__":
    main(*sys.argv[1:])
