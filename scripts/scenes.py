"""Scenes that `states.py` plays besides the tutorial's own: choices, corrections, troubles."""

from __future__ import annotations

import os
import resource
import signal
import zipfile

import numpy as np
import tifffile
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QApplication
from stage import HOME, rest

from napari_unet.core.samples import stained_tissue, touching_cells
from napari_unet.core.settings import changed
from napari_unet.widgets.batch import open_batch
from napari_unet.widgets.guidance import Learning

NUCLEI = ((39, 164), (60, 339), (106, 204), (135, 205), (120, 259))  # two of them touch
BETWEEN = ((27, 52), (36, 97), (79, 348), (102, 76), (209, 266), (256, 229))


def choosing(opened, shots):
    """Two images are open before the panel is; then the strokes of an earlier session.

    `opened` makes a stage, `shots` takes pictures of one; returns a stage.
    """
    tissue = stained_tissue().image
    stage = opened(images={"first": tissue[:300], "second": tissue[200:]}, ready=False)
    shots(stage).dock("choose-image")
    stage.studio.choose([stage.viewer.layers["first"]])
    stage.until(lambda: stage.studio.desk.active is not None, 30, "the image")
    stage.paint(1, (40, 40), (40, 90))
    stage.paint(2, (200, 40), (200, 90))
    stage.until(lambda: stage.studio.project.store is not None, 30, "the project")
    rest(1500)
    shots(stage).dock("starting")
    os.kill(stage.studio.keeper.process_id, signal.SIGCONT)
    images = stage.panel.project.images
    images.refresh()
    images.topLevelItem(0).setCheckState(2, Qt.CheckState.Checked)
    stage.until(lambda: stage.studio.lesson.report.device, 120, "the engine")
    shots(stage).dock("validate")
    stage.studio.project.leave()  # the end of a program would let go of it, too
    stage.close()
    stage = opened(remember=True)
    shots(stage).dock("restore")
    stage.panel.project.offer.discard.click()
    return stage


def model_first(stage, shots):
    """A model file is loaded, and an image opened that nothing is painted on."""
    stage.clear()
    stage.studio.network.load(HOME / "tissue.safetensors")
    stage.open(stained_tissue().image, "tissue")
    stage.until(lambda: stage.prediction.all(), 120, "the prediction")
    shots.dock("look-and-correct")


def looking(stage, shots):
    """A place to look at is suggested."""
    stage.panel.correct.next.click()
    stage.until(lambda: "paint here" in stage.viewer.layers, 30, "a place")
    shots.window("where-next")
    stage.viewer.reset_view()


def resting(stage, shots):
    """Training rests as nothing gets better."""
    stage.studio.set_settings(changed(stage.studio.settings, "training", patience=1))
    stage.panel.training.train.click()
    stage.until(lambda: stage.studio.lesson.learning is Learning.RESTING, 900, "rest")
    shots.dock("resting")


def saved(stage, shots):
    """The model was just saved, and is to be shared."""
    stage.studio.lesson.save(HOME / "tissue.safetensors")
    stage.until(lambda: stage.studio.lesson.done, 60, "the model file")
    shots.dock("saved")
    share = stage.panel.results.share
    QTimer.singleShot(1500, lambda: dialog(shots, "share"))
    share.export.trigger()


def dialog(shots, name):
    """A picture of the dialog in front; then it is closed."""
    front = QApplication.activeModalWidget()
    if front is None:  # it is not there yet
        QTimer.singleShot(500, lambda: dialog(shots, name))
        return
    shots.widget(name, front)
    front.reject()


def telling_apart(stage, shots):
    """Nuclei that touch, each painted as an object of its own."""
    stage.clear()
    stage.open(np.asarray(touching_cells().image), "nuclei")
    roster, panel = stage.studio.roster, stage.panel
    stage.studio.desk.active.paint.brush_size = 5
    for y, x in BETWEEN:
        stage.paint(1, (y, x - 3), (y, x + 3))
    roster.select(2)
    panel.classes.apart.click()
    for y, x in NUCLEI:
        stage.paint(2, (y, x - 4), (y, x + 4))
        panel.classes.next.click()
    stage.until(lambda: stage.prediction.all(), 120, "the prediction")
    panel.results.objects.expand()
    rest(2500)
    stage.put_down()
    shots.dock("telling-apart")
    panel.results.objects.make.click()
    made = panel.results.objects.result.layer
    stage.until(lambda: made.layer is not None, 120, "objects")
    panel.column.ensureWidgetVisible(panel.results.objects)
    shots.dock("correcting-objects")
    panel.results.objects.collapse()
    masks = np.asarray(touching_cells().truth == 2, np.uint8)
    layer = stage.viewer.add_labels(masks, name="masks of another tool", visible=False)
    panel.classes.take.expand()
    panel.classes.take.source.show_layer(layer)
    panel.classes.take.refresh()
    rest(700)
    shots.dock("paint-from-layer")


def full_disk(stage, shots):
    """Strokes that cannot be written, as files may not grow."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    store = stage.studio.project.store
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        stage.paint(2, (200, 200), (200, 240))
        stage.until(lambda: store.failing, 60, "the failure")
        picture = stage.picture(dock=stage.dock)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    shots.write("not-saved", picture)
    stage.until(lambda: not store.failing, 60, "the next try")


def trust(widget, shots):
    """A package that holds a program; the question is answered with No."""
    path = HOME / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("rdf.yaml", "type: model\nweights:\n  torchscript: {source: w}\n")
    widget.model.value = path
    QTimer.singleShot(1500, lambda: dialog(shots, "trust"))
    widget.start.click()


def failed_folder(stage, shots):
    """A folder with a file that is no image."""
    images = HOME / "some broken"
    images.mkdir()
    tifffile.imwrite(images / "tissue_0.tif", stained_tissue().image[:300], photometric="rgb")
    (images / "tissue_1.tif").write_bytes(b"II*\x00 and nothing more")
    stage.panel.results.folder.click()
    batch = open_batch(stage.viewer)
    batch.form.source.value, batch.form.target.value = images, HOME / "results of some"
    batch.start.click()
    stage.until(lambda: not batch.runner.running, 300, "the folder")
    shots.dock("folder-failed", batch.parentWidget())
    batch.parentWidget().hide()
    stage.dock.raise_()
