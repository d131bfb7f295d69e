from __future__ import annotations

import numpy as np
import tifffile
from napari.layers import Image, Labels

from napari_unet.core.writing import write_image
from napari_unet.widgets.results import layers_of


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
