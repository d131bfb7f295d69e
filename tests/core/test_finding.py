from __future__ import annotations

import pytest

from napari_unet.core.files import FileError
from napari_unet.core.finding import find_images, gather


def touch(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"x")


def test_files_are_found_in_natural_order(tmp_path):
    touch(tmp_path, "a10.tif", "a2.png", "A1.JPG", "a3.npy", ".a4.tif", "notes.txt")
    (tmp_path / "deeper").mkdir()
    touch(tmp_path / "deeper", "a5.tif")
    found = [path.name for path in find_images(tmp_path)]
    assert found == ["A1.JPG", "a2.png", "a3.npy", "a10.tif"]
    assert [path.name for path in find_images(tmp_path, "a*.[pt]*")] == ["a2.png", "a10.tif"]


def test_sub_folders_come_along_when_asked(tmp_path):
    for folder in ("b2", "b10", "b2/c", "out", "link/.."):
        (tmp_path / folder).mkdir(exist_ok=True, parents=True)
        touch(tmp_path / folder, "a.tif")
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    found = find_images(tmp_path, deep=True, without=tmp_path / "out")
    assert [str(p.relative_to(tmp_path)) for p in found] == [
        "a.tif", "b2/a.tif", "b2/c/a.tif", "b10/a.tif",
    ]  # fmt: skip
    with pytest.raises(FileError, match="and its sub-folders hold no image"):
        find_images(tmp_path, "*.png", deep=True)


def test_a_folder_can_be_one_image(tmp_path):
    for folder in ("a.ome.zarr", "b.tif"):
        (tmp_path / folder / "0").mkdir(parents=True)
        touch(tmp_path / folder / "0", "c.tif")
    found = find_images(tmp_path, deep=True, formats={".tif", ".zarr"})
    assert [path.name for path in found] == ["a.ome.zarr"]


def test_a_folder_that_is_not_there_or_has_no_image(tmp_path):
    with pytest.raises(FileError, match="There is no folder"):
        find_images(tmp_path / "none")
    with pytest.raises(FileError, match="holds no image; TIFF"):
        find_images(tmp_path)
    touch(tmp_path, "a.tif")
    with pytest.raises(FileError, match=r"holds no image whose name matches \*_dapi"):
        find_images(tmp_path, "*_dapi*")


def test_files_and_folders_together(tmp_path):
    (tmp_path / "folder").mkdir()
    touch(tmp_path / "folder", "b.tif", "a.tif")
    touch(tmp_path, "c.tif")
    found = gather([tmp_path / "c.tif", tmp_path / "folder"])
    assert [path.name for path in found] == ["c.tif", "a.tif", "b.tif"]
    with pytest.raises(FileError, match="There is no file or folder"):
        gather([tmp_path / "none"])
