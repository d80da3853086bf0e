"""Reads a run's event files with TensorBoard's own reader and holds them to its events.jsonl.

    pip install tensorboard
    adder train --tensorboard --out runs/board
    python crates/report/tests/read_event_files.py runs/board
"""

import json
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def f32(number):
    return struct.unpack("f", struct.pack("f", number))[0]


def expected(run):
    """{tag: {step: value}} as events.jsonl has them."""
    scalars = {}

    def add(tag, step, value):
        scalars.setdefault(tag, {})[step] = f32(value)

    for line in (run / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "step":
            for key in ("loss", "accuracy", "learning_rate", "gradient_norm"):
                add(f"step/{key}", event["step"], event[key])
        else:
            for kind in ("training", "validation"):
                for head, metrics in event[kind].items():
                    for key, value in metrics.items():
                        add(f"{kind}_{key}/{head}", event["step"], value)
    return scalars


def main():
    run = Path(sys.argv[1])
    reader = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
    reader.Reload()
    wanted = expected(run)
    for tag, values in wanted.items():
        found = {scalar.step: scalar.value for scalar in reader.Scalars(tag)}
        assert found == values, tag
    tags = reader.Tags()
    assert any(tag.startswith("evaluation_accuracy/") for tag in tags["scalars"])
    assert "figures/curves" in tags["images"] and "figures/worst" in tags["images"], tags["images"]
    count = sum(map(len, wanted.values()))
    print(f"{count} scalars under {len(wanted)} tags as in events.jsonl, {len(tags['images'])} figures")


main()
