from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
import threading
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.core.annotations import Annotations
from napari_unet.core.files import FileError, read_labels
from napari_unet.core.image import ImageError
from napari_unet.core.model import Model
from napari_unet.core.objects import ObjectSettings, find_objects
from napari_unet.core.reading import open_stack
from napari_unet.core.recipe import Recipe
from napari_unet.core.settings import Settings
from napari_unet.core.unet import UNet
from napari_unet.engine import codec, folder
from napari_unet.engine.batch.plan import Order
from napari_unet.engine.folder import segment_folder
from napari_unet.engine.inbox import Inbox
from napari_unet.engine.jobs import Jobs
from napari_unet.engine.messages import (
    Annotate,
    Answered,
    Configure,
    Failed,
    FileAdvanced,
    FileSegmented,
    FolderFound,
    FolderSegmented,
    Open,
    Refused,
    SegmentFolder,
)
from napari_unet.engine.session import Session
from napari_unet.engine.workbench import Workbench


class Threshold:
    """Class 2 where it is bright."""

    classes = ("dark", "bright")

    def __init__(self, name=b"threshold"):
        self.identity, self.seen = name, 0

    def pieces(self, plane, *, probabilities):
        self.seen += 1
        if np.ptp(plane) == 0:
            raise ImageError("All pixels of this image have the same value.")
        bright = plane[0] > 100
        half = (len(bright) + 1) // 2
        for rows in (slice(0, half), slice(half, len(bright))):
            part = bright[rows]
            shares = np.stack([~part, part]).astype(np.float32) if probabilities else None
            yield (rows, slice(0, bright.shape[1])), part.astype(np.uint8) + 1, shares


def image(seed):
    return np.random.default_rng(seed).integers(0, 255, (20, 30), dtype=np.uint8)


def truth(seed):
    return np.where(image(seed) > 100, 2, 1)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for n in (1, 2, 10):
        tifffile.imwrite(folder / f"a{n}.tif", image(n))
    Image.fromarray(np.stack([image(3)] * 3, -1)).save(folder / "b.png")
    return folder


def run(model, places, target, *, stopped=lambda: False, **options):
    places = (places,) if isinstance(places, Path) else tuple(places)
    order = Order(places, target, **options)
    found, *events, end = segment_folder(order, model, stopped=stopped)
    assert isinstance(found, FolderFound)
    assert isinstance(end, FolderSegmented)
    files = [e for e in events if isinstance(e, FileSegmented)]
    assert len(files) + len([e for e in events if isinstance(e, FileAdvanced)]) == len(events)
    return files, end


