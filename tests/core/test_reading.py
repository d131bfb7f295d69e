from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.core.files import FileError
from napari_unet.core.image import ImageError
from napari_unet.core.reading import open_stack
from napari_unet.core.writing import write_image

RANDOM = np.random.default_rng(0)
COMPRESSIONS = pytest.mark.parametrize("compression", [None, "zlib"])


def grey(*shape):
    return RANDOM.integers(0, 60000, shape, dtype=np.uint16)


def planes(path):
    """The whole stack as (planes, C, Y, X), and what it says of itself."""
    with open_stack(path) as stack:
        whole = np.stack([stack.plane(index) for index in stack.planes])
        return whole, stack


@COMPRESSIONS
def test_ome_tiff(tmp_path, compression):
    image = grey(3, 4, 2, 11, 17)
    notes = {
        "axes": "TZCYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "nm", "PhysicalSizeZ": 2.0,
        "TimeIncrement": 5.0, "Channel": {"Name": ["actin", "dapi"]},
    }  # fmt: skip
    tifffile.imwrite(tmp_path / "a.tif", image, ome=True, metadata=notes, compression=compression)
    whole, stack = planes(tmp_path / "a.tif")
    assert (stack.axes, stack.shape) == ("TZYX", (3, 4, 11, 17))
    assert (whole == image.reshape(12, 2, 11, 17)).all()
    assert stack.spacing == {"T": (5.0, "s"), "Z": (2.0, "µm"), "X": (0.25, "nm")}
    assert stack.channels == ("actin", "dapi")


@pytest.mark.parametrize("axes", ["CYX", "ZCYX", "TCZYX", "CTZYX", "TZYX"])
@COMPRESSIONS
def test_any_order_of_axes(tmp_path, axes, compression):
    lengths = {"T": 2, "Z": 3, "C": 4, "Y": 11, "X": 17}
    image = grey(*(lengths[a] for a in axes))
    tifffile.imwrite(
        tmp_path / "a.tif", image, metadata={"axes": axes}, compression=compression,
        photometric="minisblack",
    )  # fmt: skip
    whole, stack = planes(tmp_path / "a.tif")
    assert stack.axes == "".join(a for a in "TZYX" if a in axes)
    order = [axes.index(a) for a in "TZCYX" if a in axes]
    channels = 4 if "C" in axes else 1
    assert (whole == image.transpose(order).reshape(-1, channels, 11, 17)).all()


