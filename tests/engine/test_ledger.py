from __future__ import annotations

import os
import subprocess
import sys

import pytest

from napari_unet.core.files import FileError
from napari_unet.engine.batch.ledger import Entry, Ledger, Stamp, digest


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "image.tif"
    path.write_bytes(b"image")
    return path


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def written(target, source, name="a.tif", content=b"result", recipe="r", before=""):
    """A result on disk, and the line for it."""
    (target / name).write_bytes(content)
    return Entry(
        *(name, recipe, Stamp.of(source), digest(source)),
        *(Stamp.of(target / name), digest(target / name), before),
    )


def reopened(ledger, target):
    ledger.close()
    return Ledger(target)


def test_what_was_noted_is_known_after_a_restart(target, source):
    ledger = Ledger(target)
    ledger.add([written(target, source)])
    for _ in range(2):
        assert ledger.up_to_date(["a.tif"], source, "r")
        assert not ledger.up_to_date(["a.tif"], source, "other")
        assert not ledger.up_to_date(["a.tif", "b.tif"], source, "r")
        ledger = reopened(ledger, target)
    ledger.close()


def test_a_line_that_was_cut_short_is_ignored(target, source):
    ledger = Ledger(target)
    ledger.add([written(target, source), written(target, source, "b.tif")])
    journal = target / ".napari-unet" / "done.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    ledger = reopened(ledger, target)
    assert ledger.up_to_date(["a.tif"], source, "r")
    assert not ledger.up_to_date(["b.tif"], source, "r")
    ledger.add([written(target, source, "c.tif")])
    ledger = reopened(ledger, target)
    assert ledger.results == ["a.tif", "c.tif"]
    ledger.close()


def test_a_changed_image_is_not_up_to_date_but_a_touched_one_is(target, source):
    ledger = Ledger(target)
    ledger.add([written(target, source)])
    os.utime(source, (1e9, 1e9))
    assert ledger.up_to_date(["a.tif"], source, "r")
    source.write_bytes(b"imagE")
    assert not ledger.up_to_date(["a.tif"], source, "r")
    ledger.close()


def test_a_crash_between_note_and_name_leaves_the_old_result_as_our_own(target, source):
    ledger = Ledger(target)
    ledger.add([old := written(target, source, content=b"old")])
    noted = written(target, source, content=b"new", recipe="r2", before=old.digest)
    (target / "a.tif").write_bytes(b"old")  # the new one did not get its name
    ledger.add([noted])
    ledger = reopened(ledger, target)
    assert not ledger.up_to_date(["a.tif"], source, "r2")
    assert ledger.owned("a.tif") == old.digest
    ledger.close()


def test_who_owns_a_result(target, source):
    ledger = Ledger(target)
    entry = written(target, source)
    assert ledger.owned("a.tif") is None  # there, but nobody noted it
    ledger.add([entry])
    assert ledger.owned("a.tif") == entry.digest
    assert ledger.owned("none.tif") == ""
    os.utime(target / "a.tif", (1e9, 1e9))
    assert ledger.owned("a.tif") == entry.digest
    (target / "a.tif").write_bytes(b"by hand")
    assert ledger.owned("a.tif") is None
    assert ledger.up_to_date(["a.tif"], source, "r")  # a correction is not thrown away
    ledger.close()


def test_the_journal_does_not_grow_for_ever(target, source):
    ledger = Ledger(target)
    for n in range(50):
        ledger.add([written(target, source, content=b"%d" % n)])
    ledger = reopened(ledger, target)
    lines = (target / ".napari-unet" / "done.jsonl").read_bytes().splitlines()
    assert len(lines) == 1
    ledger.close()


def test_a_folder_is_one_result(target, source):
    (target / "a.zarr" / "0").mkdir(parents=True)
    (target / "a.zarr" / "0" / "0").write_bytes(b"chunk")
    (target / "a.zarr" / ".zattrs").write_bytes(b"{}")
    before, stamp = digest(target / "a.zarr"), Stamp.of(target / "a.zarr")
    assert stamp.size == 7
    (target / "a.zarr" / "0" / "0").rename(target / "a.zarr" / "0" / "1")
    assert digest(target / "a.zarr") != before


def test_another_process_is_kept_out_until_this_one_ends(target):
    code = (
        "import sys; from pathlib import Path; from napari_unet.engine.batch.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1])); print('has it', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"has it\n"
        with pytest.raises(FileError, match="Another batch is writing"):
            Ledger(target)
        other.kill()
    Ledger(target).close()


def test_a_folder_that_cannot_be_written_to(target):
    (target / ".napari-unet").write_bytes(b"a file where the folder should be")
    with pytest.raises(FileError, match="cannot be written to"):
        Ledger(target)
