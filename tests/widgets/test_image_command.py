from __future__ import annotations

import shlex

import numpy as np
import pytest
import tifffile
from hands import halves, paint
from qtpy.QtWidgets import QApplication

from napari_unet.cli import main
from napari_unet.core.settings import changed
from napari_unet.widgets.image_command import ImageCommandError, image_command
from napari_unet.widgets.panel import AnnotatePanel
from napari_unet.widgets.share_button import ShareButton


@pytest.fixture
def at_work(panel, viewer, qtbot, tmp_path):
    """Opens a file, paints both classes; gives the studio, with an answer."""

    def start(array, name="a b.tif", **options):
        path = tmp_path / name
        tifffile.imwrite(path, array, **options)
        (layer, *_) = viewer.open(path, plugin="napari")
        studio = panel.studio
        qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
        paint(studio, 1, np.s_[..., 20:40, 10:60])
        paint(studio, 2, np.s_[..., 20:40, 150:200])
        qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=10000)
        return studio, path, layer

    return start


def test_the_file_is_segmented_with_the_panels_settings(at_work, qtbot):
    studio, path, _ = at_work(halves(200, 240))
    studio.set_settings(changed(studio.settings, "compute", mirrors=False))
    button = ShareButton(studio)
    qtbot.addWidget(button)
    button.image_command.trigger()
    assert QApplication.clipboard().text() == (
        f"napari-unet segment '{path}' --model model.safetensors --out results --no-mirrors"
    )
    assert studio.lesson.notice.endswith("Save the model as model.safetensors first.")


def test_stacks_and_colours_are_read_as_they_are_shown(at_work):
    studio, path, _ = at_work(halves(3, 200, 240), imagej=True, metadata={"axes": "ZYX"})
    assert str(path) in image_command(studio)
    studio.desk.planes.volumes = True
    assert str(path) in image_command(studio)


def test_colours_are_three_channels(at_work):
    colours = np.repeat(halves(200, 240)[..., None], 3, axis=-1)
    studio, path, _ = at_work(colours, photometric="rgb")
    assert str(path) in image_command(studio)


def test_what_is_missing_is_told(studio, painted, viewer, qtbot):
    button = ShareButton(studio)
    qtbot.addWidget(button)
    QApplication.clipboard().setText("before")
    button.image_command.trigger()
    assert QApplication.clipboard().text() == "before"
    assert studio.lesson.notice.startswith("“halves” has no file that a command could read.")
    more = viewer.add_image(halves(200, 240), name="more")
    studio.choose([studio.desk.active.image, more])
    with pytest.raises(ImageCommandError, match="are 2 layers, and a command reads one file"):
        image_command(studio)
    studio.release()
    with pytest.raises(ImageCommandError, match="no image in work"):
        image_command(studio)


def test_without_an_answer_there_is_no_model(studio):
    with pytest.raises(ImageCommandError, match="There is no model yet"):
        image_command(studio)


def test_a_file_that_means_something_else_is_refused(at_work):
    studio, path, _ = at_work(halves(3, 200, 240), imagej=True, metadata={"axes": "TYX"})
    studio.desk.planes.volumes = True
    with pytest.raises(ImageCommandError, match="does not say that its slices are Z"):
        image_command(studio)
    studio.desk.planes.volumes = False
    tifffile.imwrite(path, halves(3, 200, 240), imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(ImageCommandError, match=r"is 3 × 200 × 240 px here, and a b.tif is 200 ×"):
        image_command(studio)
    path.write_bytes(b"II*")
    with pytest.raises(ImageCommandError, match=r"cannot read this image: .* may be damaged"):
        image_command(studio)


@pytest.mark.timeout(300)
def test_the_command_gives_the_labels_of_the_panel(viewer, qtbot, tmp_path, monkeypatch):
    """With the real engine, and a setting that changes labels."""
    y, x = np.mgrid[:96, :130]
    disk = np.hypot(y - 48, x - 65) < 25
    noisy = np.where(disk, 150, 90) + np.random.default_rng(0).normal(0, 45, disk.shape)
    tifffile.imwrite(tmp_path / "a.tif", noisy.clip(0, 255).astype(np.uint8))
    viewer.open(tmp_path / "a.tif", plugin="napari")
    panel = AnnotatePanel(viewer)
    viewer.window.add_dock_widget(panel, name="Annotate and train")
    studio = panel.studio
    qtbot.waitUntil(lambda: studio.desk.active is not None, timeout=5000)
    studio.set_settings(changed(studio.settings, "compute", mirrors=False))
    paint(studio, 1, np.s_[4:8, 10:60])
    paint(studio, 2, np.s_[44:48, 55:75])
    qtbot.waitUntil(lambda: studio.lesson.report.answered, timeout=90_000)
    studio.lesson.save(tmp_path / "model.safetensors")
    qtbot.waitUntil((tmp_path / "model.safetensors").exists, timeout=30_000)
    studio.segment()
    qtbot.waitUntil(lambda: "a segmentation" in viewer.layers, timeout=60_000)
    _, *words = shlex.split(image_command(studio))
    studio.keeper.close()
    monkeypatch.chdir(tmp_path)

    def labels(words):
        assert main([*words, "--overwrite"]) == 0
        return tifffile.imread(tmp_path / "results" / "a.tif")

    shown = viewer.layers["a segmentation"].data
    assert set(np.unique(shown)) == {1, 2}
    np.testing.assert_array_equal(labels(words), shown)
    words.remove("--no-mirrors")
    assert (labels(words) != shown).any()  # so the flag is what it takes
