"""Zipped projects, also those of strangers."""

from __future__ import annotations

import contextlib
import shutil
import stat
import zipfile
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from napari_unet.core.project import zipped
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.folder import LOCK, ProjectFolder
from napari_unet.core.project.manifest import Manifest
from napari_unet.core.project.recovery import open_project
from napari_unet.core.project.zipped import unpack


@pytest.fixture
def project(tmp_path):
    """A closed project in a folder."""
    path = tmp_path / "work" / "cells"
    folder = ProjectFolder.create(path)
    folder.save(Manifest(made="today"))
    folder.keep_model("checkpoints/best.safetensors", b"weights")
    folder.close()
    return path


@pytest.fixture
def archive(project, tmp_path):
    """The project as a zip file, in a place of its own, as a stranger would send it."""
    place = tmp_path / "mail"
    place.mkdir()
    return shutil.make_archive(place / "cells", "zip", project.parent, "cells")


def added(archive, name, data=b"x", mode=0):
    """The archive with one more entry."""
    with ZipFile(archive, "a", ZIP_DEFLATED) as file:
        entry = ZipInfo(name)
        entry.external_attr = mode << 16
        file.writestr(entry, data)
    return archive


def refused(archive, match, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ProjectError, match=match):
        unpack(path_of(archive))
    assert sorted(tmp_path.rglob("*")) == before  # nothing is left behind


def path_of(archive):
    return Path(archive)


def test_a_zipped_project_opens(archive, tmp_path):
    path = unpack(path_of(archive))
    assert path == tmp_path / "mail" / "cells"
    assert not (path / LOCK).exists()
    opened = open_project(path)
    assert opened.manifest.made == "today"
    assert opened.told == ()
    opened.folder.close()
    assert (path / "checkpoints/best.safetensors").read_bytes() == b"weights"


def test_the_folder_s_content_may_be_zipped_without_the_folder(project, tmp_path):
    archive = shutil.make_archive(tmp_path / "bare", "zip", project)
    assert (unpack(path_of(archive)) / "project.json").is_file()


def test_what_is_there_is_not_touched(archive, tmp_path):
    (tmp_path / "mail" / "cells").mkdir()
    assert unpack(path_of(archive)).name == "cells (2)"


@pytest.mark.parametrize(
    "name",
    ["cells/../../../evil", "cells//etc/passwd", "cells/C:/evil", "cells/a\\..\\..\\evil",
     "cells/\x07", "cells/" + "x" * 300, "cells/a:stream"],
)  # fmt: skip
def test_names_that_lead_out_of_the_folder_are_refused(archive, tmp_path, name):
    refused(added(archive, name), "leads out of the project's folder", tmp_path)


def test_a_link_is_refused(archive, tmp_path):
    refused(added(archive, "cells/images", b"/etc", stat.S_IFLNK | 0o777), "leads out", tmp_path)


def test_what_lies_beside_the_project_stays_packed(archive, tmp_path):
    unpack(path_of(added(archive, "../evil")))
    assert not (tmp_path / "evil").exists()
    assert not (tmp_path / "mail" / "evil").exists()


def test_an_archive_without_a_project_is_refused(tmp_path):
    with ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("readme.txt", "hello")
    refused(tmp_path / "a.zip", "there is no project.json in it", tmp_path)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK no")
    refused(tmp_path / "a.zip", "damaged or no zip file", tmp_path)


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(
    archive, tmp_path, monkeypatch
):
    usage = shutil.disk_usage(tmp_path)._replace(free=zipped._SPARE + 10)
    monkeypatch.setattr(zipped.shutil, "disk_usage", lambda path: usage)
    refused(archive, "more than is free", tmp_path)


def test_files_that_overlap_are_refused(archive, tmp_path, monkeypatch):
    """How a few kilobytes become terabytes: many entries share the same packed bytes."""
    data = path_of(archive).read_bytes()
    with ZipFile(archive) as file:
        entries = file.infolist()
    for entry in entries:
        entry.compress_size = len(data)
    monkeypatch.setattr(ZipFile, "infolist", lambda self: entries)
    refused(archive, "contradict each other", tmp_path)


@pytest.mark.parametrize("at", range(40, 400, 30))
def test_a_damaged_archive_is_unpacked_whole_or_not_at_all(archive, tmp_path, at):
    data = bytearray(path_of(archive).read_bytes())
    data[at] ^= 0xFF
    path_of(archive).write_bytes(bytes(data))
    before = sorted(tmp_path.rglob("*"))
    try:
        path = unpack(path_of(archive))
    except ProjectError:
        assert sorted(tmp_path.rglob("*")) == before
    else:
        with contextlib.suppress(ProjectError):
            open_project(path).folder.close()


def test_an_encrypted_archive_is_refused(archive, tmp_path, monkeypatch):
    def locked(self, entry, *more, **options):
        raise RuntimeError(f"File {entry.filename!r} is encrypted, password required")

    monkeypatch.setattr(zipfile.ZipFile, "open", locked)
    refused(archive, "password required", tmp_path)
