"""Stops, kills and resumes trainings, and holds their event files against TensorBoard's three readers, read at the end and watched
from the start.

    pip install tensorboard
    python crates/report/tests/resumed_event_files.py target/debug/adder

Every scalar of every step must be there once, with the value of the run's own record: see read_event_files.py. It takes some
minutes, most of which the data server sleeps, and works in a folder of its own.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tensorboard.version
from read_event_files import compare, readers

TINY = (
    "--set model.channels=[4,4] --set model.pool_after=[1,2] --set model.unpadded=[] --set model.dropout_free=[] "
    "--limit 96 --epochs 40 --batch-size 2 --no-report --quiet"
).split()


class Place:
    def __init__(self, adder, folder, run):
        self.adder, self.folder, self.run = str(Path(adder).resolve()), folder, folder / run

    def steps(self):
        events = self.run / "events.jsonl"
        return events.read_text().count("\n") if events.exists() else 0

    def changed(self):
        events = self.run / "events.jsonl"
        return events.stat().st_mtime if events.exists() else 0

    def train(self, *args):
        """A training that goes to its end."""
        subprocess.run([self.adder, "train", *args], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def stop(self, how, *args):
        """A training that a signal ends once it has gone some way."""
        before = self.steps() if "--resume" in args else 0
        started = time.time()
        child = subprocess.Popen(
            [self.adder, "train", *args], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        # A run that is replaced has steps of before.
        while not (self.changed() > started and before + 90 < self.steps() < before + 700):
            assert child.poll() is None, child.stderr.read()
            time.sleep(0.002)
        child.send_signal(how)
        child.stderr.read()
        code = child.wait()
        assert code == (130 if how == signal.SIGINT else -signal.SIGKILL), code

    def start(self, *more):
        return ("--out", self.run.name, *TINY, *more)

    def resume(self, *more):
        return ("--resume", self.run.name, "--no-report", "--quiet", *more)


def stopped(place, look):
    place.stop(signal.SIGINT, *place.start("--tensorboard"))
    look()
    place.train(*place.resume())


def killed(place, look):
    place.stop(signal.SIGKILL, *place.start("--tensorboard"))
    look()
    place.train(*place.resume())


def stopped_and_killed_twice_each(place, look):
    place.stop(signal.SIGINT, *place.start("--tensorboard"))
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        place.stop(how, *place.resume())
        look()
    place.train(*place.resume())


def overwritten(place, look):
    place.stop(signal.SIGINT, *place.start("--tensorboard", "--seed", "2"))
    look()
    # Another second, for the name of an event file says it.
    time.sleep(1.1)
    place.stop(signal.SIGKILL, *place.start("--tensorboard", "--overwrite"))
    look()
    place.train(*place.resume())


def asked_for_on_resuming(place, look):
    place.stop(signal.SIGINT, *place.start())
    place.train(*place.resume("--tensorboard"))


def of_an_older_version(place, look):
    """It wrote a file for each session, each with the mark of a start, and left points that a killed session had no checkpoint of."""
    place.stop(signal.SIGKILL, *place.start("--tensorboard"))
    [file] = place.run.glob("*tfevents*")
    file.with_name("events.out.tfevents.9999999999.1.adder").write_bytes(file.read_bytes())
    (place.run / "resume.json").unlink()
    place.train(*place.resume())


SCENES = [stopped, killed, stopped_and_killed_twice_each, overwritten, asked_for_on_resuming, of_an_older_version]


# The run that was there before is what these have read, and its file is gone: they look at no other from then on, and a TensorBoard
# that watched with --load_fast=false is to be started again.
STUCK = {(overwritten, "EventAccumulator"), (overwritten, "--load_fast=false")}


def play(adder, scene, watched):
    """The number of readers that found something else than the run's record."""
    how, failed = "watched" if watched else "read at the end", 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(adder, Path(folder), "run")
        place.run.mkdir()
        watching = list(readers(place.run)) if watched else []
        scene(place, lambda: [reader.scalars() for reader in watching])
        sessions = len(json.loads((place.run / "environment.json").read_text())["sessions"])
        for reader in watching or readers(place.run):
            line = f"{scene.__name__}, {sessions} sessions: {reader.name}, {how}: "
            try:
                line += f"{compare(reader, place.run)} scalars, each once"
            except AssertionError as error:
                known = watched and (scene, reader.name) in STUCK
                failed += not known
                line += f"{'not followed' if known else 'FAILED'}: {error}"
            print(line, flush=True)
    return failed


def main(adder):
    print(f"TensorBoard {tensorboard.version.VERSION}")
    # A reader that watched files of the older version has read one that is no more.
    scenes = [(scene, watched) for scene in SCENES for watched in (False, True)]
    scenes.remove((of_an_older_version, True))
    sys.exit(sum(play(adder, *scene) for scene in scenes) > 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
