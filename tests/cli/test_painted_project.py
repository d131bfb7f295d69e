from __future__ import annotations

import msgspec
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.cli.output import Refusal
from napari_unet.cli.painted_project import read_project
from napari_unet.core.annotations import Annotations
from napari_unet.core.model import load
from napari_unet.core.project.changes import LabelClass
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.looking import look_into
from napari_unet.core.project.manifest import ImageEntry, Manifest, Source
from napari_unet.core.project.record import Record
from napari_unet.core.project.sources import fingerprint

CLASSES = (LabelClass("background", "#56b4e9"), LabelClass("disk", "#e69f00"))


def test_a_project_trains_like_its_files(project, tmp_path, command):
    image = tifffile.imread(project / "images" / "disk.tif")
    paint = np.asarray(Image.open(project / "strokes" / "disk.png"))
    folder, record = ProjectFolder.create(tmp_path / "painted"), Record()
    file = fingerprint(project / "images" / "disk.tif")
    source = Source("disk", image.shape, str(image.dtype), file=file)
    folder.save(Manifest(classes=CLASSES, images=(ImageEntry(1, (source,)),)))
    changes = (*record.reclassed(CLASSES), *record.painted((1, ()), Annotations.of(paint)))
    folder.append([record.taken(changes, 1.0)])
    folder.close()

    found = read_project(tmp_path / "painted")
    assert (found.classes, found.names) == (("background", "disk"), ["disk"])
    np.testing.assert_array_equal(found.images[0], image)
    np.testing.assert_array_equal(found.paints[0], paint)
    model = tmp_path / "again.safetensors"
    done = command("train", "--project", tmp_path / "painted", "--out", model, "--steps", "1",
                   "--threads", "1", "--patch", "20", "--batch", "1")  # fmt: skip
    assert done.code == 0, done.err


@pytest.fixture
def painted(project, tmp_path):
    """A project with two painted images, the second one kept for validation."""
    image = tifffile.imread(project / "images" / "disk.tif")
    paint = np.asarray(Image.open(project / "strokes" / "disk.png"))
    other = tmp_path / "other.tif"  # that folder is shared by all tests
    tifffile.imwrite(other, image[::-1].copy())
    folder, record = ProjectFolder.create(tmp_path / "painted"), Record()
    entries = tuple(
        ImageEntry(n, (Source(file.stem, image.shape, str(image.dtype), file=fingerprint(file)),),
                   aside=n == 2)
        for n, file in enumerate((project / "images" / "disk.tif", other), start=1)
    )  # fmt: skip
    folder.save(Manifest(classes=CLASSES, images=entries))
    changes = record.reclassed(CLASSES)
    for number, marks in ((1, paint), (2, paint[::-1])):
        changes += record.painted((number, ()), Annotations.of(marks.copy()))
    folder.append([record.taken(changes, 1.0)])
    yield folder
    folder.close()


def test_a_project_that_a_window_has_open_is_read(painted):
    assert painted.lock.is_locked
    before = {p: p.stat().st_mtime_ns for p in painted.path.rglob("*")}
    assert read_project(painted.path).names == ["disk", "other"]
    assert {p: p.stat().st_mtime_ns for p in painted.path.rglob("*")} == before


def test_images_kept_for_validation_are_only_judged_by(painted, tmp_path, command):
    assert read_project(painted.path).aside == [False, True]
    model = tmp_path / "again.safetensors"
    done = command("train", "--project", painted.path, "--out", model, "--steps", "1",
                   "--threads", "1", "--patch", "20", "--batch", "1",
                   "--held-out", "0")  # fmt: skip
    assert done.code == 0, done.err
    assert "1 of 2 painted planes" in done.err
    header = load(model).header
    assert header.made["painted pixels"] == sum(header.material.images[0].painted)
    assert header.material.score is not None  # nothing else is held out


def test_a_project_with_nothing_to_learn_from_is_refused(painted):
    content = look_into(painted.path).manifest
    aside = tuple(msgspec.structs.replace(image, aside=True) for image in content.images)
    painted.save(msgspec.structs.replace(content, images=aside))
    with pytest.raises(Refusal, match="kept for validation"):
        read_project(painted.path)
