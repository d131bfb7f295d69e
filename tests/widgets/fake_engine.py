"""A stand-in for the engine that needs no torch: each pixel gets the class of the nearest grey.

It speaks the real protocol over its stdin and stdout. Some class names make it misbehave:
"crash" kills it, "stumble" makes it report an error.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
from fake_model import model_bytes

from napari_unet.core.image import ImageError, measure
from napari_unet.engine import codec
from napari_unet.engine import messages as m
from napari_unet.engine.inbox import Inbox

TILE = 96
STEP = 0.03  # s


class FakeEngine:
    def __init__(self, sink):
        self.sink = sink
        self.classes = ()
        self.images, self.paint = {}, {}
        self.look = None
        self.training = self.answered = False
        self.step = self.generation = 0
        self.means = None
        self.restored = False
        self.queue = []
        self.places = [(0, 0), (150, 60), (40, 200)]  # the first is left out

    def say(self, event):
        codec.write(self.sink, event)

    def obey(self, command):  # noqa: C901 - one flat match
        match command:
            case m.Configure():
                self.classes = command.classes
                if "crash" in self.classes:
                    sys.stderr.write("Traceback: the fake engine was told to crash\n")
                    sys.stderr.flush()
                    os._exit(3)
                if "stumble" in self.classes:
                    self.training = False
                    self.say(m.Failed("The engine stumbled: told to.", "Traceback: told to"))
            case m.Open():
                try:
                    measure(command.image)
                except ImageError as error:
                    self.say(m.Refused(str(error), command.plane))
                    return
                self.images[command.plane] = command.image[0].astype(float)
                self.fit()
            case m.Close():
                self.images.pop(command.plane, None)
                self.paint.pop(command.plane, None)
            case m.Suggest():
                self.places = self.places[1:]
                self.say(m.Suggested(self.look.plane, self.places[0] if self.places else None))
            case m.Annotate():
                if self.means is not None and not command.seen:
                    self.say(m.Scored(0.8))
                self.paint[command.plane] = command.annotations.dense()
                self.fit()
            case m.Look():
                self.look = command
                self.sweep()
            case m.Train():
                self.training = True
            case m.Pause():
                self.training = False
            case m.Reset():
                self.training, self.step = False, 0
                self.fit()
            case m.Restore():
                self.restored = True
                self.say(m.Advised("A model was restored."))
            case m.Export():
                self.say(m.Exported(model_bytes(self.classes), asked=True))
            case m.SegmentImage():
                self.segment(command.plane)
            case m.SegmentFolder():
                self.segment_folder(command)
            case m.Cancel():
                self.queue.clear()

    def fit(self):
        values = {}
        for name, paint in self.paint.items():
            if name not in self.images:
                continue
            for k in np.unique(paint[paint > 0]):
                values.setdefault(int(k), []).append(self.images[name][paint == k])
        if len(values) == 1:
            self.say(m.Advised("Only one class is painted: paint a second one."))
        if len(values) < 2:
            return
        self.means = {k: float(np.concatenate(v).mean()) for k, v in values.items()}
        self.generation += 1
        self.say(m.Answered(self.generation, 0.01))
        self.say(m.Exported(model_bytes(self.classes), asked=False))
        self.sweep()

    def classify(self, values):
        keys = np.array(list(self.means), np.uint8)
        centres = np.array(list(self.means.values()))
        return keys[np.abs(values[..., None] - centres).argmin(-1)]

    def sweep(self):
        if self.means is None or self.look is None or self.look.plane not in self.images:
            return
        image = self.images[self.look.plane]
        if image.ndim == 3:
            self.sweep_slices(image)
            return
        places = [
            (y, x) for y in range(0, image.shape[0], TILE) for x in range(0, image.shape[1], TILE)
        ]
        for done, (y, x) in enumerate(places, start=1):
            labels = self.classify(image[y : y + TILE, x : x + TILE])
            overlay = None
            if self.look.overlay is not None:
                overlay = np.where(labels == self.look.overlay, 255, 0).astype(np.uint8)
                overlay[0] = 99 if self.look.overlay == m.UNSURE else overlay[0]
            self.say(m.Predicted(self.look.plane, self.generation, y, x, labels, overlay))
            self.say(
                m.Swept(self.look.plane, self.generation, done, len(places), len(places) - done)
            )

    def sweep_slices(self, volume):
        """The slice that is looked at first."""
        order = sorted(range(len(volume)), key=lambda z: abs(z - self.look.z))
        for z in order:
            labels = self.classify(volume[z])[None]
            shown = None if self.look.overlay is None else np.full_like(labels, 7)
            self.say(m.Predicted(self.look.plane, self.generation, 0, 0, labels, shown, z))

    def segment(self, plane):
        if self.means is None and not self.restored:
            self.say(m.Refused("Nothing is learnt yet: paint two classes or load a model.", plane))
            return
        image = self.images[plane]
        if self.means is None:
            self.means = {1: float(image.min()), 2: float(image.max())}
        labels = self.classify(image)
        half, deep = (image.shape[0] + 1) // 2, image.ndim == 3
        self.queue += [
            m.Segmented(plane, 0, 0, labels[:half], 1, 2),
            m.Segmented(plane, *((0, 0) if deep else (half, 0)), labels[half:], 2, 2, deep * half),
        ]

    def segment_folder(self, command):
        source = Path(command.source)
        if not source.is_dir():
            sentence = f"There is no folder {source}: check how it is written."
            self.say(m.Refused(sentence, run=command.run))
            return
        files = sorted(source.glob(command.pattern))[: command.limit or None]
        failed = 0
        run = command.run
        self.queue.append(m.FolderFound(tuple(map(str, files)), run))
        for done, file in enumerate(files, start=1):
            error = "It is broken." if "broken" in file.name else ""
            failed += bool(error)
            results = tuple(str(file) for kind in command.recipe.kinds)
            self.queue += [
                m.FileAdvanced(str(file), 0.5, run),
                m.FileSegmented(
                    str(file), results[0], done, len(files), 0.1, error, objects=7,
                    results=results, run=run,
                ),
            ]  # fmt: skip
        whole = len(files) - failed
        self.queue.append(m.FolderSegmented(whole, 0, failed, cancelled=False, run=run))

    def work(self):
        """Something to do between commands; False if there is nothing."""
        if self.queue:
            time.sleep(0.05)
            self.say(self.queue.pop(0))
            return True
        if not self.training or self.means is None:
            return False
        time.sleep(STEP)
        self.step += 1
        self.say(m.Trained(self.step, 1.0 / self.step, STEP))
        if self.step % 5 == 0:
            self.generation += 1
            score = 1 - 0.5 / (self.step / 5)
            self.say(m.Judged(self.step, score, kept=True, seconds=0.01, shrink=2))
            self.sweep()
        return True


def main():
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    inbox = Inbox()

    def listen():
        while (command := codec.read_command(source)) is not None:
            inbox.post(command)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    engine = FakeEngine(sink)
    engine.say(m.Ready("cpu", 1, "float32"))
    while True:
        for command in inbox.take():
            engine.obey(command)
        if not engine.work():
            inbox.wait()


if __name__ == "__main__":
    main()
