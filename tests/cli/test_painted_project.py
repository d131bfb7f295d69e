from __future__ import annotations

import numpy as np
import tifffile
from PIL import Image

from napari_unet.cli.painted_project import read_project
from napari_unet.core.annotations import Annotations
from napari_unet.core.project.changes import LabelClass
from napari_unet.core.project.folder import ProjectFolder
from napari_unet.core.project.manifest import ImageEntry, Manifest, Source
from napari_unet.core.project.record import Record
from napari_unet.core.project.sources import fingerprint


def test_a_project_trains_like_its_files(project, tmp_path, command):
    image = tifffile.imread(project / "images" / "disk.tif")
    paint = np.asarray(Image.open(project / "strokes" / "disk.png"))
    folder, record = ProjectFolder.create(tmp_path / "painted"), Record()
    classes = (LabelClass("background", "#56b4e9"), LabelClass("disk", "#e69f00"))
    file = fingerprint(project / "images" / "disk.tif")
    source = Source("disk", image.shape, str(image.dtype), file=file)
    folder.save(Manifest(classes=classes, images=(ImageEntry(1, (source,)),)))
    changes = (*record.reclassed(classes), *record.painted((1, ()), Annotations.of(paint)))
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
