"""Take the panel through all its states in one theme, and make a picture of each.

`screenshots.py` runs it. Pictures of the dock come as states/….webp and states/…-light.webp, those
of the whole window as panel-….webp.
"""

from __future__ import annotations

import argparse
import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import scenes
import tifffile
from PIL import Image
from stage import HOME, STROKES, Stage, rest

from napari_unet.core.samples import stained_tissue, touching_cells
from napari_unet.widgets.apply import ApplyWidget
from napari_unet.widgets.batch import open_batch
from napari_unet.widgets.guidance import Step, advice

# strokes on the sample of touching cells: so many that a score on those kept aside says something
BETWEEN = (
    (27, 52), (36, 97), (38, 263), (47, 130), (73, 50), (75, 260), (79, 348), (86, 169),
    (102, 76), (116, 193), (118, 290), (139, 338), (176, 59), (209, 266), (256, 229), (291, 177),
)  # fmt: skip
CELLS = (
    (39, 164), (46, 52), (48, 371), (60, 339), (71, 186), (99, 106), (102, 238), (120, 259),
    (133, 203), (148, 68), (152, 125), (158, 301), (178, 205), (198, 105), (238, 157), (259, 201),
)  # fmt: skip


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("out", type=Path)
    options.add_argument("--theme", default="dark")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--width", type=int, default=360)
    chosen = options.parse_args()
    ending = "" if chosen.theme == "dark" else f"-{chosen.theme}"
    opened = partial(Stage, chosen.theme, dock=chosen.width)
    shots = partial(Shots, out=chosen.out, ending=ending)
    for play in (whole_work, simple, stack):
        # napari 0.9.2 can crash as a stack comes into a window from which all layers were removed
        stage = opened()
        play(stage, shots(stage), chosen.seconds)
        stage.close()
    stage = scenes.choosing(opened, shots)
    scenes.telling_apart(stage, shots(stage))
    stage.close()


def whole_work(stage, shots, seconds):
    """The tutorial, and what else can be met on the way, good and bad."""
    tissue(stage, shots, seconds)
    scenes.resting(stage, shots)
    folder(stage, shots)
    scenes.failed_folder(stage, shots)
    apply(stage, shots)
    scenes.saved(stage, shots)
    scenes.full_disk(stage, shots)
    scenes.model_first(stage, shots)
    troubles(stage, shots)
    out_of_reach(stage, shots)


class Shots:
    """Pictures of a stage, by the names of its states."""

    def __init__(self, stage, out, ending):
        self.stage, self.out, self.ending = stage, out, ending

    def dock(self, name, dock=None):
        self.write(name, self.stage.picture(dock=dock or self.stage.dock))

    def widget(self, name, widget):
        """A window of its own, as a dialog."""
        path = self.out / "states" / f"{name}{self.ending}.png"
        widget.grab().save(str(path))
        Image.open(path).convert("RGB").save(path.with_suffix(".webp"), lossless=True, method=6)
        path.unlink()

    def write(self, name, picture):
        path = self.out / "states" / f"{name}{self.ending}.webp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, lossless=True, method=6)

    def window(self, name):
        if not self.ending:  # the pages show windows in the dark theme
            self.stage.shot(self.out / f"panel-{name}.webp")
        self.dock(name)


def tissue(stage, shots, seconds):
    """The work of the tutorial, from an empty window to the result."""
    panel = stage.panel
    shots.dock("no-image")
    stage.open_tissue()
    shots.window("opened")
    stage.paint(*STROKES[0])
    rest(500)
    shots.dock("one-class")
    stage.paint_all()
    shots.window("strokes")
    panel.training.train.click()
    stage.until(lambda: len(stage.studio.lesson.report.scores) >= 3, 600, "a curve")
    shots.window("training")
    panel.view.outlines.click()
    shots.dock("outlines")
    panel.view.outlines.click()
    panel.correct.accept.click()
    shots.dock("accepting")
    panel.correct.accept.click()
    rest(round(seconds * 500))
    stage.until(lambda: len(stage.studio.lesson.report.scores) >= 6, 600, "a longer curve")
    shots.dock("trained")
    scenes.looking(stage, shots)
    panel.training.train.click()
    shots.dock("paused")
    panel.results.segment.click()
    shots.dock("segmenting")
    stage.until(lambda: "tissue segmentation" in stage.viewer.layers, 600, "the whole image")
    stage.put_down()
    shots.window("result")
    for name, fold in (("objects", panel.results.objects), ("settings", panel.settings),
                       ("keys", panel.keys)):  # fmt: skip
        fold.expand()
        rest(500)
        if fold is panel.results.objects:
            stage.until(lambda: "In view" in panel.results.objects.message.text(), 60, "a preview")
        shots.dock(name)
        fold.collapse()


