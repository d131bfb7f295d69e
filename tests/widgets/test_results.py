from __future__ import annotations

import gc

import numpy as np
import pytest
import tifffile
import zarr
from napari.layers import Image, Labels

from napari_unet.core import image as image_module
from napari_unet.core import stack, writing
from napari_unet.core.writing import write_image
from napari_unet.widgets import results as module
from napari_unet.widgets.results import Room, layers_of


def test_a_stack_is_read_when_it_is_looked_at_and_lies_on_its_results(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (3, 2, 20, 30), dtype=np.uint8)
    tifffile.imwrite(
        tmp_path / "s.tif", image, ome=True,
        metadata={"axes": "ZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "PhysicalSizeZ": 2.0,
                  "Channel": {"Name": ["actin", "dapi"]}},
    )  # fmt: skip
    spacing = {"Z": (2.0, "µm"), "Y": (0.5, "µm"), "X": (0.5, "µm")}
    classes = (image[:, 0] > 100).astype(np.uint8) + 1
    shares = np.random.default_rng(0).random((3, 2, 20, 30), np.float32)
    write_image(tmp_path / "c.tif", classes, "ZYX", spacing)
    write_image(tmp_path / "p.tif", shares, "ZCYX", spacing, ("dark", "bright"))
    results = [
        ("classes", tmp_path / "c.tif"),
        ("probabilities", tmp_path / "p.tif"),
        ("measurements", tmp_path / "m.csv"),
    ]
    layers = layers_of(str(tmp_path / "s.tif"), results)
    assert [layer.name for layer in layers] == [
        "s actin", "s dapi", "s classes", "s probabilities dark", "s probabilities bright",
    ]  # fmt: skip
    assert [type(layer) for layer in layers] == [Image, Image, Labels, Image, Image]
    for layer in layers:
        assert tuple(layer.scale) == (2.0, 0.5, 0.5)
        assert {str(unit) for unit in layer.units} == {"micrometer"}
        assert not isinstance(layer.data, np.ndarray)  # not read yet
    assert (np.asarray(layers[2].data) == classes).all()
    assert (np.asarray(layers[1].data) == image[:, 1]).all()


def test_a_colour_picture_is_one_layer(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a [2].tif", image, photometric="rgb")
    (layer,) = layers_of(str(tmp_path / "a [2].tif"), [])
    assert layer.rgb
    assert (layer.data == image).all()


@pytest.fixture
def large(monkeypatch, tmp_path):
    """A slide of three channels, 200 × 300 px, which is large as far as this test goes."""
    monkeypatch.setattr(image_module, "LARGE", 100 * 100)
    for owner, name in ((module, "_WINDOW"), (module, "_COARSEST"), (writing, "TILE"),
                        (writing, "_COARSEST")):  # fmt: skip
        monkeypatch.setattr(owner, name, 64)
    image = np.random.default_rng(0).integers(9, 60000, (3, 200, 300)).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "s.tif", image, ome=True, metadata={"axes": "CYX"}, tile=(64, 64),
        compression="zlib",
    )  # fmt: skip
    return image


@pytest.fixture
def read(monkeypatch):
    """How many pixels were read of each window of a file."""
    sizes = []
    whole, cut = stack.Stack.plane, stack.View.__getitem__

    def plane(self, index):
        sizes.append(self.shape[-2] * self.shape[-1])
        return whole(self, index)

    def window(self, key):
        found = cut(self, key)
        sizes.append(found.shape[-2] * found.shape[-1])
        return found

    monkeypatch.setattr(stack.Stack, "plane", plane)
    monkeypatch.setattr(stack.View, "__getitem__", window)
    return sizes


def same(lazy, truth):
    return np.array_equal(np.asarray(lazy), truth)


def test_of_a_large_image_only_what_is_looked_at_is_read(tmp_path, large, read):
    layers = layers_of(str(tmp_path / "s.tif"), [])
    assert [layer.name for layer in layers] == ["s 1", "s 2", "s 3"]
    layer = layers[1]
    assert layer.multiscale
    assert 9 <= layer.contrast_limits[0] < 100
    assert 59000 < layer.contrast_limits[1] < 60000
    del read[:]
    assert same(layer.data[0][70:90, 130:150], large[1, 70:90, 130:150])
    assert read == [64 * 64]
    assert same(layer.data[0], large[1])
    assert same(layer.data[2], large[1, ::4, ::4])
    assert max(read) == 64 * 64


@pytest.mark.parametrize("form", ["ome.zarr", "tif"])
def test_large_results_have_the_levels_of_their_file(tmp_path, large, read, form):
    pytest.importorskip("bioio_ome_zarr")
    classes = zarr.create_array(tmp_path / "c", shape=(2, 200, 300), chunks=(1, 64, 64), dtype="u1")
    shares = zarr.create_array(
        tmp_path / "p", shape=(2, 2, 200, 300), chunks=(1, 2, 64, 64), dtype="f4"
    )
    classes[:] = np.random.default_rng(0).integers(1, 3, classes.shape)
    shares[:] = np.random.default_rng(0).random(shares.shape)
    places = [(kind, tmp_path / f"{kind}.{form}") for kind in ("classes", "probabilities")]
    zarred = form == "ome.zarr"
    write_image(places[0][1], classes, "ZYX", {}, zarr=zarred)
    write_image(places[1][1], shares, "ZCYX", {}, ("dark", "bright"), zarr=zarred)
    *_, found, dark, bright = layers_of(str(tmp_path / "s.tif"), places)
    del read[:]
    for layer, truth in ((found, classes[:]), (dark, shares[:, 0]), (bright, shares[:, 1])):
        assert same(layer.data[2], truth[:, ::4, ::4])
        assert bool(read) == (not zarred)  # not the finest level, if there are others
        assert [level.shape[-1] for level in layer.data] == [300, 150, 75, 38]
    for layer, truth in ((found, classes[:]), (dark, shares[:, 0]), (bright, shares[:, 1])):
        assert same(layer.data[0], truth)


def test_a_room_goes_with_the_last_layer_that_reads_what_is_in_it():
    layers = [image_layer() for _ in range(2)]
    room = Room()
    path = room.path
    room.keep_for(layers)
    del room
    del layers[0]
    gc.collect()
    assert path.is_dir()
    del layers[0]
    gc.collect()
    assert not path.exists()


def image_layer():  # by itself, as napari looks at the variables of who makes a layer
    return Image(np.zeros((2, 2)))
