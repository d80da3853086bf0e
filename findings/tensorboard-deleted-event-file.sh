#!/bin/sh
# TensorBoard 2.21.0, Python readers (EventAccumulator, and `--load_fast=false`): an event file that is deleted while they watch.
#
# Guess: they go on with the file of a later name beside it, as they do when an old file ends, and forget what the old one said at
#   its mark of a start.
# Seen: the reader that has the deleted file open stays with it without a word, as the failure to open it again is taken for that of a
#   folder that is away for a moment. It has the old points for ever and none of the new file. A new reader has the new ones.
# Instead: start TensorBoard again after a run was replaced, or watch with the data server, which takes the new file up.
set -eu

version=2.21.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" || exit 2
"$folder/venv/bin/pip" install --quiet "tensorboard==$version" setuptools || exit 2
mkdir "$folder/run"
cat > "$folder/main.py" <<'PYTHON'
import logging
import os
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

logging.disable()
folder = sys.argv[1]


def write(name, value):
    with open(os.path.join(folder, name), "wb") as file:
        records = RecordWriter(file)
        records.write(Event(file_version="brain.Event:2").SerializeToString())
        records.write(Event(step=1, session_log=SessionLog(status=SessionLog.START)).SerializeToString())
        for step in (1, 2):
            summary = Summary(value=[Summary.Value(tag="loss", simple_value=value)])
            records.write(Event(step=step, summary=summary).SerializeToString())
        records.flush()


def points(reader):
    reader.Reload()
    return [(scalar.step, scalar.value) for scalar in reader.Scalars("loss")]


write("events.out.tfevents.1.a", 10.0)
watching = EventAccumulator(folder)
print("before  ", points(watching))
os.remove(os.path.join(folder, "events.out.tfevents.1.a"))
write("events.out.tfevents.2.a", 20.0)
print("watching", points(watching))
print("new     ", points(EventAccumulator(folder)))
PYTHON
cat > "$folder/recorded" <<'RECORDED'
before   [(1, 10.0), (2, 10.0)]
watching [(1, 10.0), (2, 10.0)]
new      [(1, 20.0), (2, 20.0)]
RECORDED

"$folder/venv/bin/python" "$folder/main.py" "$folder/run" > "$folder/seen" || exit 2
echo "tensorboard $version"
cat "$folder/seen"
if ! diff "$folder/recorded" "$folder/seen" > "$folder/changes"; then
    echo "changed (< recorded, > seen):"
    cat "$folder/changes"
    exit 1
fi
