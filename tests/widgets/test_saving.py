from __future__ import annotations

import numpy as np
import pytest
import zarr
from napari.layers import Labels
from npe2 import PluginManifest

from napari_unet.widgets import pyramid
from napari_unet.widgets.pyramid import on_disk, write
from napari_unet.widgets.saving import write_labels

CLASSES = np.random.default_rng(0).integers(0, 4, (2, 50, 60), np.uint8)


@pytest.mark.parametrize("lies", ["in memory", "on disk"])
def test_a_class_map_becomes_an_image_with_levels(tmp_path, monkeypatch, lies):
    monkeypatch.setattr(pyramid, "_COARSEST", 32)
    data = CLASSES.astype(np.int32)
    if lies == "on disk":
        data = on_disk(CLASSES.shape, (1, 0.5, 0.5))
        for index in range(2):
            write(data, (index,), 0, 0, CLASSES[index])
    layer = Labels(data, scale=(1, 0.5, 0.5))
    target = tmp_path / "classes.ome.zarr"
    for _ in range(2):  # it may be written again
        found, attributes, _ = layer.as_layer_data_tuple()
        assert write_labels(str(target), found, attributes) == [str(target)]
    group = zarr.open_group(target, mode="r")
    assert np.array_equal(group["0"][:], CLASSES)
    assert np.array_equal(group["1"][:], CLASSES[:, ::2, ::2])


def test_nothing_else_is_written_over(tmp_path):
    kept = tmp_path / "kept.zarr"
    kept.mkdir()
    (kept / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="another name"):
        write_labels(str(kept), CLASSES, {})
    assert (kept / "notes.txt").read_text() == "mine"


def test_objects_are_left_to_others(tmp_path):
    assert write_labels(str(tmp_path / "a.zarr"), np.full((4, 4), 999), {}) == []


def test_napari_knows_of_it():
    manifest = PluginManifest.from_distribution("napari-unet-live")
    (writer,) = manifest.contributions.writers
    assert writer.filename_extensions == [".zarr"]
