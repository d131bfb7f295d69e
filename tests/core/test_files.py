from __future__ import annotations

import os
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.core import files
from napari_unet.core.files import (
    FileError,
    is_temporary,
    read_image,
    read_labels,
    replacing,
    temporary,
    write_labels,
)

RANDOM = np.random.default_rng(0)


def grey(dtype, shape=(11, 17)):
    if np.issubdtype(dtype, np.floating):
        return RANDOM.normal(size=shape).astype(dtype)
    return RANDOM.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("suffix", [".tif", ".TIFF", ".npy"])
def test_grey_values_come_back_as_they_were(tmp_path, dtype, suffix):
    path, image = tmp_path / f"image{suffix}", grey(dtype)
    if suffix == ".npy":
        np.save(path, image)
    else:
        tifffile.imwrite(path, image)
    back = read_image(path)
    assert back.dtype == dtype
    assert (back == image).all()


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", "zstd", "lzma"])
def test_compressed_tiff(tmp_path, compression):
    image = grey(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, compression=compression)
    assert (read_image(tmp_path / "a.tif") == image).all()


def test_big_endian_becomes_native(tmp_path):
    image = grey(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", image, byteorder=">")
    assert read_image(tmp_path / "a.tif").dtype.isnative
    np.save(tmp_path / "a.npy", image.astype(">u2"))
    back = read_image(tmp_path / "a.npy")
    assert back.dtype == np.uint16
    assert (back == image).all()


def test_colour_tiff_interleaved_and_planar(tmp_path):
    image = grey(np.uint8, (11, 17, 3))
    tifffile.imwrite(tmp_path / "a.tif", image, photometric="rgb")
    planar = np.moveaxis(image, -1, 0)
    tifffile.imwrite(tmp_path / "b.tif", planar, photometric="rgb", planarconfig="separate")
    assert (read_image(tmp_path / "a.tif") == image).all()
    assert (read_image(tmp_path / "b.tif") == image).all()


def test_a_tiff_of_one_pixel_or_one_row(tmp_path):
    for shape in [(1, 1), (1, 9), (9, 1)]:
        image = grey(np.uint8, shape)
        tifffile.imwrite(tmp_path / "a.tif", image)
        assert read_image(tmp_path / "a.tif").shape == shape


def test_axes_of_length_one_are_dropped(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", grey(np.uint8, (1, 1, 11, 17)), imagej=True)
    assert read_image(tmp_path / "a.tif").shape == (11, 17)


@pytest.mark.parametrize("imagej", [True, False])
def test_a_stack_is_refused_with_its_axes(tmp_path, imagej):
    tifffile.imwrite(tmp_path / "a.tif", grey(np.uint8, (5, 11, 17)), imagej=imagej)
    with pytest.raises(FileError, match=r"is a stack of shape 5 × 11 × 17 .* save the plane"):
        read_image(tmp_path / "a.tif")


def test_several_images_in_one_tiff_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(grey(np.uint8))
        file.write(grey(np.uint8, (30, 40)))
    with pytest.raises(FileError, match="holds 2 images"):
        read_image(tmp_path / "a.tif")


def test_png_grey_16_bit_and_colour(tmp_path):
    for mode, shape, dtype in [
        ("L", (11, 17), np.uint8),
        ("I;16", (11, 17), np.uint16),
        ("RGB", (11, 17, 3), np.uint8),
        ("RGBA", (11, 17, 4), np.uint8),
    ]:
        image = grey(dtype, shape)
        Image.fromarray(image).save(tmp_path / "a.png")
        back = read_image(tmp_path / "a.png")
        assert back.dtype == dtype, mode
        assert (back == image).all()


def test_png_with_grey_and_alpha_loses_its_alpha(tmp_path):
    image = grey(np.uint8)
    alpha = Image.fromarray(np.full_like(image, 99))
    picture = Image.fromarray(image)
    Image.merge("LA", (picture, alpha)).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == image).all()


def test_a_palette_gives_colours_in_an_image_and_numbers_in_labels(tmp_path):
    numbers = RANDOM.integers(0, 3, (11, 17)).astype(np.uint8)
    picture = Image.fromarray(numbers, "L").convert("P")
    picture.putdata(numbers.ravel().tolist())
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    picture.save(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.shape == (11, 17, 3)
    assert set(image[numbers == 1][:, 0].tolist()) == {255}
    assert (read_labels(tmp_path / "a.png") == numbers).all()


def test_jpeg(tmp_path):
    smooth = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - smooth).max() <= 4
    Image.fromarray(np.stack([smooth] * 3, -1)).save(tmp_path / "b.JPEG")
    assert read_image(tmp_path / "b.JPEG").shape == (64, 64, 3)


@pytest.mark.parametrize("suffix", [".tif", ".png", ".jpg", ".npy"])
def test_empty_truncated_and_foreign_files_are_refused(tmp_path, suffix):
    path, image = tmp_path / f"bad{suffix}", grey(np.uint8, (64, 64))
    path.write_bytes(b"")
    with pytest.raises(FileError, match="is an empty file"):
        read_image(path)
    path.write_bytes(b"this is no image at all, it is text\n" * 20)
    with pytest.raises(FileError, match="cannot be read, it may be damaged"):
        read_image(path)
    if suffix == ".npy":
        np.save(path, image)
    elif suffix == ".tif":
        tifffile.imwrite(path, image, compression="zlib")
    else:
        Image.fromarray(image).save(path)
    whole = path.read_bytes()
    assert read_image(path).shape == (64, 64)
    for cut in (len(whole) // 2, 20):
        path.write_bytes(whole[:cut])
        with pytest.raises(FileError, match="cannot be read, it may be damaged"):
            read_image(path)


def test_a_truncated_uncompressed_tiff_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, grey(np.uint16, (64, 64)))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileError, match="cannot be read"):
        read_image(path)


