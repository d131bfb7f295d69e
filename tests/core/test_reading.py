from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.core.files import SLIDES, FileError
from napari_unet.core.image import ImageError
from napari_unet.core.reading import open_stack
from napari_unet.core.reading_tiff import count_images
from napari_unet.core.writing import write_image

RANDOM = np.random.default_rng(0)
COMPRESSIONS = pytest.mark.parametrize("compression", [None, "zlib"])


def grey(*shape):
    return RANDOM.integers(0, 60000, shape, dtype=np.uint16)


def planes(path, scene=None):
    """The whole stack as (planes, C, Y, X), and what it says of itself."""
    with open_stack(path, scene) as stack:
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


@pytest.mark.parametrize("step", [float("inf"), float("nan"), -1.0, 0.0])
def test_a_size_of_pixels_that_makes_no_sense_is_none(tmp_path, step):
    notes = {"axes": "YX", "PhysicalSizeX": step, "PhysicalSizeY": 2.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", grey(11, 17), ome=True, metadata=notes)
    assert planes(tmp_path / "a.ome.tif")[1].spacing == {"Y": (2.0, "µm")}


@pytest.mark.parametrize(
    ("resolution", "unit", "micrometres"),
    [
        ((20000, 10000), "CENTIMETER", (0.5, 1.0)),  # X, Y
        ((101600, 101600), "INCH", (0.25, 0.25)),
        ((72, 72), "INCH", None),  # a screen's
        ((300, 300), "INCH", None),
        ((28.346, 28.346), "CENTIMETER", None),  # 72 dpi again
        ((1, 1), "INCH", None),
        ((20000, 20000), "NONE", None),
    ],
)
def test_the_resolution_of_a_plain_tiff(tmp_path, resolution, unit, micrometres):
    tifffile.imwrite(
        tmp_path / "a.tif", grey(11, 17), resolution=resolution, resolutionunit=unit, metadata=None
    )
    expected = {}
    if micrometres is not None:
        expected = {"X": (micrometres[0], "µm"), "Y": (micrometres[1], "µm")}
    assert planes(tmp_path / "a.tif")[1].spacing == expected


def two_scenes(path):
    """Two images of different size, type and calibration in one OME-TIFF."""
    images = grey(11, 17), RANDOM.integers(0, 255, (3, 20, 30), dtype=np.uint8)
    with tifffile.TiffWriter(path, ome=True) as writer:
        writer.write(images[0], metadata={"axes": "YX", "PhysicalSizeX": 0.5})
        notes = {"axes": "ZYX", "PhysicalSizeX": 2.0, "Channel": {"Name": ["dapi"]}}
        writer.write(images[1], metadata=notes, photometric="minisblack")
    return images


def test_each_image_of_a_tiff_with_its_own_axes_and_calibration(tmp_path):
    images = two_scenes(path := tmp_path / "a.ome.tif")
    assert count_images(path) == 2
    for scene, (axes, step, names) in enumerate((("YX", 0.5, ()), ("ZYX", 2.0, ("dapi",)))):
        whole, stack = planes(path, scene)
        assert (whole[:, 0] == images[scene]).all()
        assert (stack.axes, stack.spacing["X"]) == (axes, (step, "µm"))
        assert stack.channels == names
    with pytest.raises(FileError, match="holds 2 images"):  # who does not say which
        planes(path)
    with pytest.raises(FileError, match="no image 3 any more"):
        planes(path, 2)


def test_a_thumbnail_is_no_image(tmp_path):
    image = grey(64, 64)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(image[::8, ::8], subfiletype=1, metadata=None)
        writer.write(image, metadata=None)
    assert count_images(tmp_path / "a.tif") == 1
    assert (planes(tmp_path / "a.tif")[0][0, 0] == image).all()


@pytest.mark.parametrize("suffix", [s for s in SLIDES if s != ".ndpi"])  # only Hamamatsu writes it
def test_the_largest_image_of_a_scanners_file(tmp_path, suffix):
    path, image = tmp_path / f"a{suffix}", RANDOM.integers(0, 255, (96, 128, 3), dtype=np.uint8)
    with tifffile.TiffWriter(path, bigtiff=suffix == ".btf") as writer:
        writer.write(image[:9, :9], photometric="rgb", metadata=None, description="label")
        writer.write(image, photometric="rgb", metadata=None, tile=(32, 32), compression="zlib")
        writer.write(image[::4, ::4], photometric="rgb", metadata=None, description="macro")
    whole, stack = planes(path)
    assert (whole[0] == np.moveaxis(image, -1, 0)).all()
    assert stack.axes == "YX"


def test_the_size_of_pixels_that_aperios_scanners_note(tmp_path):
    said = "Aperio Image Library v1\r\n96x128 |AppMag = 40|MPP = 0.2528|Left = 1.0"
    image = RANDOM.integers(0, 255, (96, 128, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.svs", image, photometric="rgb", metadata=None, description=said)
    spacing = planes(tmp_path / "a.svs")[1].spacing
    assert spacing == {"X": (0.2528, "µm"), "Y": (0.2528, "µm")}


def test_a_file_that_cannot_be_read_counts_as_one(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"x")
    assert count_images(tmp_path / "a.tif") == 1
    assert count_images(tmp_path / "none.tif") == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"II*\0 and no page", "no pages"), (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "no pixels")],
)
def test_a_tiff_without_an_image_counts_as_one_and_is_told_of(tmp_path, data, said):
    (tmp_path / "a.tif").write_bytes(data)
    assert count_images(tmp_path / "a.tif") == 1
    with pytest.raises(FileError, match=said):
        planes(tmp_path / "a.tif")


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