def test_only_the_plane_that_is_asked_for_is_decoded(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", grey(50, 11, 17), compression="zlib")
    decoded = []
    whole = tifffile.TiffPage.asarray
    monkeypatch.setattr(
        tifffile.TiffPage, "asarray", lambda page: decoded.append(page.index) or whole(page)
    )
    with open_stack(tmp_path / "a.tif") as stack:
        stack.plane((30,))
    assert decoded == [30]


@COMPRESSIONS
def test_imagej_with_its_calibration(tmp_path, compression):
    image = grey(5, 2, 11, 17)
    tifffile.imwrite(
        tmp_path / "a.tif", image, imagej=True, resolution=(4, 2), compression=compression,
        metadata={"axes": "ZCYX", "spacing": 3.0, "unit": "um", "finterval": 0.5},
    )  # fmt: skip
    whole, stack = planes(tmp_path / "a.tif")
    assert stack.axes == "ZYX"
    assert (whole == image).all()
    assert stack.spacing["X"] == (0.25, "µm")
    assert stack.spacing["Y"] == (0.5, "µm")
    assert stack.spacing["Z"] == (3.0, "µm")


@pytest.mark.parametrize("metadata", [None, {}])
def test_pages_without_a_meaning_are_a_stack(tmp_path, metadata):
    image = grey(6, 11, 17)
    tifffile.imwrite(tmp_path / "a.tif", image, metadata=metadata, photometric="minisblack")
    whole, stack = planes(tmp_path / "a.tif")
    assert (stack.axes, stack.shape) == ("ZYX", (6, 11, 17))
    assert (whole[:, 0] == image).all()


def test_axes_that_cannot_be_told_apart_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", grey(2, 3, 4, 11, 17), photometric="minisblack")
    with pytest.raises(FileError, match="axes of unknown meaning"), open_stack(tmp_path / "a.tif"):
        pass


@COMPRESSIONS
def test_colour_stack_without_its_transparency(tmp_path, compression):
    image = RANDOM.integers(0, 255, (4, 11, 17, 4), dtype=np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", image, photometric="rgb", extrasamples=["unassalpha"],
        compression=compression,
    )  # fmt: skip
    whole, stack = planes(tmp_path / "a.tif")
    assert stack.axes == "ZYX"
    assert (whole == np.moveaxis(image[..., :3], -1, 1)).all()


def test_a_volumetric_tile(tmp_path):
    image = grey(16, 32, 32)
    tifffile.imwrite(tmp_path / "a.tif", image, volumetric=True, tile=(16, 16, 16))
    assert (planes(tmp_path / "a.tif")[0][:, 0] == image).all()


@COMPRESSIONS
def test_big_endian_becomes_native(tmp_path, compression):
    image = grey(5, 11, 17)
    tifffile.imwrite(tmp_path / "a.tif", image, byteorder=">", compression=compression)
    whole, _ = planes(tmp_path / "a.tif")
    assert whole.dtype.isnative
    assert (whole[:, 0] == image).all()


def test_png_and_npy_have_one_plane(tmp_path):
    image = RANDOM.integers(0, 255, (11, 17, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    whole, stack = planes(tmp_path / "a.png")
    assert stack.axes == "YX"
    assert (whole[0] == np.moveaxis(image, -1, 0)).all()
    np.save(tmp_path / "a.npy", grey(2, 3, 4, 5))
    with pytest.raises(ImageError, match="not a single plane"), open_stack(tmp_path / "a.npy"):
        pass


def test_complex_values_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 9, 9), np.complex64))
    with open_stack(tmp_path / "a.tif") as stack, pytest.raises(ImageError, match="must be number"):
        stack.plane((0,))


@COMPRESSIONS
def test_truncated_stacks_are_told(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, grey(20, 64, 64), compression=compression)
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(FileError, match="cannot be read"):
        planes(path)


def test_what_the_reader_of_a_plane_does_wrong_is_not_the_files_fault(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", grey(11, 17))
    with pytest.raises(RuntimeError, match="mine"), open_stack(tmp_path / "a.tif"):
        raise RuntimeError("mine")


@pytest.mark.parametrize(
    ("name", "package"), [("a.czi", "bioio-czi"), ("a.ND2", "bioio-nd2"), ("a.lif", "bioio-lif")]
)
def test_a_missing_plugin_is_named(tmp_path, name, package):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(FileError, match=f"pip install .* {package}"), open_stack(tmp_path / name):
        pass


def test_without_bioio_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bioio", None)
    (tmp_path / "a.zarr").mkdir()
    with (
        pytest.raises(FileError, match=r"napari-unet-live\[formats\]"),
        open_stack(tmp_path / "a.zarr"),
    ):
        pass


def test_formats_that_nobody_knows(tmp_path):
    (tmp_path / "a.docx").write_bytes(b"x")
    with (
        pytest.raises(FileError, match="not an image file that is"),
        open_stack(tmp_path / "a.docx"),
    ):
        pass


def test_ome_zarr(tmp_path):
    pytest.importorskip("bioio_ome_zarr")
    image = grey(3, 2, 30, 40)
    spacing = {"Z": (2.0, "µm"), "Y": (0.5, "µm"), "X": (0.5, "µm")}
    write_image(tmp_path / "a.ome.zarr", image, "ZCYX", spacing, ("actin", "dapi"), zarr=True)
    whole, stack = planes(tmp_path / "a.ome.zarr")
    assert (stack.axes, stack.shape) == ("ZYX", (3, 30, 40))
    assert (whole == image).all()
    assert stack.spacing == spacing
    assert stack.channels == ("actin", "dapi")
    (tmp_path / "a.ome.zarr" / ".zattrs").write_text("{")
    with pytest.raises(FileError, match="cannot be read"):
        planes(tmp_path / "a.ome.zarr")
