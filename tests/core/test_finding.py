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
