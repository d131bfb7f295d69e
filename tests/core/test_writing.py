from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.core.files import FileError
from napari_unet.core.writing import write_image

LABELS = np.random.default_rng(0).integers(1, 4, (3, 40, 50)).astype(np.uint8)
SPACING = {"T": (30.0, "s"), "Y": (0.1, "µm"), "X": (0.2, "µm")}


def test_a_label_image_is_a_plain_tiff_to_other_programs(tmp_path):
    write_image(tmp_path / "a.tif", LABELS[0], "YX", {})
    with Image.open(tmp_path / "a.tif") as picture:
        assert picture.mode == "L"
        assert (np.asarray(picture) == LABELS[0]).all()
    assert (tifffile.imread(tmp_path / "a.tif") == LABELS[0]).all()


def test_axes_pixel_size_and_channels_are_kept(tmp_path):
    shares = np.random.default_rng(0).random((3, 2, 40, 50), np.float32)
    write_image(tmp_path / "a.tif", shares, "TCYX", SPACING, ("dark", "µ-bright"))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_ome
        assert file.series[0].axes == "TCYX"
        assert (file.asarray() == shares).all()
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert pixels["TimeIncrement"] == 30
    assert (pixels["PhysicalSizeX"], pixels["PhysicalSizeXUnit"]) == (0.2, "µm")
    assert [c["Name"] for c in pixels["Channel"]] == ["dark", "µ-bright"]


@pytest.mark.parametrize("zarr", [False, True])
def test_the_same_image_gives_the_same_bytes(tmp_path, zarr):
    if zarr:
        pytest.importorskip("bioio_ome_zarr")
    found = []
    for name, image in (("a", LABELS), ("b", LABELS), ("c", LABELS[::-1])):
        write_image(tmp_path / name, image, "TYX", SPACING, zarr=zarr)
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file()) or [tmp_path / name]
        found.append(b"".join(file.read_bytes() for file in files))
    assert found[0] == found[1] != found[2]


def test_results_are_compressed(tmp_path):
    write_image(tmp_path / "a.tif", np.ones((500, 600), np.uint8), "YX", {})
    assert (tmp_path / "a.tif").stat().st_size < 10_000


def test_without_the_package_ome_zarr_is_refused_with_its_name(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bioio_ome_zarr.writers", None)
    with pytest.raises(FileError, match=r"napari-unet-live\[formats\]"):
        write_image(tmp_path / "a", LABELS, "TYX", {}, zarr=True)