def test_pickles_are_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(FileError, match="cannot be read"):
        read_image(tmp_path / "a.npy")


def test_missing_file_folder_and_unknown_format(tmp_path):
    with pytest.raises(FileError, match="There is no file"):
        read_image(tmp_path / "none.tif")
    (tmp_path / "folder.tif").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        read_image(tmp_path / "folder.tif")
    (tmp_path / "a.czi").write_bytes(b"x")
    with pytest.raises(FileError, match=r"TIFF, PNG, JPEG and \.npy"):
        read_image(tmp_path / "a.czi")


def test_labels_refuse_colour_fractions_and_large_values(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9, 3), np.uint8), photometric="rgb")
    with pytest.raises(FileError, match="colour picture"):
        read_labels(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", np.full((9, 9), 0.5, np.float32))
    with pytest.raises(FileError, match="whole numbers"):
        read_labels(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", np.full((9, 9), 256, np.uint16))
    with pytest.raises(FileError, match=r"a\.tif.* value 256, but classes go from 1 to 255"):
        read_labels(tmp_path / "a.tif")
    np.save(tmp_path / "a.npy", np.zeros((3, 9, 9), np.uint8))
    with pytest.raises(FileError):
        read_labels(tmp_path / "a.npy")


def test_a_mask_of_two_values_is_a_label_image(tmp_path):
    mask = RANDOM.random((9, 9)) > 0.5
    Image.fromarray(mask).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", mask)
    for name in ("a.png", "a.npy"):
        labels = read_labels(tmp_path / name)
        assert np.issubdtype(labels.dtype, np.integer)
        assert (labels == mask).all()


def test_written_labels_come_back_and_are_compressed(tmp_path):
    labels = np.zeros((300, 400), np.uint8)
    labels[50:100] = 7
    path = tmp_path / "new" / "folder" / "a.tif"
    write_labels(path, labels)
    assert (read_labels(path) == labels).all()
    assert read_labels(path).dtype == np.uint8
    assert path.stat().st_size < labels.size / 20
    assert [p.name for p in path.parent.iterdir()] == ["a.tif"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    write_labels(path, np.ones((5, 5), np.uint8))

    def full(part, *args, **kwargs):
        part.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", full)
    with pytest.raises(FileError, match="cannot be written: No space left on device"):
        write_labels(path, np.full((5, 5), 2, np.uint8))
    assert read_labels(path).max() == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_where_the_folder_should_be(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(FileError, match="cannot be written"):
        write_labels(tmp_path / "file" / "a.tif", np.ones((5, 5), np.uint8))


def test_temporary_names_are_unique_and_known_again(tmp_path):
    names = {temporary(tmp_path / "a.tif") for _ in range(50)}
    assert len(names) == 50
    assert all(is_temporary(name) for name in names)
    assert not is_temporary(tmp_path / "a.tif")
    assert not is_temporary(tmp_path / ".a.part")


def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(os, "fsync", lambda _: order.append((tmp_path / "a").exists()))
    with replacing(tmp_path / "a") as part:
        part.write_bytes(b"whole")
    assert order == [False]
    assert (tmp_path / "a").read_bytes() == b"whole"


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "getuid"), reason="POSIX rights")
def test_a_written_file_has_the_usual_rights(tmp_path):
    write_labels(tmp_path / "a.tif", np.ones((5, 5), np.uint8))
    (tmp_path / "usual").touch()
    assert (tmp_path / "a.tif").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_whatever_a_decoder_raises_becomes_a_sentence(tmp_path, monkeypatch):
    def stumble(path):
        raise struct.error("unpack requires a buffer of 2 bytes")

    monkeypatch.setattr(files.tifffile, "TiffFile", stumble)
    (tmp_path / "a.tif").write_bytes(b"II*")
    with pytest.raises(FileError, match=r"may be damaged or cut short .unpack requires"):
        read_image(tmp_path / "a.tif")


def test_python_objects_are_refused_without_advice_to_run_them(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(FileError, match="it holds no array of numbers") as told:
        read_image(tmp_path / "a.npy")
    assert "pickle" not in str(told.value)
