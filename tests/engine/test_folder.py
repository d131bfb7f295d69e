from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.core.files import FileError, read_labels
from napari_unet.core.image import ImageError
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.messages import FileSegmented, FolderSegmented


class Threshold:
    """Class 2 where it is bright."""

    def __init__(self, name=b"threshold"):
        self.name, self.seen = name, 0

    def segment(self, array):
        self.seen += 1
        if np.ptp(array) == 0:
            raise ImageError("All pixels of this image have the same value.")
        grey = array if array.ndim == 2 else array[..., 0]
        return np.where(grey > 100, 2, 1).astype(np.uint8)

    def to_bytes(self):
        return self.name


def image(seed):
    return np.random.default_rng(seed).integers(0, 255, (20, 30), dtype=np.uint8)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for n in (1, 2, 10):
        tifffile.imwrite(folder / f"a{n}.tif", image(n))
    Image.fromarray(np.stack([image(3)] * 3, -1)).save(folder / "b.png")
    return folder


def run(*args, **options):
    *files, end = segment_folder(*args, **options)
    assert isinstance(end, FolderSegmented)
    assert all(isinstance(event, FileSegmented) for event in files)
    return files, end


def test_each_image_becomes_a_label_file_of_the_same_stem(source, tmp_path):
    files, end = run(Threshold(), source, tmp_path / "new" / "labels")
    assert (end.written, end.skipped, end.failed, end.cancelled) == (4, 0, 0, False)
    assert [Path(f.target).name for f in files] == ["a1.tif", "a2.tif", "a10.tif", "b.tif"]
    assert [(f.done, f.total) for f in files] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    labels = read_labels(tmp_path / "new" / "labels" / "a10.tif")
    assert labels.dtype == np.uint8
    assert (labels == np.where(image(10) > 100, 2, 1)).all()
    assert {p.name for p in (tmp_path / "new" / "labels").iterdir()} == {
        "a1.tif",
        "a2.tif",
        "a10.tif",
        "b.tif",
    }


def test_one_file_is_enough_and_a_pattern_chooses(source, tmp_path):
    _, end = run(Threshold(), source / "a1.tif", tmp_path / "one")
    assert end.written == 1
    _, end = run(Threshold(), [source / "a1.tif", source / "b.png"], tmp_path / "two")
    assert end.written == 2
    _, end = run(Threshold(), source, tmp_path / "three", pattern="*.tif")
    assert end.written == 3


def test_what_is_done_is_skipped_until_image_or_model_change(source, tmp_path):
    out, model = tmp_path / "labels", Threshold()
    run(model, source, out)
    assert model.seen == 4
    files, end = run(model, source, out)
    assert (end.written, end.skipped, model.seen) == (0, 4, 4)
    assert all(f.skipped for f in files)

    later = (out / "a2.tif").stat().st_mtime + 10
    os.utime(source / "a2.tif", (later, later))
    files, end = run(model, source, out)
    assert (end.written, end.skipped) == (1, 3)
    assert not files[1].skipped

    assert run(Threshold(b"another"), source, out)[1].written == 4
    assert run(Threshold(b"another"), source, out, again=True)[1].written == 4


def test_labels_of_other_origin_are_not_overwritten_unasked(source, tmp_path):
    out = tmp_path / "labels"
    out.mkdir()
    mine = np.full((20, 30), 3, np.uint8)
    tifffile.imwrite(out / "a1.tif", mine)
    files, end = run(Threshold(), source, out)
    assert (end.written, end.failed) == (3, 1)
    assert "was not written by this program" in files[0].error
    assert (read_labels(out / "a1.tif") == mine).all()
    assert run(Threshold(), source, out, again=True)[1].failed == 0
    assert read_labels(out / "a1.tif").max() == 2


def test_broken_files_are_told_and_the_rest_goes_on(source, tmp_path):
    (source / "a1.tif").write_bytes(b"")
    (source / "a2.tif").write_bytes((source / "a2.tif").read_bytes()[:200])
    tifffile.imwrite(source / "a10.tif", np.full((20, 30), 5, np.uint8))
    files, end = run(Threshold(), source, tmp_path / "labels")
    assert (end.written, end.failed) == (1, 3)
    assert "a1.tif is an empty file" in files[0].error
    assert "a2.tif cannot be read" in files[1].error
    assert "a10.tif: All pixels of this image have the same value" in files[2].error
    assert files[3].error == ""
    assert [p.name for p in (tmp_path / "labels").iterdir()] == ["b.tif"]


def test_an_error_nobody_foresaw_is_not_hidden(source, tmp_path):
    class Broken(Threshold):
        def segment(self, array):
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run(Broken(), source, tmp_path / "labels")


def test_the_second_file_of_a_stem_is_refused(source, tmp_path):
    Image.fromarray(image(5)).save(source / "a1.png")
    files, end = run(Threshold(), source, tmp_path / "labels")
    assert (end.written, end.failed) == (4, 1)
    (error,) = [f.error for f in files if f.error]
    assert "a1.tif would overwrite the labels of" in error
    assert (read_labels(tmp_path / "labels" / "a1.tif") == np.where(image(5) > 100, 2, 1)).all()


def test_what_cannot_start_is_refused_before_the_first_file(source, tmp_path):
    with pytest.raises(FileError, match="There is no file or folder"):
        segment_folder(Threshold(), tmp_path / "none", tmp_path / "labels")
    with pytest.raises(FileError, match="choose another folder for the label files"):
        segment_folder(Threshold(), source, source)
    with pytest.raises(FileError, match="choose another folder"):
        segment_folder(Threshold(), source / "a1.tif", source / ".." / "images")
    with pytest.raises(FileError, match="is a file: name a folder"):
        segment_folder(Threshold(), source, source / "a1.tif")
    with pytest.raises(FileError, match="cannot be made"):
        segment_folder(Threshold(), source, source / "a1.tif" / "deeper")
    with pytest.raises(FileError, match="holds no image whose name matches"):
        segment_folder(Threshold(), source, tmp_path / "labels", pattern="c*")
    assert not (tmp_path / "labels").exists()


def test_a_batch_can_be_stopped_between_files_and_goes_on_later(source, tmp_path):
    model, out = Threshold(), tmp_path / "labels"
    files, end = run(model, source, out, stopped=lambda: model.seen == 2)
    assert (end.written, end.cancelled, len(files)) == (2, True, 2)
    assert run(model, source, out)[1].skipped == 2


def test_nothing_is_done_ahead_of_the_caller(source, tmp_path):
    model = Threshold()
    events = segment_folder(model, source, tmp_path / "labels")
    assert model.seen == 0
    next(events)
    assert model.seen == 1
    events.close()
    assert len(list((tmp_path / "labels").iterdir())) == 1