def seen(folder):
    """What a user sees in a folder."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and ".napari-unet" not in path.parts
    )


def digests(folder):
    return {p: hashlib.sha256(p.read_bytes()).digest() for p in folder.rglob("*") if p.is_file()}


def test_each_image_becomes_a_label_file_of_the_same_stem(source, tmp_path):
    out = tmp_path / "new" / "labels"
    files, end = run(Threshold(), source, out)
    assert (end.written, end.skipped, end.failed, end.cancelled) == (4, 0, 0, False)
    assert [Path(f.target).name for f in files] == ["a1.tif", "a2.tif", "a10.tif", "b.tif"]
    assert [(f.done, f.total) for f in files] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    labels = read_labels(out / "a10.tif")
    assert labels.dtype == np.uint8
    assert (labels == truth(10)).all()
    assert seen(out) == ["a1.tif", "a10.tif", "a2.tif", "b.tif"]


def test_one_file_is_enough_and_a_pattern_chooses(source, tmp_path):
    assert run(Threshold(), source / "a1.tif", tmp_path / "one")[1].written == 1
    _, end = run(Threshold(), [source / "a1.tif", source / "b.png"], tmp_path / "two")
    assert end.written == 2
    assert run(Threshold(), source, tmp_path / "three", pattern="*.tif")[1].written == 3


def test_sub_folders_are_mirrored(source, tmp_path):
    (source / "day 1" / "well").mkdir(parents=True)
    tifffile.imwrite(source / "day 1" / "well" / "a1.tif", image(7))
    assert run(Threshold(), source, tmp_path / "flat")[1].written == 4
    out = source / "labels"
    assert run(Threshold(), source, out, deep=True)[1].written == 5
    assert (read_labels(out / "day 1" / "well" / "a1.tif") == truth(7)).all()
    assert run(Threshold(), source, out, deep=True)[1].skipped == 5  # no label file is an image


def test_files_of_one_stem_keep_their_whole_names(source, tmp_path):
    Image.fromarray(image(5)).save(source / "a1.png")
    _, end = run(Threshold(), source, tmp_path / "out")
    assert (end.written, end.failed) == (5, 0)
    assert (read_labels(tmp_path / "out" / "a1.png.tif") == truth(5)).all()
    assert (read_labels(tmp_path / "out" / "a1.tif.tif") == truth(1)).all()
    assert not (tmp_path / "out" / "a1.tif").exists()


def test_the_same_name_in_two_folders_is_told(source, tmp_path):
    (tmp_path / "more").mkdir()
    tifffile.imwrite(tmp_path / "more" / "a1.tif", image(5))
    files, end = run(Threshold(), [source, tmp_path / "more"], tmp_path / "out")
    assert (end.written, end.failed) == (3, 2)
    assert all("has the same name as another image" in f.error for f in files if f.error)


def test_what_is_done_is_skipped_until_image_model_or_recipe_change(source, tmp_path):
    out, model = tmp_path / "labels", Threshold()
    run(model, source, out)
    assert model.seen == 4
    files, end = run(model, source, out)
    assert (end.written, end.skipped, model.seen) == (0, 4, 4)
    assert all(f.skipped for f in files)

    os.utime(source / "a1.tif", (1e9, 1e9))  # copied to and fro: the pixels are the same
    tifffile.imwrite(source / "a2.tif", image(99))
    files, end = run(model, source, out)
    assert (end.written, end.skipped) == (1, 3)
    assert (read_labels(out / "a2.tif") == truth(99)).all()

    assert run(Threshold(b"another"), source, out)[1].written == 4
    assert run(Threshold(b"another"), source, out, again=True)[1].written == 4
    both = Recipe(kinds=("classes", "objects"))
    assert run(Threshold(b"another"), source, out, recipe=both)[1].written == 4
    (out / "b_objects.tif").unlink()
    assert run(Threshold(b"another"), source, out, recipe=both)[1].written == 1


def test_files_of_other_origin_are_not_overwritten_unasked(source, tmp_path):
    out = tmp_path / "labels"
    out.mkdir()
    mine = np.full((20, 30), 3, np.uint8)
    tifffile.imwrite(out / "a1.tif", mine)
    files, end = run(Threshold(), source, out)
    assert (end.written, end.failed) == (3, 1)
    assert "was not written by this program" in next(f.error for f in files if f.error)
    assert (read_labels(out / "a1.tif") == mine).all()
    assert run(Threshold(), source, out, again=True)[1].failed == 0
    assert read_labels(out / "a1.tif").max() == 2


def test_labels_that_were_corrected_by_hand_are_kept(source, tmp_path):
    out = tmp_path / "labels"
    run(Threshold(), source, out)
    corrected = np.full((20, 30), 2, np.uint8)
    tifffile.imwrite(out / "a1.tif", corrected)
    assert run(Threshold(), source, out)[1].skipped == 4
    _, end = run(Threshold(b"another"), source, out)
    assert (end.written, end.failed) == (3, 1)
    assert (read_labels(out / "a1.tif") == corrected).all()


def test_broken_files_are_told_and_the_rest_goes_on(source, tmp_path):
    (source / "a1.tif").write_bytes(b"")
    (source / "a2.tif").write_bytes((source / "a2.tif").read_bytes()[:200])
    tifffile.imwrite(source / "a10.tif", np.full((20, 30), 5, np.uint8))
    (source / "c.czi").write_bytes(b"x")
    files, end = run(Threshold(), source, tmp_path / "labels")
    assert (end.written, end.failed) == (1, 4)
    said = {Path(f.source).name: f.error for f in files}
    assert "a1.tif is an empty file" in said["a1.tif"]
    assert "a2.tif cannot be read" in said["a2.tif"]
    assert "a10.tif: All pixels of this image have the same value" in said["a10.tif"]
    assert "bioio-czi" in said["c.czi"]
    assert said["b.png"] == ""
    assert seen(tmp_path / "labels") == ["b.tif"]


def test_an_error_nobody_foresaw_is_not_hidden_and_the_rest_goes_on(source, tmp_path, caplog):
    class Broken(Threshold):
        def pieces(self, plane, *, probabilities):
            if (plane[0] == image(2)).all():
                raise RuntimeError("a bug")
            return super().pieces(plane, probabilities=probabilities)

    files, end = run(Broken(), source, tmp_path / "labels")
    assert (end.written, end.failed, end.problem) == (3, 1, "")
    (said,) = (f.error for f in files if f.error)
    assert "a2.tif: unforeseen RuntimeError: a bug. Please report it" in said
    assert "in pieces" in caplog.text  # the traceback
    assert run(Threshold(), source, tmp_path / "labels")[1].written == 1  # it is not done


@pytest.mark.parametrize(
    "broken",
    [
        "napari_unet.engine.batch.sheet.open_stack",
        "napari_unet.engine.batch.counting.find_objects",
        "napari_unet.engine.batch.delivery.write_image",
    ],
)
def test_errors_in_reading_counting_and_writing_end_no_batch(
    source, tmp_path, monkeypatch, caplog, broken
):
    def bug(*_args, **_kinds):
        raise IndexError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(broken, bug)
        both = Recipe(("classes", "objects"))
        files, end = run(Threshold(), source, tmp_path / "labels", recipe=both)
    assert (end.written, end.failed) == (0, 4)
    assert all("unforeseen IndexError: a bug" in f.error for f in files)
    assert caplog.text.count("in bug") == 4
    assert seen(tmp_path / "labels") == []


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_names_that_are_no_text(source, tmp_path):
    x, y, z = (source / os.fsdecode(letter + b"\xfc.tif") for letter in (b"x", b"y", b"z"))
    try:
        (source / "a1.tif").rename(z)
        shutil.copy(z, y)
    except OSError:
        pytest.skip("this file system takes text only")
    x.write_bytes(b"")
    out = tmp_path / "labels"
    kinds = ("classes", "measurements")
    for done in ("written", "skipped"):
        order = Order((source,), out, recipe=Recipe(kinds))
        events = list(segment_folder(order, Threshold()))
        for event in events:
            codec.write(io.BytesIO(), event)  # as text that can be sent
        assert getattr(events[-1], done) == 5
        assert events[-1].failed == 1
    assert "z_udcfc.tif" in seen(out)
    table = (out / "measurements.csv").read_text(encoding="utf-8")
    assert {"z\\udcfc.tif", "y\\udcfc.tif"} <= {
        r["file"] for r in csv.DictReader(table.splitlines())
    }


def test_what_cannot_start_is_refused_before_the_first_file(source, tmp_path):
    def refused(places, target, **options):
        with pytest.raises(FileError) as told:
            segment_folder(Order(places, target, **options), Threshold())
        return str(told.value)

    out = tmp_path / "labels"
    assert "There is no file or folder" in refused((tmp_path / "none",), out)
    assert "choose another folder for the results" in refused((source,), source)
    assert "choose another folder" in refused((source / "a1.tif",), source / ".." / "images")
    assert "is a file: name a folder" in refused((source,), source / "a1.tif")
    (tmp_path / "plain").write_text("")
    assert "cannot be made" in refused((source,), tmp_path / "plain" / "deeper")
    assert "holds no image whose name matches" in refused((source,), out, pattern="c*")
    assert not out.exists()


def test_a_folder_that_mirrors_into_the_images_is_refused(source, tmp_path):
    (source / "sub").mkdir()
    tifffile.imwrite(source / "sub" / "a.tif", image(1))
    with pytest.raises(FileError, match="lies where results would be written"):
        segment_folder(Order((source / "sub",), source / "sub", deep=True), Threshold())
    other = tmp_path / "link"
    other.symlink_to(source, target_is_directory=True)
    with pytest.raises(FileError, match="lies where results would be written"):
        segment_folder(Order((source,), other), Threshold())


def test_links_among_results_are_refused(source, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    (links / "a1.tif").symlink_to(source / "a1.tif")
    with pytest.raises(FileError, match="lies where results would be written"):
        segment_folder(Order((links,), links, again=True), Threshold())
    (links / "sub").symlink_to(source, target_is_directory=True)
    (tmp_path / "more" / "sub").mkdir(parents=True)
    tifffile.imwrite(tmp_path / "more" / "sub" / "a1.tif", image(5))
    with pytest.raises(FileError, match="lies where results would be written"):
        segment_folder(
            Order((tmp_path / "more", source), links, deep=True, again=True), Threshold()
        )
    assert run(Threshold(), links / "a1.tif", tmp_path / "out")[1].written == 1


def test_each_image_of_a_tiff_gets_results(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        for n in (1, 2):
            writer.write(image(n), metadata={"axes": "YX"})
    recipe = Recipe(("classes", "measurements"))
    files, end = run(Threshold(), tmp_path / "a.ome.tif", tmp_path / "out", recipe=recipe)
    assert (end.written, end.failed) == (2, 0)
    assert [Path(f.source).name for f in files] == ["a.ome.tif [1]", "a.ome.tif [2]"]
    for n in (1, 2):
        assert (read_labels(tmp_path / "out" / f"a.ome_{n}.tif") == truth(n)).all()
    table = tmp_path / "out" / "measurements.csv"
    assert files_in(table) == ["a.ome.tif [1]", "a.ome.tif [2]"]


def test_two_batches_do_not_write_to_one_folder(source, tmp_path):
    order = Order((source,), tmp_path / "labels")
    first = segment_folder(order, Threshold())
    next(first)
    (end,) = segment_folder(order, Threshold())
    assert "Another batch is writing" in end.problem
    first.close()
    assert run(Threshold(), source, tmp_path / "labels")[1].written == 4


def test_a_batch_can_be_stopped_and_goes_on_later(source, tmp_path):
    model, out = Threshold(), tmp_path / "labels"
    files, end = run(model, source, out, stopped=lambda: model.seen == 2)
    assert end.cancelled
    assert end.written == len(files) <= 2
    assert seen(out) == sorted(Path(f.target).name for f in files)
    _, end = run(model, source, out)
    assert (end.skipped, end.written) == (len(files), 4 - len(files))


def test_a_generator_that_is_dropped_leaves_no_threads_and_no_halves(source, tmp_path):
    before = threading.active_count()
    events = segment_folder(Order((source,), tmp_path / "labels"), Threshold())
    while not isinstance(next(events), FileSegmented):
        pass
    events.close()
    assert threading.active_count() == before
    assert seen(tmp_path / "labels") == ["a1.tif"]


def test_the_network_of_a_window_is_known_again(small, quick, toy, tmp_path, monkeypatch):
    """Its file is made anew for each batch, with the time in it."""
    case, source = toy(), tmp_path / "in"
    source.mkdir()
    for n in range(3):
        tifffile.imwrite(source / f"{n}.tif", toy(seed=n).raw[0])
    inbox = Inbox(
        Configure(("ground", "disk"), quick()), Open("a", case.raw),
        Annotate("a", Annotations.of(case.paint)),
    )  # fmt: skip
    events, ends = Session(spare=0).run(inbox), []
    next(event for event in events if isinstance(event, Answered))
    for year in (2030, 2031):
        monkeypatch.setattr("napari_unet.core.model.datetime", Clock(year))
        inbox.post(SegmentFolder(str(source), str(tmp_path / "out")))
        told = next(e for e in events if isinstance(e, (FolderSegmented, Refused, Failed)))
        ends.append(told)
    events.close()
    assert [(end.written, end.skipped, end.failed) for end in ends] == [(3, 0, 0), (0, 3, 0)]


class Clock:
    """In the place of `datetime`."""

    def __init__(self, year):
        self._year = year

    def now(self, zone):
        return datetime(self._year, 1, 1, tzinfo=zone)


def test_a_second_command_takes_the_place_of_the_first(source, tmp_path):
    model = Model.of(UNet(1, 2, width=2, depth=1), ("dark", "bright"), Settings()).to_bytes()
    command = SegmentFolder(str(source), str(tmp_path / "out"), "*.tif", model)
    jobs = Jobs(Workbench(spare=0))
    for steps in (0, 3, 30):
        jobs.take(command)
        told = [event for _ in range(steps) for event in jobs.work()]
    assert told[-1].written + told[-1].skipped == 3
    assert not jobs.waiting


class Unsure:
    """A bar of class 2, which dips where it is unsure: two cells that its shape does not tell."""

    classes, identity = ("ground", "cell"), b"unsure"
    share = np.zeros((30, 100), np.float32)
    share[5:25, 5:95] = 1
    share[5:25, 46:52] = 0.55

    def pieces(self, plane, *, probabilities):
        for columns in (slice(0, 48), slice(48, 100)):
            part = self.share[:, columns]
            shares = np.stack([1 - part, part]) if probabilities else None
            yield (slice(0, 30), columns), (part > 0.5).astype(np.uint8) + 1, shares


@pytest.fixture
def bar(tmp_path):
    path = tmp_path / "bar.tif"
    tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (30, 100), dtype=np.uint8))
    return path


@pytest.mark.parametrize("kinds", [("objects",), ("objects", "classes", "probabilities")])
def test_objects_are_cut_where_the_network_is_unsure(bar, tmp_path, kinds):
    (told,), _ = run(Unsure(), bar, tmp_path / "out", recipe=Recipe(kinds))
    found = tifffile.imread(tmp_path / "out" / "bar_objects.tif")
    classes = (Unsure.share > 0.5).astype(np.uint8) + 1
    assert told.objects == found.max() == 2
    assert np.array_equal(found, find_objects(classes, 2, probability=Unsure.share))
    assert find_objects(classes, 2).max() == 1
    ends = {"classes": "", "objects": "_objects", "probabilities": "_probabilities"}
    assert seen(tmp_path / "out") == sorted(f"bar{ends[kind]}.tif" for kind in kinds)


def test_each_plane_of_a_stack_has_its_own_cuts(tmp_path):
    class Half(Unsure):
        """Unsure on the first plane only."""

        planes = 0

        def pieces(self, plane, *, probabilities):
            self.planes += 1
            for window, classes, shares in super().pieces(plane, probabilities=probabilities):
                yield window, classes, shares if self.planes == 1 else np.round(shares)

    noise = np.random.default_rng(0).integers(0, 255, (2, 30, 100), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", noise, metadata={"axes": "ZYX"})
    run(Half(), tmp_path / "s.tif", tmp_path / "out", recipe=Recipe(("objects",)))
    found = tifffile.imread(tmp_path / "out" / "s_objects.tif")
    assert [np.unique(plane).tolist() for plane in found] == [[0, 1, 2], [0, 3]]


def test_where_nothing_is_cut_no_probability_is_asked_for(bar, tmp_path):
    asked = []

    class Asked(Unsure):
        def pieces(self, plane, *, probabilities):
            asked.append(probabilities)
            return super().pieces(plane, probabilities=probabilities)

    whole = Recipe(("objects",), objects=ObjectSettings(split=False))
    for recipe in (Recipe(), whole, Recipe(("measurements",))):
        run(Asked(), bar, tmp_path / "out", recipe=recipe)
    assert asked == [False, False, True]


def test_objects_that_an_earlier_version_cut_are_found_anew(bar, tmp_path, monkeypatch):
    both, whole = Recipe(("classes", "objects")), Recipe(objects=ObjectSettings(split=False))
    with monkeypatch.context() as patch:
        patch.setattr(folder, "_CUT", b"")  # as the key was
        for recipe in (both, whole):
            run(Unsure(), bar, tmp_path / str(recipe.counts), recipe=recipe)
    assert run(Unsure(), bar, tmp_path / "True", recipe=both)[1].written == 1
    assert run(Unsure(), bar, tmp_path / "True", recipe=both)[1].skipped == 1
    assert run(Unsure(), bar, tmp_path / "False", recipe=whole)[1].skipped == 1


def test_a_stack_of_small_planes_tells_how_far_it_is(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", np.stack([image(n) for n in range(8)]))
    model = Threshold()
    order = Order((tmp_path / "s.tif",), tmp_path / "out")
    *_, end = segment_folder(order, model, stopped=lambda: model.seen == 3)
    assert (end.cancelled, end.written, model.seen) == (True, 0, 3)
    events = list(segment_folder(order, Threshold()))
    shares = [event.share for event in events if isinstance(event, FileAdvanced)]
    assert shares == sorted(shares)
    assert {1 / 16, 1 / 8, 15 / 16} <= set(shares)
    assert max(shares) < 1


def test_leftovers_of_a_killed_batch_are_deleted(source, tmp_path):
    out = tmp_path / "labels"
    out.mkdir()
    (out / ".a1.tif.0123abcd.part").write_bytes(b"half")
    (out / ".b.ome.zarr.0123abcd.part").mkdir()
    (out / ".mine.part").write_bytes(b"not ours")
    run(Threshold(), source, out)
    assert seen(out) == [".mine.part", "a1.tif", "a10.tif", "a2.tif", "b.tif"]


def test_images_are_never_touched(source, tmp_path):
    before = digests(source)
    times = {p: p.stat().st_mtime_ns for p in before}
    kinds = ("classes", "objects", "probabilities", "measurements")
    run(Threshold(), source, source / "out", deep=True, recipe=Recipe(kinds))
    after = digests(source)
    assert {p: after[p] for p in before} == before
    assert {p: p.stat().st_mtime_ns for p in before} == times


@pytest.fixture
def stack(tmp_path):
    """Two channels, three times, two heights; bright squares in the first channel."""
    data = np.full((3, 2, 2, 40, 50), 20, np.uint16)
    for t, z in np.ndindex(3, 2):
        for square in range(t + z):
            data[t, z, 0, 5:15, 3 + 14 * square : 13 + 14 * square] = 200
        data[t, z, 0, 0, 0] = 101
        data[t, z, 1] = 1000 * t + z
    folder = tmp_path / "stacks"
    folder.mkdir()
    tifffile.imwrite(
        folder / "s.ome.tif",
        data,
        compression="zlib",
        metadata={
            "axes": "TZCYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5, "TimeIncrement": 10.0,
            "Channel": {"Name": ["actin", "dapi"]},
        },
    )  # fmt: skip
    return folder


def test_a_stack_is_segmented_plane_by_plane_and_keeps_its_axes(stack, tmp_path):
    kinds = ("classes", "objects", "probabilities", "measurements")
    files, _ = run(Threshold(), stack, tmp_path / "out", recipe=Recipe(kinds))
    assert files[0].error == ""
    assert files[0].objects == 9
    with tifffile.TiffFile(tmp_path / "out" / "s.ome.tif") as file:
        assert file.series[0].axes == "TZYX"
        classes = file.asarray()
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
    assert classes.shape == (3, 2, 40, 50)
    assert (classes[2, 1] == 2).sum() == 301
    assert (pixels["PhysicalSizeX"], pixels["TimeIncrement"]) == (0.5, 10.0)
    with tifffile.TiffFile(tmp_path / "out" / "s.ome_probabilities.tif") as file:
        assert file.series[0].axes == "TZCYX"
        assert file.series[0].shape == (3, 2, 2, 40, 50)
        assert (file.asarray()[:, :, 1] == (classes == 2)).all()
        channels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]["Channel"]
    assert [c["Name"] for c in channels] == ["dark", "bright"]
    objects = tifffile.imread(tmp_path / "out" / "s.ome_objects.tif")
    assert objects.dtype == np.uint16
    assert sorted(np.unique(objects)) == list(range(10))
    table = (tmp_path / "out" / "measurements.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(table.splitlines()))
    assert [row["file"] for row in rows] == ["s.ome.tif"] * 9
    assert [int(row["object"]) for row in rows] == list(range(1, 10))
    assert {row["class"] for row in rows} == {"bright"}
    assert [(row["t"], row["z"]) for row in rows[-3:]] == [("2", "1")] * 3
    assert float(rows[0]["area (µm²)"]) == 25
    assert float(rows[-1]["dapi mean"]) == 2001


def files_in(table):
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return list(dict.fromkeys(row["file"] for row in rows))


def test_a_table_has_rows_of_one_model_and_of_images_as_they_are(source, tmp_path):
    class Picky(Threshold):
        def pieces(self, plane, *, probabilities):
            if (plane[0] == image(2)).all():
                raise ImageError("not this one")
            return super().pieces(plane, probabilities=probabilities)

    out, recipe = tmp_path / "out", Recipe(kinds=("measurements",))
    run(Threshold(b"A"), source, out, recipe=recipe)
    assert len(files_in(out / "measurements.csv")) == 4
    run(Picky(b"B"), source, out, recipe=recipe)  # of a2 there are rows of A only
    assert files_in(out / "measurements.csv") == ["a1.tif", "a10.tif", "b.png"]
    run(Threshold(b"B"), source, out, recipe=recipe, pattern="*.png")
    assert files_in(out / "measurements.csv") == ["b.png"]
    (source / "a1.tif").write_bytes(b"broken since")
    run(Threshold(b"B"), source, out, recipe=recipe, again=True)
    assert files_in(out / "measurements.csv") == ["a2.tif", "a10.tif", "b.png"]


def test_one_table_for_all_files_also_when_some_were_done_before(source, tmp_path):
    out = tmp_path / "out"
    recipe = Recipe(kinds=("measurements",), objects=ObjectSettings(smallest=1))
    run(Threshold(), source, out, recipe=recipe)
    assert seen(out) == ["measurements.csv"]
    whole = (out / "measurements.csv").read_bytes()
    tifffile.imwrite(source / "a2.tif", image(99))
    run(Threshold(), source, out, recipe=recipe)
    assert files_in(out / "measurements.csv") == ["a1.tif", "a2.tif", "a10.tif", "b.png"]
    tifffile.imwrite(source / "a2.tif", image(2))
    run(Threshold(), source, out, recipe=recipe)
    assert (out / "measurements.csv").read_bytes() == whole

    (source / "a1.tif").unlink()
    run(Threshold(), source, out, recipe=recipe)
    assert files_in(out / "measurements.csv") == ["a2.tif", "a10.tif", "b.png"]

    (out / "measurements.csv").write_text("my notes")
    (end,) = segment_folder(Order((source,), out, recipe=recipe), Threshold())
    assert "was changed since" in end.problem
    assert (out / "measurements.csv").read_text() == "my notes"


def test_chosen_channels_and_classes(stack, tmp_path):
    recipe = Recipe(("classes", "objects"), channels=(2,), of=(1,))
    files, _ = run(Threshold(), stack, tmp_path / "out", recipe=recipe)
    assert "All pixels" in files[0].error
    recipe = Recipe(("classes",), channels=(3,))
    files, _ = run(Threshold(), stack, tmp_path / "out", recipe=recipe)
    assert "there is no channel 3" in files[0].error
    with pytest.raises(FileError, match=r"2 classes \(dark, bright\), there is no class 3"):
        run(Threshold(), stack, tmp_path / "out", recipe=Recipe(("objects",), of=(3,)))
    recipe = Recipe(("classes", "objects"), channels=(1,), of=(1, 2))
    files, _ = run(Threshold(), stack, tmp_path / "out", recipe=recipe)
    assert files[0].objects > 9


def test_an_image_that_changes_while_it_is_read_is_not_done(source, tmp_path):
    class Meddler(Threshold):
        def pieces(self, plane, *, probabilities):
            tifffile.imwrite(source / "a1.tif", image(self.seen))
            return super().pieces(plane, probabilities=probabilities)

    files, _ = run(Meddler(), source / "a1.tif", tmp_path / "out")
    assert "changed while it was segmented" in files[0].error
    assert run(Threshold(), source, tmp_path / "out")[1].written == 4


def test_ome_zarr(stack, tmp_path):
    pytest.importorskip("bioio_ome_zarr")
    recipe = Recipe(("classes", "probabilities"), format="ome-zarr")
    out = tmp_path / "out"
    assert run(Threshold(), stack, out, recipe=recipe)[1].written == 1
    assert sorted(p.name for p in out.iterdir() if p.name[0] != ".") == [
        "s.ome.zarr",
        "s_probabilities.ome.zarr",
    ]
    with open_stack(out / "s.ome.zarr") as found:
        assert (found.axes, found.shape) == ("TZYX", (3, 2, 40, 50))
        assert found.spacing["X"] == (0.5, "µm")
        assert (found.plane((2, 1)) == 2).sum() == 301
    assert run(Threshold(), stack, out, recipe=recipe)[1].skipped == 1
    assert run(Threshold(b"another"), stack, out, recipe=recipe)[1].written == 1  # replaced
    _, end = run(Threshold(), out, tmp_path / "again", pattern="s.ome*")
    assert end.failed == 0  # they are read again
