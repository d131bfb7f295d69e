from __future__ import annotations

import numpy as np
import pytest
from fake_model import model_bytes
from hands import paint

from napari_unet.widgets.model_file import ModelFileError


def test_a_file_that_is_no_model_is_refused(studio, tmp_path):
    path = tmp_path / "notes.safetensors"
    path.write_text("Dear diary, this is long enough to hold a length.")
    with pytest.raises(ModelFileError, match="not a napari-unet model"):
        studio.network.load(path)
    with pytest.raises(ModelFileError, match="cannot be read"):
        studio.network.load(tmp_path / "missing.safetensors")
    with pytest.raises(ModelFileError, match="is a folder"):
        studio.network.load(tmp_path)


def test_a_model_of_volumes_is_refused_before_it_takes_the_place_of_another(painted, tmp_path):
    path, before = tmp_path / "volumes.safetensors", painted.lesson._model
    path.write_bytes(model_bytes(painted.roster.classes.names, axes=3))
    with pytest.raises(ModelFileError, match="choose a stack of slices first"):
        painted.network.load(path)
    assert painted.lesson._model == before


@pytest.mark.parametrize(("rgb", "found"), [(False, 1), (True, 3)])
def test_a_model_of_other_channels_is_refused_before_it_takes_the_place_of_another(
    studio, viewer, image, tmp_path, rgb, found
):
    layer = viewer.add_image(np.stack([image] * 3, -1) if rgb else image, name="other", rgb=rgb)
    studio.choose([layer])
    path = tmp_path / "two.safetensors"
    path.write_bytes(model_bytes(("glass", "gland"), channels=2))
    with pytest.raises(ModelFileError, match=f"images of 2 channels, this image has {found}"):
        studio.network.load(path)
    assert not studio.lesson.knows
    assert "gland" not in studio.roster.classes.names
    if not rgb:  # with a second layer as its second channel it fits
        studio.choose([layer, viewer.add_image(image, name="second")])
        studio.network.load(path)
        assert studio.lesson.knows


def test_a_model_brings_its_classes_before_anything_is_painted(studio, tmp_path):
    path = tmp_path / "three.safetensors"
    path.write_bytes(model_bytes(("glass", "stroma", "gland")))
    studio.network.load(path)
    assert studio.roster.classes.names == ("glass", "stroma", "gland")


def test_names_that_no_class_can_have_are_mended_and_go_on_fitting(studio, tmp_path, image):
    path = tmp_path / "odd.safetensors"
    path.write_bytes(model_bytes(("glass", "", "n" * 600)))
    studio.network.load(path)
    assert studio.roster.classes.names == ("glass", "class 2", "n" * 500)
    paint(studio, 1, np.s_[20:40, 10:60])
    studio.network.load(path)
    assert studio.lesson.knows


def test_a_model_of_other_classes_is_refused_once_there_are_strokes(painted, tmp_path):
    path = tmp_path / "three.safetensors"
    path.write_bytes(model_bytes(("glass", "stroma", "gland")))
    with pytest.raises(ModelFileError, match="glass, stroma, gland"):
        painted.network.load(path)


def test_a_model_of_volumes_and_of_other_channels_leaves_the_panel_as_it_is(
    studio, viewer, image, tmp_path
):
    studio.choose([viewer.add_image(np.stack([image] * 3), name="stack")])
    path = tmp_path / "two.safetensors"
    path.write_bytes(model_bytes(("glass", "gland"), axes=3, channels=2))
    with pytest.raises(ModelFileError, match="images of 2 channels, this image has 1"):
        studio.network.load(path)
    assert not studio.desk.planes.volumes
    assert not studio.lesson.knows
    assert "gland" not in studio.roster.classes.names
