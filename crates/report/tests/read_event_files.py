"""Reads a run's event files with TensorBoard's own reader and holds every scalar to events.jsonl and evaluation.json.

    adder train --tensorboard --out runs/board
    pip install tensorboard
    python crates/report/tests/read_event_files.py runs/board
"""

import json
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# Figures that a finished run has.
FIGURES = ["curves", "learning-rate", "training-and-validation", "samples-training", "confusion-digit", "worst"]


def f32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def written(run):
    """{tag: {step: value}} as the run's own files have them."""
    scalars = {}

    def add(tag, step, value):
        scalars.setdefault(tag, {})[step] = f32(value)

    def add_heads(kind, step, metrics):
        for head in ("digit", "sum", "both"):
            for key in ("loss", "accuracy"):
                add(f"{kind}_{key}/{head}", step, metrics[head][key])

    for line in (run / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        last = event["step"]
        if event["event"] == "step":
            for key in event.keys() - {"event", "epoch", "step"}:
                add(f"step/{key}", last, event[key])
        else:
            add_heads("training", last, event["training"])
            add_heads("validation", last, event["validation"])
    evaluation = json.loads((run / "evaluation.json").read_text())
    add_heads("evaluation", last, evaluation)
    return scalars


def main(run):
    reader = EventAccumulator(run, size_guidance={"scalars": 0, "images": 0})
    reader.Reload()
    tags = reader.Tags()
    found = {tag: {scalar.step: scalar.value for scalar in reader.Scalars(tag)} for tag in tags["scalars"]}
    wanted = written(Path(run))
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for tag, values in wanted.items():
        assert found[tag] == values, f"{tag} is not what the run's files say"
    for figure in FIGURES:
        [image] = reader.Images(f"figures/{figure}")
        assert image.encoded_image_string.startswith(b"\x89PNG") and image.width > 0, figure
    count = sum(map(len, wanted.values()))
    print(f"{count} scalars under {len(wanted)} tags as the run's files have them, {len(tags['images'])} figures")


if __name__ == "__main__":
    main(*sys.argv[1:])
