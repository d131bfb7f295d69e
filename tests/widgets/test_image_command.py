from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hands import halves, paint
from qtpy.QtWidgets import QApplication

from napari_unet.core.settings import changed
from napari_unet.widgets.image_command import ImageCommandError, image_command
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
