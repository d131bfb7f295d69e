from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest
from msgspec.structs import replace

from napari_unet.core.project import sources
from napari_unet.core.project.errors import ProjectError
from napari_unet.core.project.manifest import File, Source


def test_a_file_is_found_from_a_project_that_moved_with_it(tmp_path):
    image = tmp_path / "study" / "a.tif"
    name = sources.link(image.as_posix(), tmp_path / "study" / "project")
    assert name == "../a.tif"
    assert sources.unlinked(name, tmp_path / "b" / "project") == (tmp_path / "b/a.tif").as_posix()


@pytest.mark.parametrize("name", ["//server/share/a.tif", "\\\\server\\a", "https://x/a", "a\0b"])
def test_network_shares_and_addresses_are_not_looked_at(name, tmp_path):
    assert not sources.is_near(name)
    assert sources.unlinked(name, tmp_path) == name
    assert sources.link(name, tmp_path) == name


def test_a_changed_file_is_not_the_same(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(3 << 20))
    known = sources.fingerprint(path)
    assert sources.is_same(path, known)
    data = bytearray(path.read_bytes())
    data[2 << 20] = 1
    path.write_bytes(data)
    assert not sources.is_same(path, known)
    path.unlink()
    assert not sources.is_same(path, known)


def test_a_copy_comes_back(tmp_path):
    pixels = np.arange(60, dtype=np.uint16).reshape(4, 5, 3)
    copy = sources.copy_in(tmp_path, "images/1-0.npy", pixels)
    source = Source("a", (4, 5), "uint16", rgb=True, copy=copy)
    assert (sources.copied(tmp_path, source) == pixels).all()


@pytest.mark.parametrize("damage", ["missing", "longer", "header", "objects", "size"])
def test_a_copy_that_is_not_right_is_refused(tmp_path, damage):
    copy = sources.copy_in(tmp_path, "images/1-0.npy", np.zeros((40, 50)))
    path = tmp_path / copy.path
    source = Source("a", (40, 50), "float64", copy=copy)
    match damage:
        case "missing":
            path.unlink()
        case "longer":
            path.write_bytes(path.read_bytes() + b"x")
        case "header":  # asks for 8 TB
            data = path.read_bytes().replace(b"(40, 50)", b"(10**6)^")
            path.write_bytes(data)
            source = replace(source, copy=replace(sources.fingerprint(path), path=copy.path))
        case "objects":
            np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)
            source = replace(source, copy=replace(sources.fingerprint(path), path=copy.path))
        case "size":
            source = replace(source, shape=(50, 40))
    with pytest.raises(ProjectError, match="“a”"):
        sources.copied(tmp_path, source)


def test_a_header_that_promises_too_much_asks_for_no_memory(tmp_path):
    path = tmp_path / "images" / "1.npy"
    path.parent.mkdir()
    with path.open("wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**4, 10**4)}
        np.lib.format.write_array_header_1_0(file, header)
    source = Source("a", (10**4, 10**4), "float64", copy=File("images/1.npy"))
    tracemalloc.start()
    with pytest.raises(ProjectError):
        sources.copied(tmp_path, source)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000


def test_objects_in_a_copy_are_not_unpickled(tmp_path):
    class Evil:
        def __reduce__(self):
            return (exec, ("raise SystemExit('code of a stranger ran')",))

    path = tmp_path / "images" / "1.npy"
    path.parent.mkdir()
    np.save(path, np.array([[Evil()]], dtype=object), allow_pickle=True)
    source = Source("a", (1, 1), "object", copy=File("images/1.npy"))
    with pytest.raises(ProjectError):
        sources.copied(tmp_path, source)


def test_a_name_that_is_no_text_is_kept(tmp_path):
    image = f"{tmp_path.as_posix()}/caf\udce9.tif"
    name = sources.link(image, tmp_path / "project")
    name.encode()  # it can be written
    assert sources.unlinked(name, tmp_path / "project") == image
    sources.link("C:/caf\ud800.tif", tmp_path).encode()  # half a character, as on Windows


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such pipes")
@pytest.mark.timeout(60)
def test_what_is_no_file_or_cannot_be_looked_at_is_not_there(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").write_bytes(b"x")
    known = sources.fingerprint(tmp_path / "a")
    assert sources.is_there(tmp_path / "a", known)
    for name in ("pipe", "x" * 300, "b"):
        assert not sources.is_there(tmp_path / name, known)