def folder(stage, shots):
    """Three images of a folder, with the model that was trained."""
    images = HOME / "images"
    images.mkdir()
    tissue = stained_tissue().image
    for number, part in enumerate((tissue[:300], tissue[100:400], tissue[200:500])):
        tifffile.imwrite(images / f"tissue_{number}.tif", part, photometric="rgb")
    stage.panel.results.folder.click()
    batch = open_batch(stage.viewer)  # the one that is there
    batch.form.source.value, batch.form.target.value = images, HOME / "results"
    batch.form.kinds["objects"].value = True
    shots.dock("folder", batch.parentWidget())
    batch.start.click()
    rest(1000)
    shots.dock("folder-running", batch.parentWidget())
    stage.until(lambda: not batch.runner.running, 300, "the folder")
    shots.dock("folder-done", batch.parentWidget())
    batch.parentWidget().hide()
    stage.dock.raise_()


def apply(stage, shots):
    """The other dock, with the model that was trained."""
    path = HOME / "tissue.safetensors"
    stage.studio.lesson.save(path)
    stage.until(path.exists, 60, "the model file")
    widget = ApplyWidget(stage.viewer)
    dock = stage.viewer.window.add_dock_widget(
        widget, name="Apply model (U-Net)", area="right", tabify=True
    )
    dock.raise_()
    widget.model.value = path
    shots.dock("apply", dock)
    widget.start.click()
    shots.dock("applying", dock)  # while its engine starts
    stage.until(lambda: "Done" in widget.message.text(), 600, "the segmentation")
    shots.dock("apply-done", dock)
    scenes.trust(widget, shots)
    stage.viewer.window.remove_dock_widget(widget)
    stage.dock.raise_()


def simple(stage, shots, _seconds):
    """An image that is easy enough to be learnt in a minute, so that the guide says so."""
    stage.open(np.asarray(touching_cells().image), "cells")
    stage.studio.desk.active.paint.brush_size = 4
    train = stage.panel.training.train
    for some in (slice(0, 3), slice(3, None)):
        for number, centres in ((1, BETWEEN), (2, CELLS)):
            for y, x in centres[some]:
                stage.paint(number, (y, x - 4), (y, x + 4))
        stage.until(lambda: stage.studio.lesson.report.answered, 120, "the first answer")
        train.click()
        if some.start == 0:
            stage.until(
                lambda: "Look closely" in advice(stage.studio.situation).title, 600, "few strokes"
            )
            shots.dock("look-closely")
            train.click()
    stage.until(lambda: advice(stage.studio.situation).step is Step.SEGMENT, 600, "a good score")
    shots.dock("good")


def troubles(stage, shots):
    """What cannot be used, and an engine that dies."""
    broken = np.full((300, 300), np.nan, np.float32)
    stage.studio.choose([stage.viewer.add_image(broken, name="broken", contrast_limits=(0, 1))])
    stage.until(lambda: stage.studio.lesson.urgent, 60, "the complaint")
    shots.dock("refused")
    stage.clear()
    stage.open_tissue()
    stage.paint_all()
    os.kill(stage.studio.keeper.process_id, signal.SIGTERM)
    stage.until(lambda: not stage.studio.lesson.report.device, 60, "the end of the engine")
    shots.dock("stopped")
    stage.until(lambda: stage.studio.lesson.report.device, 240, "the engine")


def out_of_reach(stage, shots):
    """Another machine that nobody can reach, and an engine that dies again and again."""
    host, lesson = stage.panel.host, stage.studio.lesson
    host.expand()
    rest(500)
    shots.dock("compute-on")
    host.collapse()
    host.place.activated.emit(host.place.count() - 1)
    host.address.setText("me@lab.invalid")
    host.connect_button.click()
    stage.until(lambda: lesson.lost, 120, "the end of the connection")
    shots.dock("no-connection")
    host.place.setCurrentIndex(0)
    host.place.activated.emit(0)
    stage.until(lambda: lesson.report.device, 120, "the engine")
    while not lesson.gone:
        process = stage.studio.keeper.process_id
        os.kill(process, signal.SIGTERM)
        stage.until(
            lambda gone=process: lesson.gone or stage.studio.keeper.process_id not in (gone, None),
            120, "another engine",
        )  # fmt: skip
    shots.dock("gave-up")


def stack(stage, shots, _seconds):
    """A stack, and an image too large to be shown at once."""
    rng = np.random.default_rng(0)
    plane = partial(rng.integers, 0, 255, dtype=np.uint8)
    stage.open(plane(size=(5, 256, 256)), "stack", scale=(4, 1, 1))
    stage.paint(1, (20, 20), (20, 90))
    stage.paint(2, (90, 20), (90, 90))
    rest(500)
    shots.dock("stack")
    stage.clear()
    stage.open(plane(size=(9000, 12000)), "large")
    rest(1000)
    shots.dock("large")


main()
