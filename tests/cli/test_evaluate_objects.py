from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.core.metrics import score_objects

TRUTH = np.zeros((30, 40), np.uint16)
TRUTH[2:12, 2:12], TRUTH[2:12, 20:30], TRUTH[18:28, 5:15] = 1, 2, 700
FOUND = TRUTH.copy()
FOUND[2:12, 20:30] = 0
FOUND[18:28, 5:12] = 3


@pytest.fixture
def run(evaluate, tmp_path):
    def run(*more):
        return evaluate("--objects", *more)

    def write(name, truth, found):
        tifffile.imwrite(evaluate.truth / f"{name}.tif", truth)
        tifffile.imwrite(evaluate.found / f"{name}.tif", found)

    run.write, run.folder = write, tmp_path
    return run


def test_a_table_of_all_files_together(run):
    run.write("a", TRUTH, FOUND)
    run.write("b", TRUTH, TRUTH)
    code, out, err = run()
    assert (code, err) == (0, "")
    rows = dict(line.rsplit(maxsplit=1) for line in out.splitlines()[2:])
    rows = {name.strip(): value for name, value in rows.items()}
    assert rows["true objects"] == "6"
    assert rows["found objects"] == "6"  # one is missed, one is in two parts
    assert rows["F1 at IoU 0.5"] == "0.833"
    assert rows["AP at IoU 0.9"] == f"{4 / 8:.3f}"
    assert rows["SEG"] == f"{(1 + 0 + 0.7 + 3) / 6:.3f}"
    assert 0 < float(rows["V_rand"]) < 1


def test_json_has_a_line_for_each_file_and_one_for_all(run):
    run.write("a", TRUTH, FOUND)
    run.write("b", TRUTH, TRUTH)
    code, out, _ = run("--json")
    a, b, both = map(json.loads, out.splitlines())
    assert code == 0
    assert (a["file"], b["file"], both["files"]) == ("a", "b", 2)
    assert a["SEG"] == pytest.approx(dict(score_objects(TRUTH, FOUND).rows())["SEG"])
    assert b["F1 at IoU 0.9"] == 1
    assert both["true objects"] == 6


def test_a_table_is_written(run):
    run.write("a", TRUTH, FOUND)
    target = run.folder / "new" / "scores.csv"
    code, _, _ = run("--csv", target)
    assert code == 0
    rows = list(csv.DictReader(target.read_text(encoding="utf-8").splitlines()))
    assert [row["file"] for row in rows] == ["a", "all"]
    assert float(rows[0]["SEG"]) == pytest.approx((1 + 0.7) / 3)


def test_class_scores_are_written_too(run, evaluate):
    run.write("a", TRUTH.clip(0, 2), FOUND.clip(0, 2))
    target = run.folder / "classes.csv"
    code, _, _ = evaluate("--csv", target)
    assert code == 0
    rows = list(csv.DictReader(target.read_text(encoding="utf-8").splitlines()))
    assert [(row["file"], row["class"]) for row in rows] == [
        ("a", "1"), ("a", "2"), ("a", "mean"), ("all", "1"), ("all", "2"), ("all", "mean"),
    ]  # fmt: skip


def test_the_folder_of_a_batch_is_taken_as_it_is(run, evaluate):
    run.write("a", TRUTH, TRUTH > 0)  # the classes
    run.write("b", TRUTH, FOUND)
    run.write("c_objects", TRUTH, TRUTH)
    tifffile.imwrite(evaluate.found / "a_objects.tif", FOUND)
    tifffile.imwrite(evaluate.found / "a_probabilities.tif", TRUTH.astype(np.float32))
    tifffile.imwrite(evaluate.truth / "d.ome.tif", TRUTH)
    tifffile.imwrite(evaluate.found / "d.ome_objects.tif", TRUTH)
    code, out, err = run("--json")
    a, b, c, d, _ = map(json.loads, out.splitlines())
    assert code == 0
    assert [row["file"] for row in (a, b, c, d)] == ["a", "b", "c_objects", "d.ome"]
    assert a["IoU of pixels"] == pytest.approx(200 / 300)
    assert {key: a[key] for key in a if key != "file"} == {
        key: b[key] for key in b if key != "file"
    }
    assert c["SEG"] == d["SEG"] == 1
    assert f"left out: {evaluate.found / 'a.tif'}, {evaluate.found / 'a_prob'}" in err


def test_bad_files_are_told_and_the_rest_is_compared(run):
    run.write("a", TRUTH, TRUTH)
    run.write("b", TRUTH, FOUND[:, :30])
    run.write("c", TRUTH * 0, FOUND)
    run.write("d", TRUTH, FOUND.astype(np.float32))
    colour = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
    run.write("e", TRUTH, FOUND)
    (run.folder / "found" / "e.tif").unlink()
    colour.save(run.folder / "found" / "e.png")
    code, out, err = run()
    assert code == 1
    assert "b.tif is 30 × 30 px but" in err
    assert "c.tif is 0 all over" in err
    assert "d.tif does not hold the numbers of objects" in err
    assert "e.png does not hold the numbers of objects" in err
    assert ["SEG", "1.000"] in [line.split() for line in out.splitlines()]


def test_nothing_to_tell(run):
    run.write("a", TRUTH * 0, FOUND)
    target = run.folder / "scores.csv"
    code, out, err = run("--csv", target)
    assert (code, out) == (1, "")
    assert "0 all over" in err
    assert not target.exists()
