from __future__ import annotations

from pathlib import Path

import pytest

from napari_unet.core.files import FileError
from napari_unet.core.recipe import Recipe
from napari_unet.engine.batch import plan as plans
from napari_unet.engine.batch.plan import Job, Order, plan


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def stems(jobs):
    return [job.stem for job in jobs]


def test_sub_folders_only_when_asked(tmp_path):
    touch(tmp_path, "in/a.tif", "in/b/a.tif", "in/b/c/d.png", "in/.hidden/e.tif")
    order = Order((tmp_path / "in",), tmp_path / "out")
    assert stems(plan(order)) == ["a"]
    order = Order((tmp_path / "in",), tmp_path / "out", deep=True)
    assert stems(plan(order)) == ["a", "b/a", "b/c/d"]
    assert [job.name for job in plan(order)] == ["a.tif", "b/a.tif", "b/c/d.png"]


def test_a_file_that_is_named_twice_is_one_job(tmp_path):
    touch(tmp_path, "in/a.tif")
    order = Order((tmp_path / "in", tmp_path / "in" / "a.tif"), tmp_path / "out")
    assert len(plan(order)) == 1


def test_the_first_so_many(tmp_path):
    touch(tmp_path, "in/a1.tif", "in/a2.tif", "in/a10.tif")
    order = Order((tmp_path / "in",), tmp_path / "out", limit=2)
    assert stems(plan(order)) == ["a1", "a2"]


def test_results_are_called_like_the_file(tmp_path):
    kinds = ("classes", "objects", "probabilities", "measurements")
    job = Job(tmp_path / "b" / "x.ome.tif", "b/x.ome.tif", "b/x.ome")
    assert job.results(Recipe(kinds)) == {
        "classes": "b/x.ome.tif",
        "objects": "b/x.ome_objects.tif",
        "probabilities": "b/x.ome_probabilities.tif",
        "measurements": ".napari-unet/measurements/b/x.ome.csv",
    }
    assert job.results(Recipe(kinds, "ome-zarr"))["objects"] == "b/x_objects.ome.zarr"


def test_an_image_may_be_called_like_another_ones_objects(tmp_path):
    touch(tmp_path, "in/a.tif", "in/a_objects.tif", "in/b.tif")
    order = Order((tmp_path / "in",), tmp_path / "out", recipe=Recipe(("classes", "objects")))
    paths = [path for job in plan(order) for path in job.results(order.recipe).values()]
    assert len(set(paths)) == 6
    assert "b.tif" in paths


def test_each_image_of_a_microscopes_file_is_a_job(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "scene_names", lambda file: ("left", "right", "right"))
    touch(tmp_path, "in/a.lif", "in/a.tif")
    jobs = plan(Order((tmp_path / "in",), tmp_path / "out"))
    assert [(job.stem, job.scene, Path(job.said).name) for job in jobs] == [
        ("a_1", 0, "a.lif [1]"),
        ("a_2", 1, "a.lif [2]"),
        ("a_3", 2, "a.lif [3]"),
        ("a", 0, "a.tif"),
    ]


def test_files_beyond_the_limit_are_not_looked_into(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(plans, "scene_names", lambda file: opened.append(file.name) or ("l", "r"))
    touch(tmp_path, "in/a.lif", "in/b.lif", "in/c.lif")
    order = Order((tmp_path / "in",), tmp_path / "out", limit=1)
    assert stems(plan(order)) == ["a_1"]
    assert opened == ["a.lif"]


def test_files_of_slide_scanners_are_found(tmp_path):
    touch(tmp_path, "in/a.svs", "in/b.ndpi", "in/c.SCN", "in/d.qptiff", "in/e.btf")
    assert stems(plan(Order((tmp_path / "in",), tmp_path / "out"))) == list("abcde")


def test_an_ome_zarr_is_one_image_and_results_do_not_go_into_it(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "scene_names", lambda file: ("one",))
    touch(tmp_path, "in/a.zarr/0/.zarray")
    for place in (tmp_path / "in", tmp_path / "in" / "a.zarr"):
        assert stems(plan(Order((place,), tmp_path / "out", deep=True))) == ["a"]
    for target in (tmp_path / "in" / "a.zarr", tmp_path / "in" / "a.zarr" / "deeper"):
        with pytest.raises(FileError, match="lies where results would be written"):
            plan(Order((tmp_path / "in",), target))


def test_results_of_another_batch_are_no_images(tmp_path):
    touch(tmp_path, "in/a.tif", "in/labels/a.tif", "in/labels/.napari-unet/done.jsonl")
    order = Order((tmp_path / "in",), tmp_path / "out", deep=True)
    assert stems(plan(order)) == ["a"]


def test_a_package_without_an_image_is_one_job_that_will_say_so(tmp_path, monkeypatch):
    touch(tmp_path, "a.nd2")
    monkeypatch.setattr(plans, "scene_names", lambda _: ())
    assert stems(plan(Order((tmp_path,), tmp_path / "out"))) == ["a"]
